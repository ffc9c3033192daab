//! Another `cm_url` for a cluster that runs: from the address of its only host to a virtual IP.

use omsctl_proto::InitState;

use crate::plan::fixture::{ARCHIVE, Cluster, archive, name};

const FORMER: &str = "http://10.0.0.1:8088";
const NEW: &str = "http://10.0.0.100:8088";

/// One host that runs with its own address; the files say the virtual IP, and list two hosts more.
fn cluster() -> Cluster {
    let mut cluster = Cluster::ready(1);
    let text = cluster.rendered().replace(NEW, FORMER);
    cluster.write_config("n1", text);
    FORMER.clone_into(&mut cluster.metadb().clusters[0].cm_url);
    cluster.add_host();
    cluster.add_host();
    cluster.observed.cm_urls.insert(name("n1"), Ok((true, "404".to_owned())));
    cluster.goal.move_cm_url = true;
    cluster
}

/// As a run leaves it that ended when the hosts stood.
fn set_aside(cluster: &mut Cluster) {
    cluster.facts("n1").container = None;
    cluster.observed.cm_urls.clear();
}

const BEHIND_THE_GATE: [&str; 6] = [
    "metadb:write_config",
    "create_container",
    "schema:initialise",
    "await_services",
    "await_healthy",
    "register",
];

#[test]
fn it_is_refused_until_it_is_asked_for() {
    let mut cluster = cluster();
    cluster.goal.move_cm_url = false;
    let refused = cluster.refused();
    let what = format!("cm_url of a running cluster changes: it is {FORMER}, the files say {NEW}");
    assert!(refused.contains(&what), "{refused}");
    assert!(refused.contains("`omsctl apply --move-cm-url` stops OMS on n1,"), "{refused}");
    assert!(!refused.contains("another cluster"), "{refused}");
}

#[test]
fn the_host_stands_before_the_metadb_changes_and_the_new_ones_come_after_it() {
    let mut cluster = cluster();
    let steps = cluster.steps("n1");
    assert_eq!((steps[0].as_str(), &steps[1..]), ("stop_container", &BEHIND_THE_GATE.map(String::from)[..]));
    assert!(cluster.why("n1", "stop_container").contains(&format!("cm_url moves from {FORMER} to {NEW}")));
    let new = cluster.steps("n2");
    assert!(!new.iter().any(|step| step.starts_with("metadb:")), "{new:?}");
    let plan = cluster.plan().unwrap();
    assert_eq!(plan.schema_order, ["n1", "n2", "n3"].map(name));
    assert!(plan.warnings.iter().any(|text| text.contains("OMS is away on n1")), "{:?}", plan.warnings);
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
    cluster.goal.move_cm_url = false;
    assert_eq!(cluster.plan().unwrap().changes(), 0, "done is done");
}

#[test]
fn an_image_that_initialises_itself_waits_at_both_gates() {
    let mut cluster = cluster();
    cluster.observed.archives.insert(ARCHIVE.into(), archive("4.2.11"));
    cluster.metadb().oms_version = Some("4.2.11".to_owned());
    let steps = cluster.steps("n1");
    let gated: Vec<&String> = steps.iter().filter(|step| step.contains(':')).collect();
    assert_eq!(gated, ["metadb:write_config", "schema:create_container"]);
    assert!(
        steps.iter().position(|step| step == "load_image")
            < steps.iter().position(|step| step == "stop_container")
    );
}

#[test]
fn a_run_that_broke_off_before_the_metadb_changed_goes_on() {
    let mut cluster = cluster();
    set_aside(&mut cluster);
    assert_eq!(cluster.steps("n1"), BEHIND_THE_GATE);
    // The new file is there already.
    let text = cluster.rendered();
    cluster.write_config("n1", text);
    assert_eq!(cluster.steps("n1"), BEHIND_THE_GATE);
    cluster.goal.move_cm_url = false;
    assert!(cluster.refused().contains("--move-cm-url"), "{}", cluster.refused());
}

#[test]
fn a_run_that_broke_off_after_it_needs_nothing_but_an_apply() {
    for asked in [true, false] {
        let mut cluster = cluster();
        set_aside(&mut cluster);
        cluster.metadb().clusters.clear();
        cluster.goal.move_cm_url = asked;
        let steps = cluster.steps("n1");
        assert_eq!(steps[..3], ["write_config", "create_container", "schema:initialise"]);
    }
}

/// The manual's own way, up to the row; OMS runs with the former value.
#[test]
fn a_row_that_somebody_deleted_is_a_move_too() {
    let mut cluster = cluster();
    cluster.metadb().clusters.clear();
    assert_eq!(cluster.steps("n1")[..2], ["stop_container", "metadb:write_config"]);
    cluster.goal.move_cm_url = false;
    assert!(cluster.refused().contains("--move-cm-url"), "{}", cluster.refused());
}

#[test]
fn it_is_made_whole_or_not_at_all() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut Cluster), words: &str) {
        let mut cluster = cluster();
        cluster.goal.keep_going = true;
        change(&mut cluster);
        let refused = cluster.refused();
        assert!(refused.contains("cm_url cannot be moved now") && refused.contains(words), "{refused}");
    }
    check(|cluster| cluster.limit(&["n2"]), "n1 is outside --limit");
    check(|cluster| cluster.unreachable("n1"), "n1 does not answer");
    check(
        |cluster| cluster.container("n1").initialisation.state = InitState::Running,
        "OMS is being initialised on n1",
    );
    check(
        |cluster| drop(cluster.observed.cm_urls.insert(name("n1"), Ok((false, "refused".to_owned())))),
        "http://10.0.0.100:8088 does not lead to OMS yet, as seen from n1: refused",
    );
}
