//! After a changed `config.yaml`: the components' files are written anew and the two services that read them are
//! restarted (`research/oms.md` 2.4), after a changed log-in to the MetaDB the CM too. Nothing else on the host moves.

use super::supervisor::run;
use super::write_config::forget_former;
use super::{Context, Done, Stop};

const WRITE: [&str; 4] = ["python", "-m", "omsflow.scripts.units.oms_init_manager", "--init-config-file"];
/// Those that the manual names.
const READERS: &[&str] = &["oms_console", "oms_drc_supervisor"];
/// The CM has statements of its own in the MetaDB (`research/oms.md` 4.6: `dao-digest.log`); nginx and sshd have none. In the
/// order of `docker_init.sh`.
const LOGGED_IN: &[&str] = &["oms_console", "oms_drc_cm", "oms_drc_supervisor"];

/// Then nothing runs with the former text of the file any more, so that goes.
pub(crate) async fn reload_config(
    context: &Context<'_>,
    name: &str,
    config_file: &str,
    log_in: bool,
) -> Result<Done, Stop> {
    let services = if log_in { LOGGED_IN } else { READERS };
    let restart = [&["supervisorctl", "restart"], services].concat();
    run(context, name, &WRITE, "OMS could not write its components' files from config.yaml.").await?;
    run(context, name, &restart, "OMS's services could not be restarted.").await?;
    forget_former(context, config_file)?;
    Ok(Done::changed().with("restarted", services.join(" ")))
}
