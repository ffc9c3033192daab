//! keepalived serves the virtual IP on this host: configured, running, and the address answers.

use std::time::Duration;

use omsctl_proto::{ErrorCode, ErrorReport, VirtualIpSpec};
use tokio::time::Instant;

use super::{Context, Done, Stop};
use crate::keepalived_conf::is_plain;
use crate::ports::HostError;
use crate::virtual_ip::{Files, look};

/// keepalived needs about six seconds for an address that nobody holds: two checks, three missing advertisements.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// Writes and loads the configuration when keepalived serves something else or does not run.
pub(crate) async fn serve_virtual_ip(context: &Context<'_>, wanted: &VirtualIpSpec) -> Result<Done, Stop> {
    if !is_plain(&wanted.interface) {
        let what = format!("{:?} cannot be written into keepalived's configuration.", wanted.interface);
        return Err(ErrorReport::new(ErrorCode::VirtualIp, what)
            .hint("Set oms_vip_interface to the name of an interface, such as eth0.")
            .into());
    }
    let world = context.world;
    let found = look(world);
    let serves = found.running && found.serving.as_ref() == Some(wanted);
    if !serves {
        load(context, wanted).await?;
    }
    await_answer(context, wanted).await?;
    let holds = world.host.machine().addresses.contains(&wanted.address);
    let done = if serves { Done::unchanged() } else { Done::changed() };
    let files = Files::of(world);
    Ok(done
        .with("virtual_ip", format!("{}/{}", wanted.address, wanted.prefix_length))
        .with("configuration", files.config.display().to_string())
        .with("priority", wanted.priority.to_string())
        .with("held_by", if holds { "this host" } else { "another host" }))
}

async fn load(context: &Context<'_>, wanted: &VirtualIpSpec) -> Result<(), Stop> {
    let (world, files) = (context.world, Files::of(context.world));
    let text = files.text_of(wanted);
    let unwritten = |error: std::io::Error| {
        ErrorReport::new(ErrorCode::File, format!("{} cannot be written.", files.config.display()))
            .cause(error.to_string())
    };
    files.write(&text, world).map_err(unwritten)?;
    let run = world.host.run_keepalived(&files.config).await;
    run.map_err(|error| failed(&error, "keepalived does not run with omsctl's configuration."))?;
    files.note_loaded(&text).map_err(unwritten)?;
    Ok(())
}

/// Here or on another host: either way whoever goes there from here finds OMS.
async fn await_answer(context: &Context<'_>, wanted: &VirtualIpSpec) -> Result<(), Stop> {
    let began = Instant::now();
    for port in &wanted.ports {
        let address = wanted.address.to_string();
        while let Err(error) = context.world.host.connect(&address, *port).await {
            if began.elapsed() >= ANSWERS_WITHIN {
                let what = format!("keepalived runs, and nobody answers at {address}:{port}.");
                return Err(failed(&error, &what)
                    .hint(
                        "A host holds the address only while OMS's ports answer on it, and its peers have to hear it: \
                         let firewalls pass IP protocol 112 (VRRP) between the hosts; `journalctl -t Keepalived_vrrp` \
                         or the system's log says what keepalived sees.",
                    )
                    .into());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

pub(super) fn failed(error: &HostError, what: &str) -> ErrorReport {
    let mut report = ErrorReport::from_error(ErrorCode::VirtualIp, error);
    let message = std::mem::replace(&mut report.message, what.to_owned());
    report.causes.insert(0, message);
    report
}
