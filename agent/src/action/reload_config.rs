//! After a changed `config.yaml`: the components' files are written anew and the two services that read them are
//! restarted (`research/oms.md` 2.4). Nothing else on the host moves.

use omsctl_proto::{ErrorCode, ErrorReport};

use super::context::harmless;
use super::write_config::forget_former;
use super::{Context, Done, Stop};

const WRITE: [&str; 4] = ["python", "-m", "omsflow.scripts.units.oms_init_manager", "--init-config-file"];
const RESTART: [&str; 4] = ["supervisorctl", "restart", "oms_console", "oms_drc_supervisor"];

/// Then nothing runs with the former text of the file any more, so that goes.
pub(crate) async fn reload_config(
    context: &Context<'_>,
    name: &str,
    config_file: &str,
) -> Result<Done, Stop> {
    run(context, name, &WRITE, "OMS could not write its components' files from config.yaml.").await?;
    run(context, name, &RESTART, "OMS's services could not be restarted.").await?;
    forget_former(context, config_file)?;
    Ok(Done::changed().with("restarted", "oms_console oms_drc_supervisor"))
}

async fn run(context: &Context<'_>, name: &str, arguments: &[&str], what: &str) -> Result<(), Stop> {
    let output = context.world.docker.exec(name, arguments).await;
    let output = output.map_err(|error| error.report(ErrorCode::Service, what))?;
    let lines: Vec<&str> = output.stdout.lines().chain(output.stderr.lines()).collect();
    for line in &lines {
        context.output(line)?;
    }
    // supervisorctl of old versions ends with 0 whatever happened.
    let error = lines.iter().find(|line| line.contains(": ERROR ("));
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
