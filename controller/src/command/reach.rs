//! Connects to hosts for commands that follow agents and need no config.yaml: whatever the files give is taken along.

use std::sync::Arc;

use omsctl_inventory::ConnectTo;
use omsctl_proto::{Hold, NodeName};

use super::World;
use super::inputs;
use super::interrupt::or_interrupted;
use super::look;
use crate::exit::Exit;
use crate::ports::HostTarget;
use crate::rollout::{Emitter, Survey, Surveyor};

/// The hosts of the inventory, `--limit` applied, and how each is reached.
pub(super) fn hosts(world: &World) -> Result<Vec<ConnectTo>, Exit> {
    match omsctl_inventory::load_connections(&inputs::sources(world)) {
        Ok((hosts, warnings)) => {
            for warning in warnings {
                world.out.message(&warning.to_string());
            }
            Ok(hosts)
        }
        Err(problems) => Err(inputs::refuse(world, &problems)),
    }
}

/// Connects to all of them side by side, and takes them when that is wanted; `None` when the operator interrupted it.
pub(super) async fn connect(
    world: &World,
    hosts: &[ConnectTo],
    hold: Option<Hold>,
    emitter: &mut Emitter,
) -> Option<Survey> {
    let target = |host: &ConnectTo| look::target_of(world, &host.name, host.connection.clone());
    let targets: Vec<HostTarget> = hosts.iter().map(target).collect();
    let (transport, clock) = (Arc::clone(&world.transport), Arc::clone(&world.clock));
    let surveyor = Surveyor { transport, clock, forks: targets.len(), hold };
    or_interrupted(world, Box::pin(surveyor.connect(targets, emitter))).await
}

pub(super) fn names(hosts: &[ConnectTo]) -> Vec<NodeName> {
    hosts.iter().map(|host| host.name.clone()).collect()
}
