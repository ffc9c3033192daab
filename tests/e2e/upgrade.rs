//! Story: a cluster gets another version of OMS, and goes back; whatever cuts that off, one more command mends it.

use std::process::{Command, Stdio};

use serde_json::Value;
use system_tests::rig::{Node, OmsImage};

use super::evidence::{
    assert_lawful, assert_nothing_left, assert_registered, container_ids, inspect, is_healthy, rows,
};
use super::full_disk::SmallDisk;
use super::operator::Operator;
use super::outcome::Outcome;
use super::running::Signal;
use super::stage::{CONTAINER, Stage};

const NEW: OmsImage = OmsImage::Itself;
const OLD: OmsImage = OmsImage::Script;

/// A cluster of 4.2.2 whose inventory names 4.2.11 from now on.
fn before_an_upgrade() -> (Stage, Operator) {
    let (stage, operator) = Stage::cluster();
    stage.metadb_query("DELETE FROM oms_rm.oms_project").unwrap();
    stage.metadb_query("INSERT INTO oms_rm.oms_project (name, status) VALUES ('link', 'before')").unwrap();
    wants(&stage, &operator, NEW);
    (stage, operator)
}

fn wants(stage: &Stage, operator: &Operator, image: OmsImage) {
    let archive = stage.archive(image).unwrap();
    operator.inventory(stage, &stage.host_lines(3), &[("oms_image_archive", &archive.display().to_string())]);
}

fn image_of(node: &Node) -> String {
    inspect(node, CONTAINER)["Config"]["Image"].as_str().unwrap().to_owned()
}

fn link(stage: &Stage) -> String {
    rows(stage, "SELECT status FROM oms_rm.oms_project WHERE name = 'link'")[0][0].clone()
}

fn version(stage: &Stage) -> String {
    rows(stage, "SELECT version FROM oms_rm.oms_version ORDER BY id DESC LIMIT 1")[0][0].clone()
}

/// The folders of whole dumps on the first host, oldest first; those of former stories are kept as any.
fn dumps(stage: &Stage) -> Vec<String> {
    let find = ["find", "/var/lib/omsctl/dumps", "-name", "dump.json", "-printf", "%h\n"];
    let found = stage.host(1).exec(find).unwrap().stdout;
    let mut folders: Vec<String> = found.lines().map(str::to_owned).collect();
    folders.sort();
    folders
}

#[track_caller]
fn assert_runs(stage: &Stage, image: OmsImage) {
    for node in stage.usual() {
        assert_eq!(image_of(node), image.reference(), "{}", node.name());
        assert!(is_healthy(node, "http"), "{}", node.name());
    }
    assert_registered(stage, stage.usual());
    assert_lawful(stage);
    assert_nothing_left(stage.nodes());
}

/// The numbers of the lines on which these events of any host stand.
fn places(events: &[Value], event: &str, step: &str) -> Vec<usize> {
    let fits = |line: &Value| line["event"] == event && line["step"] == step;
    (0..events.len()).filter(|number| fits(&events[*number])).collect()
}

/// Back to where [`Stage::cluster`] begins, by the command that the story is about.
fn back(stage: &Stage, operator: &Operator) -> Outcome {
    let back = operator.run(&["rollback", "--yes"]).exits(0);
    wants(stage, operator, OLD);
    operator.plan().exits(0).plans(&[]);
    back
}

