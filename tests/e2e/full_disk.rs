//! Story: a host's disk is full, before the rollout or in the middle of it. The host, the place and the numbers are
//! told; the other hosts are finished; after somebody has made room, the same command does what is left.

use system_tests::rig::Node;

use super::evidence::{assert_rolled_out_once, config_inside, container_ids, is_healthy, snapshot};
use super::operator::Operator;
use super::outcome::Outcome;
use super::stage::{CONTAINER, Stage};

/// Enough to begin with.
const ROOMY: &str = "1200m";

/// A small disk of its own at a folder of a host, until dropped.
pub(super) struct SmallDisk<'a> {
    node: &'a Node,
    place: &'a str,
}

impl<'a> SmallDisk<'a> {
    pub(super) fn at(node: &'a Node, place: &'a str, size: &str) -> Self {
        node.exec(["mkdir", "-p", place]).unwrap().ok().unwrap();
        let options = format!("size={size}");
        node.exec(["mount", "-t", "tmpfs", "-o", &options, "tmpfs", place]).unwrap().ok().unwrap();
        Self { node, place }
    }

    /// Somebody makes room.
    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        self.node.exec(["mount", "-o", &options, self.place]).unwrap().ok().unwrap();
    }

    /// Not a byte is left until [`Self::free`].
    pub(super) fn fill(&self) {
        let file = format!("of={}/.filler", self.place);
        let filled = self.node.exec(["dd", "if=/dev/zero", &file, "bs=1M"]).unwrap();
        assert!(filled.stderr.contains("No space left"), "{}", filled.stderr);
    }

    fn free(&self) {
        let file = format!("{}/.filler", self.place);
        self.node.exec(["rm", &file]).unwrap().ok().unwrap();
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        self.node.exec(["umount", "--lazy", self.place]).ok();
    }
}

/// The others are done, this one is not begun or not finished.
#[track_caller]
fn others_finished(stage: &Stage, applied: &Outcome) {
    for node in [stage.host(1), stage.host(3)] {
        assert_eq!(applied.result_of(node.name()), "changed", "{}", applied.stdout);
        assert!(is_healthy(node, "http"), "{} is not healthy", node.name());
    }
}

/// With room again, only this host is left to do.
#[track_caller]
fn only_node2_is_left(stage: &Stage, operator: &Operator) {
    let ids = [container_ids(&stage.nodes()[..1]), container_ids(&stage.nodes()[2..3])];
    let planned = operator.plan().exits(0);
    assert!(
        planned.steps_of("node1").is_empty() && planned.steps_of("node3").is_empty(),
        "{}",
        planned.stdout
    );
    let again = operator.apply().exits(0);
    let results = ["node1", "node2", "node3"].map(|node| again.result_of(node));
    assert_eq!(results, ["unchanged", "changed", "unchanged"], "{}", again.stdout);
    assert_eq!([container_ids(&stage.nodes()[..1]), container_ids(&stage.nodes()[2..3])], ids);
    assert_rolled_out_once(stage, stage.usual());
}

#[test]
fn too_little_room_is_told_before_anything_is_changed() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let disk = SmallDisk::at(stage.host(2), "/data/oms", "64m");
    let before = snapshot(&stage);

    let refused = operator.apply().exits(3).tells(&[
        "node2",
        "64.0 MiB free on /data/oms",
        "1.0 GiB",
        "free space there",
    ]);

    assert_eq!(snapshot(&stage), before, "nothing is changed anywhere:\n{}", refused.stderr);
    let checked = operator.check().exits(3);
    assert_eq!(checked.failed_checks(), [("node2".to_owned(), "disk".to_owned())]);

    let applied = operator.run(&["apply", "--yes", "--keep-going", "--format", "json"]);
    assert_ne!(applied.code, 0, "one host is missing");
    assert_eq!(applied.result_of("node2"), "left_out", "{}", applied.stdout);
    assert_eq!(stage.host(2).container_id(CONTAINER).unwrap(), None);
    others_finished(&stage, &applied);

    disk.grow(ROOMY);
    only_node2_is_left(&stage, &operator);
}

#[test]
fn no_room_for_a_changed_file() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let place = ("oms_config_file", "/data/conf/config.yaml");
    operator.inventory(&stage, &stage.host_lines(1), &[place]);
    let disk = SmallDisk::at(stage.host(1), "/data/conf", "1m");
    disk.fill();

    // No check looks at that disk, so the step tells it.
    let full = |applied: &Outcome| {
        let error = applied.of_node("node1")["error"].clone();
        assert_eq!(error["code"], "disk", "{}", applied.stdout);
        applied.clone().tells(&[
            "/data/conf/config.yaml",
            "No space left",
            "0 bytes free on /data/conf",
            "Make room",
        ]);
    };
    full(&operator.apply().exits(1));
    assert_eq!(stage.host(1).container_id(CONTAINER).unwrap(), None, "nothing after it was begun");
    disk.free();
    operator.apply().exits(0);

    // A file that is there already stays whole.
    let before = stage.host(1).read_file("/data/conf/config.yaml").unwrap();
    disk.fill();
    operator.config(&stage, &[("tsdb_username", "metrics")]);
    full(&operator.apply().exits(1));
    assert_eq!(stage.host(1).read_file("/data/conf/config.yaml").unwrap(), before);
    assert!(is_healthy(stage.host(1), "http"));
    disk.free();
    operator.apply().exits(0);
    assert_eq!(config_inside(stage.host(1))["tsdb_username"], "metrics");
    assert_rolled_out_once(&stage, &stage.nodes()[..1]);
}
