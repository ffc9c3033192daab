//! The judge judged: the stand-in for OMS is put through what the manual says and through what it forbids, by hand and
//! without omsctl. Needs the rig: `cargo test -p system-tests --test standin`.

#![expect(clippy::unwrap_used, reason = "a test whose rig does not do as told must stop right there")]

mod by_hand;

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use by_hand::{Container, EVERYWHERE, kinds};
use system_tests::rig::{Fault, FaultMode, OmsImage, Options, Rig, Step, TEST_INSTANCE, User, until};

const PATIENCE: Duration = Duration::from_mins(1);

/// The rig, for one test alone; `OMSCTL_RIG` names one that is up already.
struct Stage {
    rig: Rig,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Stage {
    type Target = Rig;

    fn deref(&self) -> &Rig {
        &self.rig
    }
}

fn rig() -> Stage {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed left a state that the next one's reset does away with.
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let rig = match std::env::var("OMSCTL_RIG") {
        Ok(name) => Rig::attach(&name).unwrap(),
        Err(_) => Rig::up(&Options::new(TEST_INSTANCE, 2)).unwrap(),
    };
    rig.reset(false).unwrap();
    Stage { rig, _turn: turn }
}

#[test]
fn the_documented_way_ends_healthy_and_unblemished() {
    let rig = rig();
    for node in &rig.nodes()[..2] {
        let oms = Container::start(&rig, node, OmsImage::Script);
        assert_eq!(oms.service("oms_console"), "FATAL", "nothing runs before initialisation");
        let output = oms.initialise();
        assert!(output.stdout.contains("ERROR 1235 (0A000)"), "{output:?}");
        assert!(output.stdout.ends_with("[Completed] All initialization steps are executed\n"), "{output:?}");
        for service in ["nginx", "oms_console", "oms_drc_cm", "oms_drc_supervisor", "sshd"] {
            assert_eq!(oms.service(service), "RUNNING");
        }
        until("the health document", PATIENCE, || oms.is_healthy().then_some(())).unwrap();
    }
    let hosts = rig.metadb_query("SELECT ip, host_status FROM oms_cm.host ORDER BY ip").unwrap();
    assert_eq!(hosts.len(), 2);
    let fresh = "SELECT COUNT(*) FROM oms_cm_hb.heart_beat WHERE task_name = 'supervisor'
        AND TIMESTAMPDIFF(SECOND, gmt_modified, NOW()) < 10";
    assert_eq!(rig.metadb_query(fresh).unwrap(), [[Some("2".to_owned())]]);
    assert_eq!(rig.violations().unwrap(), []);
}

#[test]
fn an_image_that_initialises_itself_says_so_last() {
    let rig = rig();
    let node = rig.node("node1").unwrap();
    let oms = Container::start(&rig, node, OmsImage::Itself);
    let done = || oms.log().trim_end().ends_with("OMS service start successfully").then_some(());
    until("the image initialises itself", PATIENCE, done).unwrap();
    until("the health document", PATIENCE, || oms.is_healthy().then_some(())).unwrap();
    node.docker(["restart", "--time", "1", "oms"]).unwrap().ok().unwrap();
    until("services after a restart", PATIENCE, || {
        (oms.log().matches("successfully").count() == 2).then_some(())
    })
    .unwrap();
    assert_eq!(kinds(&rig, "init_started"), 1, "a restart initialises nothing");
    assert_eq!(rig.violations().unwrap(), []);
}

#[test]
fn two_hosts_in_the_schema_step_are_noticed() {
    let rig = rig();
    let containers: Vec<Container<'_>> =
        rig.nodes()[..2].iter().map(|node| Container::start(&rig, node, OmsImage::Script)).collect();
    let hang = Fault {
        step: Step::SchemaInside,
        host: rig.nodes()[0].address(),
        mode: FaultMode::Hang,
        times: None,
    };
    rig.fault(&hang).unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| containers[0].initialise());
        until("the first is inside", PATIENCE, || (kinds(&rig, "schema_entered") == 1).then_some(()))
            .unwrap();
        let second = containers[1].initialise();
        rig.clear_faults().unwrap();
        assert!(!second.success() && second.stdout.contains("[Failed] Step 2"), "{second:?}");
        assert!(first.join().unwrap().success());
    });
    assert_eq!(kinds(&rig, "schema_overlap"), 1);
    // The seat is free again: the loser may come back.
    assert!(containers[1].initialise().success());
}