#[test]
fn all_stop_the_databases_are_dumped_and_the_new_version_starts_and_goes_back() {
    let (stage, operator) = before_an_upgrade();
    let ids = container_ids(stage.usual());
    let kept = dumps(&stage);
    operator.plan().exits(3).tells(&["omsctl upgrade"]);
    operator.run(&["ha", "enable", "--write-metadb", "--yes"]).exits(0);
    operator.run(&["upgrade", "--yes"]).exits(3).tells(&["HA is on", "omsctl ha disable"]);
    operator.run(&["ha", "disable", "--write-metadb", "--yes"]).exits(0);
    operator.run(&["upgrade", "--yes", "--limit", "node1"]).exits(3).tells(&["versions are never mixed"]);
    assert_eq!(container_ids(stage.usual()), ids, "nothing was done so far");

    let upgraded = operator.run(&["upgrade", "--yes", "--format", "jsonl"]).exits(0);
    let upgraded = upgraded.tells(&["say nothing of an upgrade from 4.2.2 to 4.2.11", "--after-outage"]);
    let events = upgraded.events();
    let stopped = places(&events, "step_done", "stop_container");
    let [begun] = places(&events, "step_started", "dump_databases")[..] else { panic!("one dump") };
    let [dumped] = places(&events, "step_done", "dump_databases")[..] else { panic!("one dump") };
    let started = places(&events, "step_started", "replace_container");
    assert_eq!((stopped.len(), started.len()), (3, 3));
    assert!(
        stopped.iter().all(|stopped| *stopped < begun) && started.iter().all(|started| dumped < *started)
    );
    assert_runs(&stage, NEW);
    assert_eq!(version(&stage), "4.2.11");
    for (node, id) in stage.usual().iter().zip(&ids) {
        let aside = node
            .docker(["ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}"])
            .unwrap()
            .stdout;
        let kept = aside.lines().find(|line| line.starts_with(id.as_str())).unwrap();
        assert!(kept.contains(" oms-") && kept.ends_with("exited"), "{aside}");
    }

    let after = dumps(&stage);
    let [folder] = &after[kept.len()..] else { panic!("one more than {kept:?}: {after:?}") };
    operator.run(&["status"]).exits(0).tells(&["dump of OMS 4.2.2 on node1", folder]);
    let files = stage.host(1).exec(["find", folder, "-type", "f", "-printf", "%m %s %f\n"]).unwrap().stdout;
    assert_eq!(files.lines().count(), 4, "{files}");
    assert!(files.lines().all(|file| file.starts_with("600 ") && !file.starts_with("600 0 ")), "{files}");
    let text = |name: &str| {
        let file = files.lines().find(|line| line.contains(name)).unwrap().rsplit(' ').next().unwrap();
        stage.host(1).read_file(&format!("{folder}/{file}")).unwrap()
    };
    assert!(text("oms_rm").contains("('link','before')") || text("oms_rm").contains("'link','before'"));
    let sequence = text("oms_cm_hb");
    let rows_of = sequence.lines().skip_while(|line| !line.starts_with("INSERT INTO `heatbeat_sequence`"));
    let tuples = rows_of
        .take_while(|line| !line.starts_with("/*!"))
        .map(|line| line.matches('(').count())
        .sum::<usize>();
    assert_eq!(tuples, 1, "only the newest row is left: {sequence}");
    operator.apply().exits(0);
    operator.run(&["upgrade", "--yes"]).exits(0).tells(&["nothing to do"]);

    stage.metadb_query("UPDATE oms_rm.oms_project SET status = 'after'").unwrap();
    let returned = back(&stage, &operator);
    returned.tells(&["what OMS wrote into them since is lost", "--after-outage"]);
    assert_eq!(container_ids(stage.usual()), ids, "the former containers");
    assert_eq!((version(&stage).as_str(), link(&stage).as_str()), ("4.2.2", "before"));
    assert_runs(&stage, OLD);
    operator.run(&["rollback", "--yes"]).exits(0).tells(&["nothing to do"]);
    assert_eq!(dumps(&stage), after, "dumps are kept");
}

/// While this lives the database answers nobody, so that a dump of it stands still.
struct Paused {
    container: String,
}

impl Paused {
    fn metadb(stage: &Stage) -> Self {
        let container = stage.metadb().container().to_owned();
        docker(&["pause", &container]);
        Self { container }
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        docker(&["unpause", &self.container]);
    }
}

#[track_caller]
fn docker(arguments: &[&str]) {
    let status = Command::new("docker").args(arguments).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "docker {arguments:?}");
}

#[test]
fn a_disk_and_a_database_that_end_in_the_middle_of_the_dump_leave_the_former_version() {
    let (stage, operator) = before_an_upgrade();
    let ids = container_ids(stage.usual());
    let kept = dumps(&stage);
    let disk = SmallDisk::at(stage.host(1), "/var/lib/omsctl/dumps", "64k");
    disk.fill();
    operator.run(&["upgrade", "--yes"]).exits(1).tells(&["could not be dumped", "omsctl upgrade"]);
    assert_eq!(dumps(&stage), Vec::<String>::new(), "half a dump is left");
    drop(disk);
    assert_eq!(container_ids(stage.usual()), ids, "no other container was made");

    let mut running = operator.start(&["upgrade", "--yes"]);
    running.until_told("dumping the databases");
    // Three databases, each with a program of its own: it is in the middle of them.
    drop(Paused::metadb(&stage));
    stage.metadb().stop().unwrap();
    running.end().exits(1).tells(&["could not be", "omsctl upgrade"]);
    assert_eq!(dumps(&stage), kept, "what was not proved is no dump");
    assert_eq!(container_ids(stage.usual()), ids, "no other container was made");
    stage.metadb().start().unwrap();

    // The former version is one command away, and so is the new one.
    operator.run(&["start", "--yes"]).exits(0);
    assert_runs(&stage, OLD);
    operator.run(&["upgrade", "--yes"]).exits(0);
    assert_runs(&stage, NEW);
    back(&stage, &operator);
    assert_runs(&stage, OLD);
}

#[test]
fn a_controller_and_a_host_that_die_between_stop_and_start_are_one_command_away_from_the_new_version() {
    let (stage, operator) = before_an_upgrade();
    let mut running = operator.start(&["upgrade", "--yes"]);
    running.until_told("dumping the databases");
    let paused = Paused::metadb(&stage);
    running.signal(Signal::Kill);
    drop(running);
    stage.host(3).kill().unwrap();
    stage.host(3).start().unwrap();
    stage.host(3).wait_ready().unwrap();
    drop(paused);

    operator.run(&["apply", "--yes"]).exits(5);
    operator.run(&["upgrade", "--yes"]).exits(0).tells(&["is carried on", "--after-outage"]);
    assert_runs(&stage, NEW);
    assert_eq!(version(&stage), "4.2.11");
    back(&stage, &operator);
    assert_runs(&stage, OLD);
    assert_eq!(link(&stage), "before");
}
