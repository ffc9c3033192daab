//! Story: an image of 4.2.11, whose containers initialise themselves, still one schema step at a time. Its archive is in
//! OCI layout, which the Docker of these hosts cannot load as it is.

use system_tests::rig::{Node, OmsImage};

use super::evidence::{assert_lawful, assert_nothing_left, assert_registered, is_healthy, schema_order};
use super::operator::Operator;
use super::stage::{CONTAINER, Stage};

#[test]
fn three_hosts_initialise_themselves_in_turn() {
    let stage = Stage::empty();
    stage.slow_schema();
    let operator = Operator::new(&stage);
    let archive = stage.archive_oci(OmsImage::Itself).unwrap();
    operator.inventory(
        &stage,
        &stage.host_lines(3),
        &[("oms_image_archive", &archive.display().to_string())],
    );

    operator.apply().exits(0);

    let addresses: Vec<&str> = stage.usual().iter().map(Node::address).collect();
    let mut order = schema_order(&stage);
    assert_eq!(order.first().map(String::as_str), Some(addresses[0]));
    order.sort();
    assert_eq!(order, addresses);
    for node in stage.usual() {
        assert!(is_healthy(node, "http"), "{}", node.name());
        let log = node.docker(["logs", "--tail", "1", CONTAINER]).unwrap().stdout;
        assert_eq!(log.trim(), "OMS service start successfully", "{}", node.name());
    }
    assert_registered(&stage, stage.usual());
    assert_lawful(&stage);
    operator.plan().exits(0).plans(&[]);
    assert_nothing_left(stage.usual());
}
