//! From entries to a typed [`OmsConfig`]: the file's entries with a region's group variables laid over them. Every key
//! is read, whatever is wrong with the others.

use std::collections::{BTreeMap, BTreeSet};

use omsctl_proto::Secret;

use super::document::{Entry, RawConfig};
use super::environment::Environment;
use super::keys::{KEYS, Key, Kind};
use super::url::parse_cm_url;
use super::value::ValueReader;
use crate::model::{CmUrl, ConfiguredPort, MetaDbLogin, OmsConfig, OmsPorts, Scheme, Tsdb, TsdbService};
use crate::problem::{Place, Problem, ProblemCode, Problems};

/// Values by key, read and typed.
#[derive(Default)]
struct Values {
    texts: BTreeMap<&'static str, String>,
    numbers: BTreeMap<&'static str, u16>,
    booleans: BTreeMap<&'static str, bool>,
    nodes: Option<Vec<std::net::IpAddr>>,
    url: Option<CmUrl>,
    service: Option<TsdbService>,
}

/// The keys of a region, read.
pub(crate) struct ResolvedConfig {
    /// Complete only when [`Self::complete`]; else with empty values, so that the rules between keys can be told too.
    pub(crate) config: OmsConfig,
    /// The keys that are written and could be read.
    pub(crate) valid: BTreeSet<&'static str>,
    /// Every required key could be read.
    pub(crate) complete: bool,
}

/// Reads all keys of a region. What is wrong with them is in the problems.
pub(crate) fn resolve_config(
    raw: &RawConfig,
    overrides: &BTreeMap<&'static str, Entry>,
    environment: &Environment,
    problems: &mut Problems,
) -> ResolvedConfig {
    let mut values = Values::default();
    let mut valid = BTreeSet::new();
    let mut complete = true;
    let entry_of = |name: &str| overrides.get(name).or_else(|| raw.entries.get(name));
    for key in &KEYS {
        let entry = entry_of(key.name);
        let before = problems.0.len();
        let mut reader = ValueReader { environment, problems };
        if entry.is_some_and(|entry| read_value(key, entry, &mut reader, &mut values)) {
            valid.insert(key.name);
            continue;
        }
        complete &= !key.required;
        // A value that was refused is told already.
        if key.required && problems.0.len() == before && !raw.refused.contains_key(key.name) {
            problems.push(missing(key, entry, raw));
        }
    }
    let listed_nodes_place = entry_of("cm_nodes").map(|entry| entry.place.clone());
    ResolvedConfig { config: assemble(values, listed_nodes_place), valid, complete }
}

fn missing(key: &Key, entry: Option<&Entry>, raw: &RawConfig) -> Problem {
    let place = entry.map_or_else(|| Place::file(&raw.file), |entry| entry.place.clone());
    let state = if entry.is_some() { "empty" } else { "missing" };
    Problem::error(ProblemCode::MissingKey, format!("`{}` is required and {state}", key.name))
        .at(&place)
        .key(key.name)
        .allowed(example(key))
        .hint(format!("write a line `{}: …`", key.name))
}

fn example(key: &Key) -> &'static str {
    match key.kind {
        Kind::HostName => "an address or name that every OMS host reaches, such as 10.0.0.9",
        Kind::Port => "a port, such as 2883",
        Kind::Location => "a number from 0 to 127, another one in each region",
        Kind::Database => "a database name, such as oms_rm",
        Kind::Url => "http://VIRTUAL-ADDRESS-OR-NAME:8088",
        Kind::Boolean => "true or false",
        Kind::Nodes => "a list of addresses",
        Kind::TsdbService => "INFLUXDB",
        Kind::TsdbUrl => "ADDRESS:8086",
        Kind::Text => "text, best in quotation marks",
    }
}

/// Reads one key into the values; false when there is nothing to have.
fn read_value(key: &Key, entry: &Entry, reader: &mut ValueReader<'_>, values: &mut Values) -> bool {
    match key.kind {
        Kind::Port => reader.number(key, entry, 1..=65535).is_some_and(|number| {
            values.numbers.insert(key.name, number);
            true
        }),
        Kind::Location => reader.number(key, entry, 0..=127).is_some_and(|number| {
            values.numbers.insert(key.name, number);
            true
        }),
        Kind::Boolean => reader.boolean(key, entry).is_some_and(|value| {
            values.booleans.insert(key.name, value);
            true
        }),
        Kind::Nodes => {
            values.nodes = reader.nodes(key, entry);
            values.nodes.is_some()
        }
        Kind::Text | Kind::HostName | Kind::Database | Kind::Url | Kind::TsdbUrl | Kind::TsdbService => {
            let Some(text) = reader.text(key, entry).filter(|text| !text.is_empty()) else { return false };
            read_text(key, entry, text, reader, values)
        }
    }
}

