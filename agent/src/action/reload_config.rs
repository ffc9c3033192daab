//! After a changed `config.yaml`: the components' files are written anew and the two services that read them are
//! restarted (`research/oms.md` 2.4). Nothing else on the host moves.

use super::supervisor::run;
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
