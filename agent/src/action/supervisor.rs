//! A command of OMS's own inside its container, most often supervisorctl.

use omsctl_proto::{ErrorCode, ErrorReport};

use super::context::harmless;
use super::{Context, Stop};

/// What `supervisorctl restart` says of a program that did not run before; then it starts it.
const STOPPED: &str = ": ERROR (not running)";

/// Runs it inside to its end; what it prints is told, and its failure in its own words.
pub(super) async fn run(
    context: &Context<'_>,
    name: &str,
    arguments: &[&str],
    what: &str,
) -> Result<(), Stop> {
    let output = context.world.docker.exec(name, arguments).await;
    let output = output.map_err(|error| error.report(ErrorCode::Service, what))?;
    let lines: Vec<&str> = output.stdout.lines().chain(output.stderr.lines()).collect();
    for line in &lines {
        context.output(line)?;
    }
    // supervisorctl of old versions ends with 0 whatever happened.
    let error = lines.iter().find(|line| line.contains(": ERROR (") && !line.contains(STOPPED));
    if output.succeeded() && error.is_none() {
        return Ok(());
    }
    let status = output.status.map_or_else(|| "a signal".to_owned(), |status| format!("status {status}"));
    let mut report = ErrorReport::new(ErrorCode::Service, what);
    report = report.cause(format!("`{}` in the container {name} ended with {status}", arguments.join(" ")));
    let skipped = lines.len().saturating_sub(20);
    report.causes.extend(lines.iter().skip(skipped).map(|line| harmless(line)));
    Err(report.hint("Mend the cause (the lines above are OMS's own) and run the command again.").into())
}
