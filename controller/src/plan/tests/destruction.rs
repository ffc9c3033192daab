//! `destroy`: what goes, what stays, and when nothing is begun.

use omsctl_proto::{Action, InitState, MadeFacts, OtherContainer, PathState};

use crate::plan::fixture::{Cluster, name, steps_of};
use crate::plan::{Destruction, Plan, Purpose};
use crate::ports::{ClusterRow, HostRow};

const LOGS: &str = "/data/oms/oms_logs";
const STORE: &str = "/data/oms/oms_store";
const ASIDE: &str = "oms-20261122t173512-3f9a2c";

fn cluster(hosts: u8, delete_data: bool, drop_databases: bool) -> Cluster {
    let mut cluster = Cluster::ready(hosts);
    cluster.observed.archives.clear();
    cluster.goal.purpose = Purpose::Destroy(Destruction { delete_data, drop_databases });
    let names = ["oms_rm", "oms_cm", "oms_cm_hb"];
    let config = cluster.config();
    [&mut config.rm_db, &mut config.cm_db, &mut config.heartbeat_db]
        .into_iter()
        .zip(names)
        .for_each(|(database, name)| name.clone_into(database));
    cluster.metadb().databases = names.map(str::to_owned).into();
    cluster
}

fn other(name: &str) -> OtherContainer {
    OtherContainer { name: name.to_owned(), image: "oms:4.2.1".to_owned(), running: false }
}

fn removed(plan: &Plan, node: &str) -> Vec<String> {
    let steps = &plan.node(&name(node)).unwrap().steps;
    let of = |action: &Action| match action {
        Action::RemoveContainers { names } => names.clone(),
        Action::RemoveData { paths } => paths.clone(),
        _ => Vec::new(),
    };
    steps.iter().flat_map(|step| of(&step.action)).collect()
}

#[test]
fn containers_of_omsctl_go_and_nothing_else() {
    let mut cluster = cluster(2, false, false);
    let facts = cluster.facts("n1");
    facts.other_containers = [ASIDE, "oms-422", "oms-20261122t173512-3f9a2cx", "other"].map(other).into();
    facts.paths.insert(LOGS.to_owned(), PathState::Directory);
    let plan = cluster.plan().unwrap();
    assert_eq!(steps_of(&plan, "n1"), ["remove_containers"]);
    assert_eq!(removed(&plan, "n1"), ["oms", ASIDE]);
    assert_eq!(removed(&plan, "n2"), ["oms"]);
    let warnings = plan.warnings.join("\n");
    for stays in
        ["the container oms-422 is not omsctl's", "the container other is not omsctl's", LOGS, "oms_rm"]
    {
        assert!(warnings.contains(stays), "{stays}: {warnings}");
    }
    assert!(plan.dropped.is_empty());
    cluster.walk(&plan);
    let again = cluster.plan().unwrap();
    assert_eq!(again.changes(), 0, "{again:?}");
}

#[test]
fn data_goes_on_demand_and_only_what_omsctl_made() {
    let mut cluster = cluster(1, true, false);
    let facts = cluster.facts("n1");
    facts.made.insert(LOGS.to_owned(), MadeFacts { bytes: 3 << 30, whole: true });
    facts.made.insert("/data/oms/config.yaml".to_owned(), MadeFacts { bytes: 4096, whole: true });
    for path in [LOGS, STORE] {
        facts.paths.insert(path.to_owned(), PathState::Directory);
    }
    let plan = cluster.plan().unwrap();
    assert_eq!(steps_of(&plan, "n1"), ["remove_containers", "remove_data"]);
    assert_eq!(removed(&plan, "n1"), ["oms", "/data/oms/config.yaml", LOGS]);
    assert!(cluster.why("n1", "remove_data").contains("/data/oms/oms_logs (3.0 GiB)"));
    let warnings = plan.warnings.join("\n");
    assert!(warnings.contains("omsctl did not make it: /data/oms/oms_store"), "{warnings}");
    // What a stranger's container may use stays.
    cluster.facts("n1").other_containers.push(other("mine"));
    let plan = cluster.plan().unwrap();
    assert_eq!(steps_of(&plan, "n1"), ["remove_containers"]);
    assert!(plan.warnings.join("\n").contains("the container mine may use it"));
}

