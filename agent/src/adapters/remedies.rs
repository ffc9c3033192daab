//! What `check --fix` changes on the system. Each remedy is safe and can be undone; none runs a line of a shell.

use std::path::Path;
use std::time::Duration;

use omsctl_proto::Remedy;

use super::child::{Run, SMALL};
use crate::ports::HostError;

const TCP_TW_RECYCLE: &str = "/proc/sys/net/ipv4/tcp_tw_recycle";
/// Docker looks at all its containers before it answers.
const STARTS_WITHIN: Duration = Duration::from_secs(45);

pub(super) async fn apply(remedy: Remedy) -> Result<(), HostError> {
    match remedy {
        Remedy::TurnOffTcpTwRecycle => std::fs::write(TCP_TW_RECYCLE, "0")
            .map_err(|error| failed(&format!("writing to {TCP_TW_RECYCLE}"), &error.to_string())),
        Remedy::StartDocker => start_docker().await,
        Remedy::Unknown => Err(failed("mending", "this agent does not know that remedy")),
    }
}

/// By systemd where it runs, else by the script of the service.
async fn start_docker() -> Result<(), HostError> {
    let systemd = Path::new("/run/systemd/system").is_dir();
    let words = if systemd { ["systemctl", "start", "docker"] } else { ["service", "docker", "start"] };
    let places = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
    let what = words.join(" ");
    let found = places.map(|place| Path::new(place).join(words[0])).into_iter().find(|path| path.is_file());
    let Some(program) = found else {
        return Err(failed(&what, &format!("no {} in {}", words[0], places.join(", "))));
    };
    let run = Run {
        program: &program,
        arguments: words[1..].iter().map(|word| (*word).to_owned()).collect(),
        environment: Vec::new(),
        stdin: None,
        keep: SMALL,
        limit: Some(STARTS_WITHIN),
    };
    match run.output().await {
        Ok(output) if output.succeeded() => Ok(()),
        Ok(output) => Err(failed(&what, [output.stderr.trim(), output.stdout.trim()].join(" ").trim())),
        Err(error) => Err(failed(&what, &error.to_string())),
    }
}

fn failed(what: &str, why: &str) -> HostError {
    HostError::Mend { what: what.to_owned(), why: why.to_owned() }
}
