//! `InfluxDB` 1.x by its HTTP interface, on this host itself: statements and points under one log-in. Keeps nothing.

use std::fmt::Write as _;

use omsctl_proto::{Secret, TsdbLogIn};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::ports::{Host, HostError, HttpAnswer, HttpPost};

/// What it says while it has no administrator.
const NO_USER: &str = "create admin user first";

/// One server, and as whom it is asked.
pub(crate) struct Influx<'a> {
    host: &'a dyn Host,
    address: String,
    user: &'a str,
    password: &'a Secret,
}

/// What it answers to everything.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    error: Option<String>,
    results: Vec<StatementResult>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StatementResult {
    error: Option<String>,
}

impl<'a> Influx<'a> {
    pub(crate) fn new(host: &'a dyn Host, port: u16, user: &'a str, password: &'a Secret) -> Self {
        Self { host, address: format!("http://127.0.0.1:{port}"), user, password }
    }

    /// Something answers there.
    pub(crate) async fn answers(&self) -> Result<(), HostError> {
        self.host.get(&format!("{}/ping", self.address)).await.map(drop)
    }

    /// What becomes of a log-in.
    pub(crate) async fn log_in(&self) -> TsdbLogIn {
        match self.ask("SHOW DATABASES").await {
            Err(error) => TsdbLogIn::Silent { error: words(&error) },
            Ok(answer) => match complaint(&answer) {
                None => TsdbLogIn::Works,
                Some(words) if words.contains(NO_USER) => TsdbLogIn::NoUser,
                Some(words) if matches!(answer.status, 401 | 403) => TsdbLogIn::Refused { words },
                Some(words) => TsdbLogIn::Silent { error: words },
            },
        }
    }

    /// The user becomes the administrator of a server that has none.
    pub(crate) async fn create_user(&self) -> Result<(), String> {
        let (user, password) = (identifier(self.user), literal(self.password.expose()));
        let statement =
            Zeroizing::new(format!("CREATE USER {user} WITH PASSWORD {} WITH ALL PRIVILEGES", *password));
        self.done(&statement).await.map(drop)
    }

    /// The other administrators.
    pub(crate) async fn other_administrators(&self) -> Result<Vec<String>, String> {
        let answer = self.done("SHOW USERS").await?;
        let parsed: serde_json::Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        let rows = parsed["results"][0]["series"][0]["values"].as_array().cloned().unwrap_or_default();
        let admins = rows.iter().filter(|row| row[1].as_bool() == Some(true));
        let names = admins.filter_map(|row| row[0].as_str()).filter(|name| *name != self.user);
        Ok(names.map(str::to_owned).collect())
    }

    /// Writes a point in a database of its own, reads it back, and takes the database away again.
    pub(crate) async fn write_and_read(&self, token: &str) -> Result<(), String> {
        self.done("CREATE DATABASE omsctl_proof").await?;
        let point = format!("proof value={}", field(token));
        let written = self.post("/write?db=omsctl_proof", "text/plain", Secret::new(point)).await;
        let written = written.map_err(|error| words(&error))?;
        if let Some(words) = complaint(&written) {
            return Err(format!("writing a point: {words}"));
        }
        let read = self.done("SELECT value FROM omsctl_proof..proof").await?;
        if !read.contains(token) {
            return Err("a point that was written is not found again".to_owned());
        }
        self.done("DROP DATABASE omsctl_proof").await.map(drop)
    }

    /// The answer to a statement that was carried out.
    async fn done(&self, statement: &str) -> Result<String, String> {
        let verb: String = statement.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let answer = self.ask(statement).await.map_err(|error| words(&error))?;
        match complaint(&answer) {
            None => Ok(answer.body),
            Some(words) => Err(format!("{verb}: {words}")),
        }
    }

    async fn ask(&self, statement: &str) -> Result<HttpAnswer, HostError> {
        let body = Secret::new(format!("q={}", *encoded(statement)));
        self.post("/query", "application/x-www-form-urlencoded", body).await
    }

    async fn post(
        &self,
        path: &str,
        content_type: &'static str,
        body: Secret,
    ) -> Result<HttpAnswer, HostError> {
        let post =
            HttpPost { content_type, body, user: self.user.to_owned(), password: self.password.clone() };
        self.host.post(&format!("{}{path}", self.address), &post).await
    }
}

/// What is wrong in its own words; `None` when it did what it was told.
fn complaint(answer: &HttpAnswer) -> Option<String> {
    let parsed: Answer = serde_json::from_str(&answer.body).unwrap_or_default();
    let told = parsed.error.or_else(|| parsed.results.into_iter().find_map(|result| result.error));
    let failed = !(200..300).contains(&answer.status);
    told.or_else(|| failed.then(|| format!("HTTP status {}", answer.status)))
}

fn words(error: &HostError) -> String {
    omsctl_proto::ErrorReport::from_error(omsctl_proto::ErrorCode::Tsdb, error).one_line()
}

/// As `InfluxQL` quotes names.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// As `InfluxQL` quotes texts.
fn literal(text: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n")))
}

/// As the line protocol quotes texts.
fn field(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// For the body of a form.
fn encoded(text: &str) -> Zeroizing<String> {
    let mut encoded = Zeroizing::new(String::new());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_cannot_end_its_quotes() {
        assert_eq!(identifier("a\"; DROP"), "\"a\\\"; DROP\"");
        assert_eq!(literal("it's \\ or\nnot").as_str(), "'it\\'s \\\\ or\\nnot'");
        assert_eq!(field("a\" b"), "\"a\\\" b\"");
        assert_eq!(encoded("a 1&ü=").as_str(), "a%201%26%C3%BC%3D");
    }

    #[test]
    fn a_refusal_shows_at_any_depth() {
        let answer = |status, body: &str| HttpAnswer { status, body: body.to_owned() };
        assert_eq!(complaint(&answer(200, r#"{"results":[{"statement_id":0}]}"#)), None);
        assert_eq!(complaint(&answer(204, "")), None);
        assert_eq!(
            complaint(&answer(401, r#"{"error":"authorization failed"}"#)),
            Some("authorization failed".into())
        );
        assert_eq!(
            complaint(&answer(200, r#"{"results":[{"error":"no such database"}]}"#)),
            Some("no such database".into())
        );
        assert_eq!(complaint(&answer(502, "<html>")), Some("HTTP status 502".into()));
    }
}
