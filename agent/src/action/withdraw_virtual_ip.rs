//! omsctl's own keepalived ends, the host gives the address up, and the configuration goes.

use omsctl_proto::{ErrorCode, ErrorReport};

use super::serve_virtual_ip::failed;
use super::{Context, Done, Stop};
use crate::virtual_ip::{Files, look};

pub(crate) async fn withdraw_virtual_ip(context: &Context<'_>) -> Result<Done, Stop> {
    let world = context.world;
    if !look(world).begun {
        return Ok(Done::unchanged());
    }
    let files = Files::of(world);
    let ended = world.host.end_keepalived(&files.config).await;
    ended.map_err(|error| failed(&error, "omsctl's keepalived does not end."))?;
    files.forget().map_err(|error| {
        ErrorReport::new(ErrorCode::File, format!("{} cannot be removed.", files.config.display()))
            .cause(error.to_string())
    })?;
    Ok(Done::changed().with("removed", files.config.display().to_string()))
}
