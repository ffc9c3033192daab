//! `InfluxDB` in memory, as strict as the real one about who may ask: users, and the points of one database.

use std::collections::BTreeMap;

use omsctl_proto::TsdbSpec;

use super::docker::{FakeDocker, FakeImage};
use crate::ports::{HttpAnswer, HttpPost, RuntimeError};

/// What the folder of the database holds.
#[derive(Debug, Default)]
pub(super) struct FakeInflux {
    users: BTreeMap<String, String>,
    points: Option<Vec<String>>,
    /// Everything that is written is lost.
    forgets: bool,
}

impl FakeInflux {
    /// The answer of a server that has an administrator's log-in or none yet.
    fn answer(&mut self, path: &str, post: &HttpPost) -> HttpAnswer {
        let known = self.users.get(&post.user).is_some_and(|password| password == post.password.expose());
        let body = decoded(post.body.expose());
        let creates = body.starts_with("q=CREATE USER ");
        match (self.users.is_empty(), known) {
            (true, _) if !creates => {
                let words = "error authorizing query: create admin user first or disable authentication";
                return answer(403, &format!("{{\"error\":\"{words}\"}}"));
            }
            (false, false) => return answer(401, "{\"error\":\"authorization failed\"}"),
            _ => {}
        }
        if path.starts_with("/write") {
            return match &mut self.points {
                Some(points) if !self.forgets => {
                    points.push(body);
                    answer(204, "")
                }
                Some(_) => answer(204, ""),
                None => answer(404, "{\"error\":\"database not found\"}"),
            };
        }
        let statement = body.trim_start_matches("q=");
        let done = "{\"results\":[{\"statement_id\":0}]}";
        if let Some((user, password)) = created(statement) {
            self.users.insert(user, password);
            return answer(200, done);
        }
        match statement.split(' ').collect::<Vec<_>>().as_slice() {
            ["CREATE", "DATABASE", _] => {
                self.points.get_or_insert_default();
                answer(200, done)
            }
            ["DROP", "DATABASE", _] => {
                self.points = None;
                answer(200, done)
            }
            ["SELECT", ..] => {
                answer(200, &serde_json::json!({ "results": [{ "series": self.points }] }).to_string())
            }
            ["SHOW", "USERS"] => {
                let rows: Vec<_> = self.users.keys().map(|user| serde_json::json!([user, true])).collect();
                let series = serde_json::json!([{ "columns": ["user", "admin"], "values": rows }]);
                answer(200, &serde_json::json!({ "results": [{ "series": series }] }).to_string())
            }
            ["SHOW", "DATABASES"] => answer(200, done),
            _ => answer(400, "{\"error\":\"error parsing query\"}"),
        }
    }
}

/// Name and password of the administrator that the statement makes.
fn created(statement: &str) -> Option<(String, String)> {
    let (user, rest) = statement.strip_prefix("CREATE USER ")?.split_once(" WITH PASSWORD ")?;
    let quoted = rest.strip_suffix(" WITH ALL PRIVILEGES")?.strip_prefix('\'')?.strip_suffix('\'')?;
    let password = quoted.replace("\\n", "\n").replace("\\'", "'").replace("\\\\", "\\");
    Some((user.trim_matches('"').to_owned(), password))
}

fn answer(status: u16, body: &str) -> HttpAnswer {
    HttpAnswer { status, body: body.to_owned() }
}

/// The text of a form's body.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let number = || u8::from_str_radix(std::str::from_utf8(after.get(..2)?).ok()?, 16).ok();
        let escaped = (*first == b'%').then(number).flatten();
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl FakeDocker {
    /// Of the database of this machine: its users with their passwords.
    pub fn tsdb_users(&self) -> BTreeMap<String, String> {
        self.shared.change(|state| state.influx.users.clone())
    }

    /// What is written to the database of this machine is lost.
    pub fn tsdb_forgets(&self) {
        self.shared.change(|state| state.influx.forgets = true);
    }

    /// The server listens there for as long as its container runs.
    pub(super) fn tsdb_answers(&self, url: &str) -> bool {
        let Some(port) = url.trim_start_matches("http://127.0.0.1:").split('/').next() else { return false };
        let listens = format!("INFLUXDB_HTTP_BIND_ADDRESS=:{port}");
        self.shared.change(|state| {
            let mut running = state.containers.values().filter(|container| container.facts.running);
            running.any(|container| container.facts.environment.contains(&listens))
        })
    }

    pub(super) fn tsdb_post(&self, url: &str, post: &HttpPost) -> Option<HttpAnswer> {
        let path = url.splitn(4, '/').nth(3).map(|path| format!("/{path}"))?;
        self.tsdb_answers(url).then(|| self.shared.change(|state| state.influx.answer(&path, post)))
    }

    pub(super) fn create_tsdb(&self, spec: &TsdbSpec) -> Result<String, RuntimeError> {
        let id = self.act("run", &spec.container, |state| {
            let named = |image: &&FakeImage| image.facts.references.contains(&spec.image.reference);
            let image = state.images.iter().find(named).ok_or("Unable to find image")?.facts.id.clone();
            state.insert_tsdb(spec, &image)
        })?;
        self.begin(&spec.container).map_err(|words| RuntimeError::Failed { verb: "run".into(), words })?;
        Ok(id)
    }
}
