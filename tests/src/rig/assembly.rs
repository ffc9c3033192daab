//! The parts of an instance put together side by side: images built, then hosts, databases and the virtual address.

use std::fs::File;
use std::path::Path;

use super::archives::{self, OmsImage};
use super::engine::{docker_ok, inspect};
use super::host_docker::HostDocker;
use super::images::{self, Kind};
use super::instance::Instance;
use super::layout::Layout;
use super::{MetaDbServer, Node, Options, RigError};

/// Holds a file locked until dropped; waits for whoever has it.
pub(super) fn lock(path: &Path) -> Result<File, RigError> {
    let file = File::options().create(true).append(true).open(path).map_err(RigError::file("open", path))?;
    file.lock().map_err(RigError::file("lock", path))?;
    Ok(file)
}

/// One at a time on this machine: builds and the choice of a network.
pub(super) fn machine_lock() -> Result<File, RigError> {
    lock(&std::env::temp_dir().join("omsctl-rig.lock"))
}

/// The images that all instances share and the usual OMS archive; one builder at a time on this machine.
pub(super) fn build_shared(
    layout: &Layout,
    docker: HostDocker,
    progress: fn(&str),
) -> Result<(String, String), RigError> {
    let _machine = machine_lock()?;
    std::thread::scope(|scope| {
        let services = scope.spawn(|| images::ensure(Kind::Services, layout, progress));
        let archive = scope.spawn(|| archives::ensure(OmsImage::Script, layout, progress));
        let node = images::ensure(Kind::Node(docker), layout, progress)?;
        joined(archive)?;
        Ok((node, joined(services)?))
    })
}

pub(super) fn start_all(
    instance: &Instance,
    nodes: &[Node],
    metadb: &MetaDbServer,
    (node_image, services_image): (&str, &str),
    options: &Options,
) -> Result<(), RigError> {
    std::thread::scope(|scope| {
        let databases = scope.spawn(|| {
            metadb.up(instance, services_image, options.progress)?;
            metadb.prepare_judge()?;
            if options.mariadb {
                MetaDbServer::mariadb(instance).up(instance, services_image, options.progress)?;
            }
            start_balancer(instance, services_image)
        });
        parallel(nodes, |node| {
            node.up(node_image, options.progress)?;
            node.wait_ready()
        })?;
        joined(databases)
    })
}

fn start_balancer(instance: &Instance, image: &str) -> Result<(), RigError> {
    let container = instance.container("balancer");
    if inspect("container", &container, "{{.Config.Image}}")?.as_deref() == Some(image) {
        return docker_ok(["start", &container]).map(drop);
    }
    instance.remove("balancer")?;
    let mut arguments = vec!["run".to_owned(), "--detach".to_owned()];
    arguments.extend(instance.common_arguments("balancer", &instance.balancer_address()));
    arguments.extend([image.to_owned(), "run-balancer".to_owned(), instance.octets.clone()]);
    docker_ok(arguments).map(drop)
}

/// Does the same on every host at once; the first failure is the answer.
pub(super) fn parallel(
    nodes: &[Node],
    work: impl Fn(&Node) -> Result<(), RigError> + Sync,
) -> Result<(), RigError> {
    std::thread::scope(|scope| {
        let running: Vec<_> = nodes.iter().map(|node| scope.spawn(|| work(node))).collect();
        running.into_iter().try_for_each(joined)
    })
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T, RigError>>) -> Result<T, RigError> {
    thread.join().unwrap_or_else(|_| Err(RigError::Usage("a worker of the rig panicked".to_owned())))
}
