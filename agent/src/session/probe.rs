//! Can this be reached from here?

use omsctl_proto::{ErrorCode, ErrorReport, ProbeTarget, Response};

use crate::ports::{Host, HostError};

pub(super) async fn probe(host: &dyn Host, target: ProbeTarget) -> Response {
    match target {
        ProbeTarget::Tcp { host: name, port } => match host.connect(&name, port).await {
            Ok((_, peer)) => Response::Probe { reached: true, status: None, found: peer },
            Err(error) => failed(&error),
        },
        ProbeTarget::Http { url } => match host.get(&url).await {
            Ok(answer) => Response::Probe {
                reached: true,
                status: Some(answer.status),
                found: answer.body.chars().take(300).collect(),
            },
            Err(error) => failed(&error),
        },
        ProbeTarget::Holds { address } => {
            let reached = host.machine().addresses.contains(&address);
            Response::Probe { reached, status: None, found: String::new() }
        }
    }
}

fn failed(error: &HostError) -> Response {
    let found = ErrorReport::from_error(ErrorCode::Unreachable, error).one_line();
    Response::Probe { reached: false, status: None, found }
}
