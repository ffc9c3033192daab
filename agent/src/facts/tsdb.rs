//! The time-series database as it is: its container, and what it says to a log-in.

use omsctl_proto::{TsdbFacts, TsdbLogIn, TsdbRequest};

use crate::influx::Influx;
use crate::ports::RuntimeError;
use crate::world::World;

pub(super) async fn look(
    world: &World,
    request: Option<&TsdbRequest>,
) -> Result<Option<TsdbFacts>, RuntimeError> {
    let Some(request) = request else { return Ok(None) };
    let found = world.docker.container(&request.container).await?;
    let container = found.map(|found| found.facts);
    let log_in = if container.as_ref().is_some_and(|found| found.running) {
        Influx::new(&*world.host, request.port, &request.username, &request.password.0).log_in().await
    } else {
        TsdbLogIn::Silent { error: "its container does not run".to_owned() }
    };
    Ok(Some(TsdbFacts { container, log_in }))
}
