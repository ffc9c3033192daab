//! The preflight checks: each failure with what was found and what to do.

use omsctl_proto::{CheckResult, CheckStatus, DockerFacts, PathState, PortHolder};

use crate::plan::fixture::{ARCHIVE, Cluster, archive, name};
use crate::plan::{failed_nodes, passed, preflight};
use crate::ports::MetaDbError;

pub(super) fn rows(cluster: &Cluster) -> Vec<CheckResult> {
    preflight(&cluster.deployment, &cluster.observed, &cluster.goal)
}

/// One change to the second of two fresh hosts, and the row that tells it.
#[track_caller]
pub(super) fn check(change: impl FnOnce(&mut Cluster), name: &str, status: CheckStatus, found: &str) {
    let mut cluster = Cluster::fresh(2);
    change(&mut cluster);
    let rows = rows(&cluster);
    let row = rows
        .iter()
        .find(|row| row.name == name && row.node.as_ref().is_none_or(|node| node.as_str() == "n2"))
        .unwrap_or_else(|| panic!("no row {name} in {rows:?}"));
    assert_eq!(row.status, status, "{row:?}");
    assert!(row.found.contains(found), "{row:?}");
    assert_eq!(row.fix.is_empty(), status == CheckStatus::Pass, "{row:?}");
    assert_eq!(passed(&rows), matches!(status, CheckStatus::Pass | CheckStatus::Warn));
}

#[test]
fn fresh_hosts_pass_and_every_check_is_there() {
    let cluster = Cluster::fresh(1);
    let rows = rows(&cluster);
    assert!(passed(&rows), "{rows:?}");
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "connect",
            "docker",
            "oms_host_ip",
            "image_architecture",
            "paths",
            "disk",
            "disk_docker",
            "disk_agent",
            "ports",
            "port_ranges",
            "other_oms",
            "leftovers",
            "metadb_login",
            "same_machine",
            "machine_id",
            "cpu",
            "memory",
            "kernel",
            "tcp_tw_recycle",
            "selinux",
            "firewall",
            "clock",
            "metadb",
            "metadb_version",
            "metadb_privileges",
            "cluster",
        ]
    );
    assert!(rows.iter().all(|row| row.status == CheckStatus::Pass), "{rows:?}");
}

#[test]
fn a_dead_host_is_a_failed_row_and_nothing_else() {
    let mut cluster = Cluster::fresh(2);
    cluster.unreachable("n2");
    let rows = rows(&cluster);
    let of_n2: Vec<_> =
        rows.iter().filter(|row| row.node.as_ref().is_some_and(|n| n.as_str() == "n2")).collect();
    assert_eq!(of_n2.len(), 1);
    assert_eq!((of_n2[0].name.as_str(), of_n2[0].status), ("connect", CheckStatus::Fail));
    assert_eq!(of_n2[0].found, "no route to host");
    assert!(failed_nodes(&rows).is_empty(), "a dead host is left out anyway");
}

#[test]
fn docker() {
    let silent = |error: &str| DockerFacts::Silent { error: error.to_owned() };
    check(
        |cluster| cluster.facts("n2").docker = silent("Cannot connect to the Docker daemon"),
        "docker",
        CheckStatus::Fail,
        "Cannot connect to the Docker daemon",
    );
    check(
        |cluster| {
            let DockerFacts::Answers { server_version, .. } = &mut cluster.facts("n2").docker else {
                panic!()
            };
            "1.12.6".clone_into(server_version);
        },
        "docker",
        CheckStatus::Fail,
        "Docker 1.12.6",
    );
}

#[test]
fn a_taken_port_names_the_process_and_our_own_container_may_hold_it() {
    let holder = |own_container| PortHolder { pid: Some(812), process: "nginx".to_owned(), own_container };
    check(
        |cluster| {
            cluster.facts("n2").ports.insert(8089, holder(false));
        },
        "ports",
        CheckStatus::Fail,
        "8089 is held by nginx (pid 812)",
    );
    check(
        |cluster| {
            cluster.facts("n2").ports.insert(8084, holder(true));
        },
        "ports",
        CheckStatus::Pass,
        "own container",
    );
    check(
        |cluster| {
            cluster.facts("n2").ports.insert(22, holder(false));
        },
        "ports",
        CheckStatus::Pass,
        "free",
    );
}

