//! OMS's own word on its health.

use omsctl_proto::{HealthFacts, WantedHealth};
use serde::Deserialize;

use crate::ports::{Host, HostError};

/// How much of an answer is kept, in characters.
const KEPT: usize = 300;

#[derive(Deserialize)]
struct Document {
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    healthy: Option<bool>,
}

pub(crate) fn health_url(wanted: &WantedHealth) -> String {
    url(wanted, "/oms/health")
}

/// With the HTTP status of `/oms/health`. Images that have no such page (404) are healthy, as far as HTTP can tell,
/// when `/` answers 200.
pub(crate) async fn health(host: &dyn Host, wanted: &WantedHealth) -> (HealthFacts, Option<u16>) {
    match host.get(&health_url(wanted)).await {
        Ok(answer) if answer.status == 404 => (front_page(host, wanted).await, Some(404)),
        Ok(answer) => {
            let document: Option<Document> = serde_json::from_str(&answer.body).ok();
            let healthy = document.and_then(|document| document.data?.healthy) == Some(true);
            let text = format!("{} {}", answer.status, answer.body.trim());
            (
                HealthFacts { healthy: healthy && answer.status == 200, answer: cut(&text) },
                Some(answer.status),
            )
        }
        Err(error) => (silence(&error), None),
    }
}

async fn front_page(host: &dyn Host, wanted: &WantedHealth) -> HealthFacts {
    match host.get(&url(wanted, "/")).await {
        Ok(answer) => HealthFacts {
            healthy: answer.status == 200,
            answer: format!("404 for /oms/health, {} for /", answer.status),
        },
        Err(error) => silence(&error),
    }
}

fn url(wanted: &WantedHealth, path: &str) -> String {
    let scheme = if wanted.tls { "https" } else { "http" };
    format!("{scheme}://127.0.0.1:{}{path}", wanted.port)
}

fn silence(error: &HostError) -> HealthFacts {
    let report = omsctl_proto::ErrorReport::from_error(omsctl_proto::ErrorCode::Health, error);
    HealthFacts { healthy: false, answer: cut(&report.one_line()) }
}

fn cut(text: &str) -> String {
    text.chars().take(KEPT).collect()
}
