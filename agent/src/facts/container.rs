//! The container of the wanted name, with what is seen inside it.

use omsctl_proto::{ContainerFacts, Digest, FactsRequest};

use super::{health::health, initialisation};
use crate::ports::{Container, Inside, Look, RuntimeError};
use crate::world::World;

/// Where OMS writes its logs, inside.
const LOGS_INSIDE: &str = ":/home/admin/logs";

pub(super) async fn look(world: &World, request: &FactsRequest) -> Result<Option<Container>, RuntimeError> {
    if request.container_name.is_empty() {
        return Ok(None);
    }
    let Some(mut container) = world.docker.container(&request.container_name).await? else { return Ok(None) };
    let logs = source_of_logs(&container.facts).map(|path| world.places.on_host(&path));
    let name = &request.container_name;
    let (inside, health, served_chain) = if container.facts.running {
        let (inside, health, chain) = tokio::join!(
            world.docker.inside(name, Look::Everything),
            health(&*world.host, &request.health),
            served_chain(world, request)
        );
        // A container that is just going down shows nothing inside.
        (inside.ok(), Some(health.0), chain)
    } else {
        (None, None, Vec::new())
    };
    let logs = logs.unwrap_or_default();
    let initialisation =
        initialisation::init_facts(&world.docker, &container, name, inside.as_ref(), &logs).await;
    let stale = container.pid.map(|pid| world.host.stale_mounts(pid, &container.facts.binds));
    let Inside { services, config, .. } = inside.unwrap_or_default();
    container.facts.services = services;
    container.facts.config_inside = config.map(|config| request.key.of(config.expose().as_bytes()));
    container.facts.stale_mounts = stale.unwrap_or_default();
    container.facts.initialisation = initialisation;
    container.facts.health = health;
    container.facts.served_chain = served_chain;
    Ok(Some(container))
}

/// What cannot be asked for, or speaks no TLS yet, serves none.
async fn served_chain(world: &World, request: &FactsRequest) -> Vec<Digest> {
    if !request.health.tls {
        return Vec::new();
    }
    world.host.served_chain(request.health.port).await.unwrap_or_default()
}

fn source_of_logs(facts: &ContainerFacts) -> Option<String> {
    facts.binds.iter().find_map(|bind| {
        let (source, mode) = bind.split_once(LOGS_INSIDE)?;
        (mode.is_empty() || mode.starts_with(':')).then(|| source.to_owned())
    })
}
