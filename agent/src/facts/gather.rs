//! All facts of one host, side by side.

use std::collections::BTreeMap;

use omsctl_proto::{DockerFacts, ErrorReport, Facts, FactsRequest, MadeFacts, OtherContainer};

use super::{container, files, host_id, runs, tsdb};
use crate::clock;
use crate::dumps;
use crate::ports::{Engine, RuntimeError};
use crate::world::World;
use crate::{made, virtual_ip};

/// Looks; changes nothing but the host id that the first agent writes.
pub(crate) async fn gather(world: &World, request: &FactsRequest) -> Result<Facts, ErrorReport> {
    let host_id = host_id::read_or_make(&world.places)?;
    let machine = world.host.machine();
    let towards = async {
        match &request.towards {
            Some((host, port)) => world.host.source_address(host, *port).await,
            None => None,
        }
    };
    let (docker, container, tsdb, source_address, runs) = tokio::join!(
        docker(world),
        container::look(world, request),
        tsdb::look(world, request.tsdb.as_deref()),
        towards,
        runs::all(world)
    );
    let ((docker, other_containers), container, tsdb) = match (docker, container, tsdb) {
        (Ok(docker), Ok(container), Ok(tsdb)) => (docker, container, tsdb),
        (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
            ((silent(error), Vec::new()), None, None)
        }
    };
    let pid = container.as_ref().and_then(|seen| seen.pid);
    let ranges = request.port_ranges.iter().flat_map(|(first, last)| *first..=*last);
    let ports: Vec<u16> = request.ports.iter().copied().chain(ranges).collect();
    let ports = world.host.listeners(&ports, pid);
    let made = measured(world, &request.measured).await;
    let other_containers = other_containers.into_iter().filter(|other| other.name != request.container_name);
    Ok(Facts {
        hostname: machine.hostname,
        os: machine.os,
        kernel: machine.kernel,
        architecture: machine.architecture,
        machine_id: machine.machine_id,
        host_id,
        utc_ms: clock::utc_ms(),
        time_zone: machine.time_zone,
        cpus: machine.measured.cpus,
        memory_bytes: machine.measured.memory_bytes,
        cgroup_version: machine.measured.cgroup_version,
        addresses: machine.addresses,
        source_address,
        docker,
        container: container.map(|seen| seen.facts),
        paths: files::paths(&world.places, &request.paths),
        filled: files::filled(&world.places, &request.paths),
        other_containers: other_containers.collect(),
        system: machine.system,
        virtual_ip: Some(virtual_ip::look(world)),
        files: files::files(&world.places, &request.files, &request.key),
        config: files::config(&world.places, &request.config_file),
        disks: files::disks(world, &request.paths),
        ports,
        runs,
        dumps: dumps::all(&world.places),
        made,
        tsdb,
        texts: files::texts(&world.places, &request.texts),
    })
}

/// Counting takes a while, and nobody else shall wait for it.
async fn measured(world: &World, paths: &[String]) -> BTreeMap<String, MadeFacts> {
    if paths.is_empty() {
        return BTreeMap::new();
    }
    let (places, paths) = (world.places.clone(), paths.to_vec());
    let counted = tokio::task::spawn_blocking(move || made::measured(&places, &paths)).await;
    counted.unwrap_or_default()
}

/// With every container that looks like OMS.
async fn docker(world: &World) -> Result<(DockerFacts, Vec<OtherContainer>), RuntimeError> {
    let (engine, images, containers) =
        tokio::join!(world.docker.engine(), world.docker.images(), world.docker.containers_like_oms());
    let (Engine { server_version, root_directory, storage_driver, containerd_store }, images) =
        (engine?, images?);
    let root_free_bytes = files::disk(world, &root_directory).map(|disk| disk.free_bytes);
    let facts = DockerFacts::Answers {
        server_version,
        root_directory,
        root_free_bytes,
        storage_driver,
        containerd_store,
        images,
    };
    Ok((facts, containers?))
}

fn silent(error: RuntimeError) -> DockerFacts {
    match error {
        RuntimeError::Missing { looked_in } => DockerFacts::Missing { looked_in },
        RuntimeError::Silent { words } => DockerFacts::Silent { error: words },
        RuntimeError::Failed { .. }
        | RuntimeError::TimedOut { .. }
        | RuntimeError::Malformed { .. }
        | RuntimeError::Process { .. } => {
            let report = error.report(omsctl_proto::ErrorCode::Docker, "Docker");
            DockerFacts::Silent { error: report.causes.join(": ") }
        }
    }
}