#[test]
fn an_initialisation_is_single_and_its_interruption_is_noticed() {
    let rig = rig();
    let node = rig.node("node1").unwrap();
    let oms = Container::start(&rig, node, OmsImage::Script);
    rig.fault(&Fault { step: Step::SchemaInside, host: EVERYWHERE, mode: FaultMode::Hang, times: None })
        .unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| oms.initialise());
        until("the first is inside", PATIENCE, || (kinds(&rig, "schema_entered") == 1).then_some(()))
            .unwrap();
        assert!(!oms.initialise().success());
        assert_eq!(kinds(&rig, "second_init_beside_running"), 1);
        node.kill().unwrap();
        assert!(!first.join().unwrap().success());
    });
    rig.clear_faults().unwrap();
    node.start().unwrap();
    node.docker(["start", "oms"]).unwrap().ok().unwrap();
    until("the interruption is noticed", PATIENCE, || (kinds(&rig, "init_interrupted") == 1).then_some(()))
        .unwrap();
    oms.wait_supervisord();
    assert!(oms.initialise().success(), "an interrupted one may start again in the same container");
    assert!(!oms.initialise().success());
    assert_eq!(kinds(&rig, "init_after_success"), 1);
}

#[test]
fn other_arguments_than_documented_are_refused() {
    let rig = rig();
    let node = rig.node("node1").unwrap();
    let check = |changed: &[(&str, &str)], complaint: &str| {
        let before = kinds(&rig, "container_arguments");
        let oms = Container::start_changed(&rig, node, OmsImage::Script, changed);
        let log = || oms.log();
        until(complaint, PATIENCE, || log().contains(complaint).then_some(())).unwrap();
        until("its record", PATIENCE, || (kinds(&rig, "container_arguments") > before).then_some(()))
            .unwrap();
    };
    check(&[("--privileged=true", "")], "not --privileged=true");
    check(&[("--ulimit=nproc=65535:65535", "--ulimit=nproc=1024:1024")], "not --ulimit nproc=65535:65535");
    check(&[("--net=host", "--net=bridge")], "is on no interface here");
    check(&[("-dit", "-di")], "not -t");
    check(&[("--pids-limit=-1", "--pids-limit=4000")], "not --pids-limit -1");
    check(&[("--volume=/data/oms/oms_store:/home/ds/store", "")], "/home/ds/store is not mounted");
    check(&[("--env=OMS_HOST_IP=@", "--env=OMS_HOST_IP=@ --env=EXTRA=1")], "the environment has EXTRA");
}

#[test]
fn a_host_that_cm_nodes_does_not_list_is_refused() {
    let rig = rig();
    let node = rig.node("node1").unwrap();
    let oms = Container::start(&rig, node, OmsImage::Script);
    oms.write_config(&rig, &[rig.nodes()[1].address()]);
    let output = oms.initialise();
    assert!(!output.success() && output.stdout.contains("is not in cm_nodes"), "{output:?}");
    assert_eq!(kinds(&rig, "config_refused"), 1);
}

#[test]
fn new_cm_nodes_reach_the_supervisor_and_nothing_else_moves() {
    let rig = rig();
    let oms = Container::start(&rig, rig.node("node1").unwrap(), OmsImage::Script);
    assert!(oms.initialise().success());
    oms.write_config(&rig, &[rig.nodes()[0].address(), "10.9.9.9"]);
    oms.run(&["python", "-m", "omsflow.scripts.units.oms_init_manager", "--init-config-file"]).ok().unwrap();
    oms.run(&["supervisorctl", "restart", "oms_console", "oms_drc_supervisor"]).ok().unwrap();
    let seen = || {
        let records = rig.judge().unwrap();
        let last = records.iter().rfind(|record| record.kind == "supervisor_started")?;
        (last.detail["cm_nodes"][1] == "10.9.9.9").then_some(())
    };
    until("the supervisor sees them", PATIENCE, seen).unwrap();
    assert_eq!(kinds(&rig, "cm_started"), 1);
}

#[test]
fn hosts_are_reached_cut_off_and_switched_off() {
    let rig = rig();
    let node = rig.node("node2").unwrap();
    assert_eq!(node.ssh(["echo", "a b", "$HOME"]).unwrap().stdout, "a b $HOME\n");
    assert_eq!(node.ssh_as(User::Ops, ["sudo", "-n", "id", "-u"]).unwrap().stdout, "0\n");
    assert!(!node.ssh_as(User::Dba, ["sudo", "-n", "id", "-u"]).unwrap().success());
    node.cut().unwrap();
    assert!(!node.ssh(["true"]).unwrap().success());
    node.heal().unwrap();
    assert!(node.ssh(["true"]).unwrap().success());
    node.stop_docker().unwrap();
    assert!(!node.docker(["version"]).unwrap().success());
    node.start_docker().unwrap();
    node.kill().unwrap();
    assert!(!node.is_running().unwrap());
    node.start().unwrap();
    assert!(node.ssh(["docker", "version"]).unwrap().success());
}
