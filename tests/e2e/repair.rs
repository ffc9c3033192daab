//! Story: something differs from the files. `plan` names exactly the steps that mend it and why; `apply` mends it.

use system_tests::by_hand;
use system_tests::rig::{Node, OmsImage};

use super::evidence::{
    assert_lawful, assert_registered, config_inside, container_ids, inspect, is_healthy, judge_mark,
    judged_since, one_at_a_time,
};
use super::operator::Operator;
use super::stage::{CONTAINER, Stage};

/// All is as the files say, and well.
fn assert_mended(stage: &Stage, operator: &Operator) {
    operator.plan().exits(0).plans(&[]);
    for node in stage.usual() {
        assert!(is_healthy(node, "http"), "{} is not healthy", node.name());
    }
    assert_registered(stage, stage.usual());
    assert_lawful(stage);
}

#[test]
fn a_changed_key_is_taken_over_one_host_at_a_time() {
    let (stage, operator) = Stage::cluster();
    let (ids, mark) = (container_ids(stage.usual()), judge_mark(&stage));
    let inode = |node: &Node| node.exec(["stat", "-c", "%i", "/data/oms/config.yaml"]).unwrap().stdout;
    let inodes: Vec<String> = stage.usual().iter().map(inode).collect();
    operator.config(&stage, &[("tsdb_username", "metrics")]);

    let steps: &[&str] = &["write_config", "reload_config", "await_services", "await_healthy"];
    let planned = operator.plan().exits(0).plans(&[("node1", steps), ("node2", steps), ("node3", steps)]);
    let why = planned.why("node2", "write_config");
    assert!(why.contains("tsdb_username") && why.contains("metrics"), "{why}");
    operator.apply().exits(0);

    for node in stage.usual() {
        assert_eq!(config_inside(node)["tsdb_username"], "metrics", "{}", node.name());
    }
    assert_eq!(container_ids(stage.usual()), ids, "containers stay");
    assert_eq!(
        stage.usual().iter().map(inode).collect::<Vec<_>>(),
        inodes,
        "the file is a mount: its inode stays"
    );
    let records = judged_since(&stage, mark);
    let kinds = ["config_written", "console_started", "supervisor_started"];
    let order = one_at_a_time(&records, &kinds);
    assert_eq!(order.len(), 3, "{records:#?}");
    assert!(
        !records.iter().any(|record| record.kind == "cm_started"),
        "nothing else is restarted: {records:#?}"
    );
    assert_mended(&stage, &operator);
    // Back to the usual file, for the stories after this one.
    operator.config(&stage, &[]);
    operator.apply().exits(0);
}

#[test]
fn a_stopped_container_is_started() {
    let (stage, operator) = Stage::cluster();
    let ids = container_ids(stage.usual());
    stage.host(2).docker(["stop", "--time", "5", CONTAINER]).unwrap().ok().unwrap();

    let planned = operator.plan().exits(0);
    let steps = planned.steps_of("node2");
    assert_eq!(steps.first().map(String::as_str), Some("start_container"), "{steps:?}");
    assert!(!steps.iter().any(|step| step == "initialise" || step == "write_config"), "{steps:?}");
    assert!(
        planned.steps_of("node1").is_empty() && planned.steps_of("node3").is_empty(),
        "{}",
        planned.stdout
    );
    let applied = operator.apply().exits(0);

    assert_eq!(applied.result_of("node2"), "changed");
    assert_eq!(applied.result_of("node1"), "unchanged");
    assert_eq!(container_ids(stage.usual()), ids);
    assert_mended(&stage, &operator);
}

#[test]
fn a_deleted_directory_takes_a_restart() {
    let (stage, operator) = Stage::cluster();
    let ids = container_ids(stage.usual());
    let started = inspect(stage.host(3), CONTAINER)["State"]["StartedAt"].clone();
    stage.host(3).exec(["rm", "-rf", "/data/oms/oms_run"]).unwrap().ok().unwrap();

    let planned = operator.plan().exits(0);
    let steps = planned.steps_of("node3");
    assert_eq!(&steps[..2], ["make_directories", "restart_container"], "{steps:?}");
    assert!(!steps.iter().any(|step| step == "initialise"), "{steps:?}");
    let why = planned.why("node3", "make_directories");
    assert!(why.contains("/data/oms/oms_run"), "{why}");
    assert!(planned.steps_of("node1").is_empty(), "{}", planned.stdout);
    operator.apply().exits(0);

    assert_eq!(container_ids(stage.usual()), ids);
    assert_ne!(
        inspect(stage.host(3), CONTAINER)["State"]["StartedAt"],
        started,
        "the mount is stale until a restart"
    );
    stage.host(3).docker_exec(CONTAINER, ["touch", "/home/ds/run/proof"]).unwrap().ok().unwrap();
    stage.host(3).read_file("/data/oms/oms_run/proof").unwrap();
    assert_mended(&stage, &operator);
}

#[test]
fn a_container_of_another_image_is_replaced() {
    let (stage, operator) = Stage::cluster();
    let ids = container_ids(stage.usual());
    stage.have_image(OmsImage::Patched, &stage.nodes()[..1]).unwrap();
    swap_image(stage.host(1), OmsImage::Patched);
    let other = container_ids(&stage.nodes()[..1]).remove(0);

    let planned = operator.plan().exits(0);
    let steps = planned.steps_of("node1");
    assert!(steps.iter().any(|step| step == "replace_container"), "{steps:?}");
    assert!(steps.iter().any(|step| step == "initialise"), "a new container is initialised: {steps:?}");
    assert!(!steps.iter().any(|step| step == "load_image"), "it is there: {steps:?}");
    assert!(
        planned.steps_of("node2").is_empty() && planned.steps_of("node3").is_empty(),
        "{}",
        planned.stdout
    );
    operator.apply().exits(0);

    let image = inspect(stage.host(1), CONTAINER)["Config"]["Image"].clone();
    assert_eq!(image, OmsImage::Script.reference());
    assert_eq!(container_ids(&stage.nodes()[1..3]), ids[1..], "the others stay");
    // What was there before is set aside, never removed.
    let aside =
        stage.host(1).docker(["inspect", "--format", "{{.Name}} {{.State.Running}}", &other]).unwrap();
    assert!(
        aside.stdout.starts_with("/oms-") && aside.stdout.contains("false"),
        "{}{}",
        aside.stdout,
        aside.stderr
    );
    assert_mended(&stage, &operator);
}

/// Puts a container of another image where the real one was, with the documented arguments, as somebody by hand would.
fn swap_image(node: &Node, image: OmsImage) {
    node.docker(["rm", "--force", CONTAINER]).unwrap().ok().unwrap();
    let block = by_hand::run(node, &[], image.reference());
    node.docker(block.iter().map(String::as_str)).unwrap().ok().unwrap();
}