#[test]
fn a_running_initialisation_and_a_foreign_container_are_left_alone() {
    let mut cluster = cluster(2, false, false);
    cluster.facts("n1").container.as_mut().unwrap().initialisation.state = InitState::Running;
    cluster.facts("n2").container.as_mut().unwrap().environment.clear();
    let refused = cluster.refused();
    assert!(refused.contains("n1: OMS is being initialised in oms, which is never interrupted"), "{refused}");
    assert!(refused.contains("n2: the container oms is not one of OMS"), "{refused}");
}

#[test]
fn a_lost_host_is_told_and_a_given_up_one_passed_over() {
    let mut cluster = cluster(2, false, false);
    cluster.unreachable("n2");
    let plan = cluster.plan().unwrap();
    assert_eq!(plan.unreachable.keys().collect::<Vec<_>>(), [&name("n2")]);
    cluster.goal.give_up.insert(name("n2"));
    let plan = cluster.plan().unwrap();
    assert!(plan.unreachable.is_empty() && plan.node(&name("n2")).unwrap().steps.is_empty());
    assert!(plan.warnings.join("\n").contains("n2 does not answer and is given up"));
}

#[test]
fn databases_go_last_and_that_of_the_cm_last_of_all() {
    let mut cluster = cluster(2, false, true);
    let plan = cluster.plan().unwrap();
    assert_eq!(plan.dropped, ["oms_cm_hb", "oms_rm", "oms_cm"]);
    assert_eq!(plan.changes(), 2 + 3);
    cluster.walk(&plan);
    let rest = cluster.plan().unwrap();
    assert_eq!((rest.busy().len(), rest.changes()), (0, 3), "only the databases are left");
    cluster.metadb().databases.clear();
    assert_eq!(cluster.plan().unwrap().changes(), 0);
}

#[test]
fn databases_stay_while_anybody_else_may_work_with_them() {
    let mut lost = cluster(2, false, true);
    lost.unreachable("n2");
    assert!(lost.refused().contains("n2: it does not answer, and OMS may run there"), "{}", lost.refused());
    lost.goal.give_up.insert(name("n2"));
    assert!(lost.refused().contains("n2: it is not gone: its last heartbeat"), "{}", lost.refused());
    for beat in &mut lost.metadb().heartbeats {
        beat.age_s = 3600;
    }
    assert_eq!(lost.plan().unwrap().dropped.len(), 3);

    let mut limited = cluster(2, false, true);
    limited.deployment.hosts[1].selected = false;
    assert!(limited.refused().contains("n2: it is outside --limit"), "{}", limited.refused());

    let mut stranger = cluster(1, false, true);
    let row =
        |status: &str| HostRow { ip: "10.9.9.9".to_owned(), status: status.to_owned(), resource_group: None };
    stranger.metadb().hosts.push(row("ONLINE"));
    assert!(stranger.refused().contains("10.9.9.9 belongs to the cluster"), "{}", stranger.refused());
    // A row that nobody has beaten for is not alive.
    *stranger.metadb().hosts.last_mut().unwrap() = row("OFFLINE");
    assert!(stranger.plan().is_ok());

    let mut region = cluster(1, false, true);
    region.metadb().clusters.push(ClusterRow {
        region: "elsewhere".to_owned(),
        cm_url: "http://10.9.9.1:8088".to_owned(),
        code: "77".to_owned(),
        is_default: false,
    });
    assert!(
        region.refused().contains("with cm_location 77, and the inventory has none"),
        "{}",
        region.refused()
    );

    let mut unread = cluster(1, false, true);
    unread.observed.metadb = None;
    assert!(unread.refused().contains("the MetaDB cannot be read"), "{}", unread.refused());
}
