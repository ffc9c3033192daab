//! The time-series database that OMS reports its figures to: InfluxDB 1.x in a container of its own (`research/oms.md` 8).
//! Data, and what its parts look like to Docker; touches nothing.

use serde::{Deserialize, Serialize};

use crate::{ContainerFacts, SecretName, WantedImage, WireSecret};

/// Where InfluxDB keeps everything, inside.
const DATA_INSIDE: &str = "/var/lib/influxdb";

/// The database as it shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TsdbSpec {
    pub container: String,
    pub image: WantedImage,
    /// The folder on the host that holds everything of it.
    pub data: String,
    /// Of its HTTP interface, on all addresses of the host.
    pub port: u16,
    /// `--restart`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<String>,
    /// Its administrator, as which OMS logs in.
    pub username: String,
    pub password: SecretName,
}

impl TsdbSpec {
    /// `-v`.
    pub fn bind(&self) -> String {
        format!("{}:{DATA_INSIDE}", self.data)
    }

    /// `--env`: authentication is on, also for `/ping`, and the backup port is the container's own, as in OMS's manual. The
    /// container has the host's network, so its HTTP interface listens on the port itself.
    pub fn environment(&self) -> [String; 4] {
        [
            "INFLUXDB_BIND_ADDRESS=127.0.0.1:14444".to_owned(),
            format!("INFLUXDB_HTTP_BIND_ADDRESS=:{}", self.port),
            "INFLUXDB_HTTP_AUTH_ENABLED=true".to_owned(),
            "INFLUXDB_HTTP_PING_AUTH_ENABLED=true".to_owned(),
        ]
    }

    /// In words, what differs between a container and how it should have been created; the image apart.
    pub fn differences(&self, found: &ContainerFacts) -> Vec<String> {
        let mut differences = Vec::new();
        if !found.binds.contains(&self.bind()) {
            differences.push(format!("mounts: have {}, want {}", found.binds.join(" "), self.bind()));
        }
        let lacks = |pair: &String| !found.environment.contains(pair);
        let missing: Vec<String> = self.environment().into_iter().filter(lacks).collect();
        if !missing.is_empty() {
            differences.push(format!("environment lacks {}", missing.join(" ")));
        }
        if found.network_mode != "host" {
            differences.push(format!("network: have {}, want host", found.network_mode));
        }
        let policy = |text: &str| if text.is_empty() { "no".to_owned() } else { text.to_owned() };
        let (have, want) =
            (policy(&found.restart_policy), policy(self.restart_policy.as_deref().unwrap_or_default()));
        if have != want {
            differences.push(format!("restart policy: have {have}, want {want}"));
        }
        differences
    }
}

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TsdbRequest {
    pub container: String,
    pub port: u16,
    pub username: String,
    pub password: WireSecret,
}

/// The database as it is on its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TsdbFacts {
    pub container: Option<ContainerFacts>,
    pub log_in: TsdbLogIn,
}

/// What the database says to a log-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "log_in", rename_all = "snake_case")]
pub enum TsdbLogIn {
    /// It lets the user in.
    Works,
    /// It has no user at all yet: whoever comes first makes one.
    NoUser,
    /// It knows this user or this password not, in its words.
    Refused { words: String },
    /// Nobody answers, or something that is no InfluxDB.
    Silent { error: String },
}
