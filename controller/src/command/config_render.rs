//! `omsctl config render [HOST]`: the config.yaml that a host gets, with secrets masked.

use std::net::IpAddr;

use omsctl_inventory::{Region, mask, render_config};

use super::World;
use super::inputs::{self, Images, Inputs};
use crate::cli::RenderRequest;
use crate::exit::Exit;

/// Contacts nobody: an `oms_host_ip` that only the host knows is told as missing.
pub async fn config_render(world: &World, request: &RenderRequest) -> Exit {
    let inputs = match inputs::load(world, Images::Leave).await {
        Ok(inputs) => inputs,
        Err(exit) => return exit,
    };
    let regions = match regions(&inputs, request) {
        Ok(regions) => regions,
        Err(message) => {
            world.out.message(&message);
            return Exit::Usage;
        }
    };
    for region in regions {
        let (addresses, unknown) = addresses(&inputs, region);
        if !unknown.is_empty() {
            let list = unknown.join(", ");
            world.out.message(&format!(
                "note: the address of {list} is known only on the host; cm_nodes is shown without it (set \
                 oms_host_ip, or an address as ansible_host)"
            ));
        }
        let text = render_config(region, &addresses);
        let shown = if request.reveal { text.expose().to_owned() } else { mask(text.expose()) };
        if world.out.result(&shown).is_err() {
            return Exit::Failed;
        }
    }
    Exit::Done
}

fn regions<'a>(inputs: &'a Inputs, request: &RenderRequest) -> Result<Vec<&'a Region>, String> {
    let deployment = &inputs.deployment;
    let Some(name) = &request.host else {
        let selected: Vec<_> = inputs.selected().map(|host| &host.region).collect();
        return Ok(deployment.regions.iter().filter(|region| selected.contains(&&region.name)).collect());
    };
    let host = deployment.host(name).ok_or_else(|| format!("error: the inventory has no OMS host {name}"))?;
    Ok(deployment.region(&host.region).into_iter().collect())
}

fn addresses<'a>(inputs: &'a Inputs, region: &Region) -> (Vec<IpAddr>, Vec<&'a str>) {
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    for host in inputs.deployment.hosts.iter().filter(|host| host.region == region.name) {
        let written = host.connection.address.parse::<IpAddr>().ok().filter(|address| !address.is_loopback());
        match host.settings.oms_host_ip.or(written) {
            Some(address) => known.push(address),
            None => unknown.push(host.name.as_str()),
        }
    }
    (known, unknown)
}