#[test]
fn disks() {
    fn free(cluster: &mut Cluster, bytes: u64) {
        for disk in cluster.facts("n2").disks.values_mut() {
            disk.free_bytes = bytes;
        }
    }
    fn docker(cluster: &mut Cluster, bytes: Option<u64>) {
        let DockerFacts::Answers { root_free_bytes, .. } = &mut cluster.facts("n2").docker else { panic!() };
        *root_free_bytes = bytes;
    }
    check(|cluster| free(cluster, 1 << 29), "disk", CheckStatus::Fail, "512.0 MiB free on /");
    check(|cluster| free(cluster, 20 << 30), "disk", CheckStatus::Warn, "20.0 GiB free on /");
    check(|cluster| docker(cluster, Some(1 << 30)), "disk_docker", CheckStatus::Fail, "1.0 GiB free");
    check(|cluster| docker(cluster, None), "disk_docker", CheckStatus::Unknown, "nobody can tell");
    check(|cluster| free(cluster, 1 << 28), "disk_agent", CheckStatus::Fail, "256.0 MiB free on /");
    check(|cluster| free(cluster, 2 << 30), "disk_agent", CheckStatus::Pass, "2.0 GiB free on /");
    let shared = |cluster: &mut Cluster| {
        free(cluster, 2 << 30);
        docker(cluster, Some(2 << 30));
    };
    check(shared, "disk_agent", CheckStatus::Fail, "2.0 GiB free on /");
    let mut cluster = Cluster::ready(1);
    let DockerFacts::Answers { root_free_bytes, .. } = &mut cluster.facts("n1").docker else { panic!() };
    *root_free_bytes = Some(0);
    assert!(passed(&rows(&cluster)), "no room is needed for an image that is there");
}

#[test]
fn the_metadb_lets_every_host_in() {
    let refused = || MetaDbError::LogIn {
        address: "10.0.0.200:2883".to_owned(),
        user: "root@oms".to_owned(),
        reason: "Access denied".to_owned(),
    };
    check(
        |cluster| {
            cluster.observed.logins.insert(name("n2"), Err(refused()));
        },
        "metadb_login",
        CheckStatus::Fail,
        "10.0.0.200:2883 refuses the log-in of root@oms: Access denied",
    );
    check(|cluster| cluster.observed.logins.clear(), "metadb_login", CheckStatus::Unknown, "not tried");
    check(
        |cluster| cluster.observed.metadb = Some(Err(refused())),
        "metadb",
        CheckStatus::Fail,
        "Access denied",
    );
}

#[test]
fn the_image_is_for_this_machine() {
    check(
        |cluster| "aarch64".clone_into(&mut cluster.facts("n2").architecture),
        "image_architecture",
        CheckStatus::Fail,
        "is for amd64",
    );
    check(
        |cluster| {
            cluster.observed.archives.insert(ARCHIVE.into(), archive("4.2.4"));
            cluster.facts("n2").cgroup_version = Some(2);
        },
        "cgroup",
        CheckStatus::Warn,
        "cgroup v2",
    );
}

#[test]
fn addresses_and_paths() {
    check(
        |cluster| cluster.settings("n2").oms_host_ip = Some("10.9.9.9".parse().unwrap()),
        "oms_host_ip",
        CheckStatus::Fail,
        "the host has 10.0.0.2",
    );
    check(
        |cluster| {
            cluster.facts("n2").paths.insert("/data/oms/config.yaml".to_owned(), PathState::Directory);
        },
        "paths",
        CheckStatus::Fail,
        "/data/oms/config.yaml is a directory, not a file",
    );
}

/// The keys that two hosts show.
fn keys(of_n2: &'static str) -> impl FnOnce(&mut Cluster) {
    move |cluster: &mut Cluster| {
        let keys = [("n1", "SHA256:abc"), ("n2", of_n2)];
        cluster.observed.host_keys = keys.map(|(node, key)| (name(node), key.to_owned())).into();
    }
}

#[test]
fn only_the_random_id_proves_one_machine() {
    check(
        |cluster| "host n1".clone_into(&mut cluster.facts("n2").host_id),
        "same_machine",
        CheckStatus::Fail,
        "n2 and n1 are one machine",
    );
    check(
        |cluster| cluster.facts("n2").machine_id = Some("machine n1".to_owned()),
        "machine_id",
        CheckStatus::Warn,
        "n1 has the same one",
    );
    check(keys("SHA256:abc"), "host_key", CheckStatus::Warn, "n1 shows the same one");
    check(keys("SHA256:def"), "host_key", CheckStatus::Pass, "SHA256:def");
}

#[test]
fn what_only_warns() {
    check(|cluster| cluster.facts("n2").cpus = 2, "cpu", CheckStatus::Warn, "2 CPUs");
    check(|cluster| cluster.facts("n2").memory_bytes = 8 << 30, "memory", CheckStatus::Warn, "8.0 GiB");
    check(|cluster| cluster.facts("n2").utc_ms = 61_500, "clock", CheckStatus::Warn, "61.5 s apart");
    check(
        |cluster| {
            cluster.facts("n2").time_zone = Some("Europe/Berlin".to_owned());
            "SYSTEM".clone_into(&mut cluster.metadb().time_zone);
        },
        "time_zone",
        CheckStatus::Warn,
        "Europe/Berlin",
    );
    check(
        |cluster| {
            cluster.facts("n2").time_zone = Some("Asia/Shanghai".to_owned());
            "+08:00".clone_into(&mut cluster.metadb().time_zone);
        },
        "time_zone",
        CheckStatus::Pass,
        "Asia/Shanghai",
    );
}