fn read_text(
    key: &Key,
    entry: &Entry,
    text: String,
    reader: &mut ValueReader<'_>,
    values: &mut Values,
) -> bool {
    let allowed = match key.kind {
        Kind::HostName if !is_host(&text) => "an address or a name, without scheme and without port",
        Kind::Database if !is_database(&text) => "1 to 64 letters, digits, `_`, `-` and `$`",
        Kind::Url => {
            return match parse_cm_url(&text) {
                Ok(url) => {
                    values.url = Some(url);
                    true
                }
                Err(why) => {
                    let allowed = format!("http://HOST:8088 or https://HOST:PORT ({why})");
                    reader.report(key, &entry.place, &text, &allowed);
                    false
                }
            };
        }
        Kind::TsdbService => match text.as_str() {
            "INFLUXDB" => {
                values.service = Some(TsdbService::Influxdb);
                return true;
            }
            "CERESDB" => {
                values.service = Some(TsdbService::Ceresdb);
                return true;
            }
            _ => "INFLUXDB (CERESDB is in the manual and not supported)",
        },
        Kind::Text
        | Kind::HostName
        | Kind::Database
        | Kind::TsdbUrl
        | Kind::Port
        | Kind::Location
        | Kind::Boolean
        | Kind::Nodes => {
            values.texts.insert(key.name, text);
            return true;
        }
    };
    reader.report(key, &entry.place, &text, allowed);
    false
}

fn is_host(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
        || text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

fn is_database(text: &str) -> bool {
    text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$'))
}

/// What could not be read is left empty.
fn assemble(mut values: Values, listed_nodes_place: Option<Place>) -> OmsConfig {
    let number = |name: &str| values.numbers.get(name).copied();
    let port = |name: &str, default: u16| ConfiguredPort {
        number: number(name).unwrap_or(default),
        given: number(name).is_some(),
    };
    let ports = OmsPorts {
        ghana: port("ghana_server_port", 8090),
        nginx: port("nginx_server_port", 8089),
        cm: port("cm_server_port", 8088),
        supervisor: port("supervisor_server_port", 9000),
        sshd: port("sshd_server_port", 2023),
    };
    let meta_port = number("oms_meta_port").unwrap_or_default();
    let cm_location = number("cm_location").and_then(|number| u8::try_from(number).ok()).unwrap_or_default();
    let mut take = |name: &str| values.texts.remove(name);
    let meta = MetaDbLogin {
        host: take("oms_meta_host").unwrap_or_default(),
        port: meta_port,
        user: take("oms_meta_user").unwrap_or_default(),
        password: Secret::new(take("oms_meta_password").unwrap_or_default()),
    };
    let tsdb = Tsdb {
        enabled: values.booleans.get("tsdb_enabled").copied(),
        service: values.service,
        url: take("tsdb_url"),
        username: take("tsdb_username"),
        password: take("tsdb_password").map(Secret::new),
    };
    let no_url = CmUrl { text: String::new(), scheme: Scheme::Http, host: String::new(), port: None };
    OmsConfig {
        meta,
        rm_db: take("drc_rm_db").unwrap_or_default(),
        cm_db: take("drc_cm_db").unwrap_or_default(),
        heartbeat_db: take("drc_cm_heartbeat_db").unwrap_or_default(),
        cm_url: values.url.unwrap_or(no_url),
        cm_location,
        cm_region: take("cm_region"),
        cm_region_cn: take("cm_region_cn"),
        is_default: values.booleans.get("cm_is_default").copied().unwrap_or(true),
        listed_nodes_place: listed_nodes_place.filter(|_| values.nodes.is_some()),
        listed_nodes: values.nodes,
        tsdb,
        ports,
        // What is left has no field of its own.
        extra: values.texts.into_iter().map(|(name, text)| (name.to_owned(), Secret::new(text))).collect(),
    }
}
