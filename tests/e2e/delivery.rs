//! Story: a host that has the lower layers of the image, from another image, is sent the rest.

use system_tests::rig::OmsImage;

use super::evidence::{assert_lawful, assert_nothing_left, is_healthy};
use super::operator::Operator;
use super::outcome::Outcome;
use super::stage::Stage;

/// Bytes of the image that came, and how many it has.
pub(super) fn loaded(outcome: &Outcome) -> (u64, u64) {
    let events = outcome.events();
    let loaded = events.iter().find(|event| event["event"] == "step_done" && event["step"] == "load_image");
    let evidence = &loaded.unwrap_or_else(|| outcome.fail("no image was loaded"))["evidence"];
    let number = |name: &str| evidence[name].as_str().and_then(|text| text.parse::<u64>().ok());
    match (number("received_bytes"), number("archive_bytes")) {
        (Some(received), Some(whole)) => (received, whole),
        _ => outcome.fail(&format!("what came is not told: {evidence}")),
    }
}

#[test]
fn a_host_gets_only_the_layers_that_it_lacks() {
    let stage = Stage::empty();
    let node = stage.host(1);
    stage.have_image(OmsImage::Itself, std::slice::from_ref(node)).unwrap();
    node.docker(["image", "rm", "--force", OmsImage::Script.reference()]).unwrap().ok().unwrap();
    let operator = Operator::new(&stage);
    let archive = stage.archive_gzip(OmsImage::Script).unwrap();
    operator.inventory(
        &stage,
        &stage.host_lines(1),
        &[("oms_image_archive", &archive.display().to_string())],
    );
    let why = operator.plan().exits(0).why("node1", "load_image");
    assert!(why.contains("are sent"), "{why}");

    let outcome = operator.run(&["apply", "--yes", "--format", "jsonl"]).exits(0);

    let (received, whole) = loaded(&outcome);
    assert!(received * 5 < whole, "{received} of {whole} bytes were sent");
    assert!(is_healthy(node, "http"));
    assert_lawful(&stage);
    operator.plan().exits(0).plans(&[]);
    assert_nothing_left(std::slice::from_ref(node));
}
