//! Story: what would harm a cluster is refused with exit 3, names the way out, and nothing is changed anywhere.

use super::evidence::{assert_lawful, judge_mark, judged_since, snapshot};
use super::operator::Operator;
use super::outcome::Outcome;
use super::stage::Stage;

/// Runs `plan` and `apply` with these files: both refuse, and nothing is touched.
#[track_caller]
fn refused(stage: &Stage, operator: &Operator, words: &[&str]) -> Outcome {
    let (before, mark) = (snapshot(stage), judge_mark(stage));
    operator.plan().exits(3).tells(words);
    let applied = operator.apply().exits(3).tells(words);
    assert_eq!(snapshot(stage), before, "exit 3 changes nothing");
    assert!(judged_since(stage, mark).is_empty(), "OMS noticed something");
    applied
}

#[test]
fn a_host_line_that_disappeared() {
    let (stage, operator) = Stage::cluster();
    operator.inventory(&stage, &stage.host_lines(2), &[]);
    refused(&stage, &operator, &[stage.host(3).address(), "omsctl remove"]);
    assert_lawful(&stage);
}

#[test]
fn a_changed_database_name() {
    let (stage, operator) = Stage::cluster();
    operator.config(&stage, &[("drc_cm_db", "oms_cm_other")]);
    refused(&stage, &operator, &["drc_cm_db", "oms_cm_other", "never changes"]);
}

#[test]
fn a_changed_location_is_refused_once() {
    let (stage, operator) = Stage::cluster();
    operator.config(&stage, &[("cm_location", "9")]);
    let refused = refused(&stage, &operator, &["cm_location of an initialised cluster never changes"]);
    let everything = refused.stdout + &refused.stderr;
    assert!(!everything.contains("another cluster"), "{everything}");
}

#[test]
fn a_key_that_a_new_file_does_not_bring_into_effect() {
    let (stage, operator) = Stage::cluster();
    operator.config(&stage, &[("cm_region", "cn-changed")]);
    refused(&stage, &operator, &["cm_region", "cn-changed"]);
    operator.config(&stage, &[("nginx_server_port", "8189")]);
    refused(&stage, &operator, &["nginx_server_port", "docker_update_app_port.sh"]);
}

#[test]
fn a_changed_mount_path() {
    let (stage, operator) = Stage::cluster();
    operator.inventory(&stage, &stage.host_lines(3), &[("oms_mount_path", "/data/elsewhere")]);
    refused(&stage, &operator, &["/data/elsewhere", "/data/oms", "never changes"]);
}

#[test]
fn another_version_is_an_upgrade() {
    let (stage, operator) = Stage::cluster();
    let archive = stage.archive(system_tests::rig::OmsImage::Itself).unwrap();
    operator.inventory(
        &stage,
        &stage.host_lines(3),
        &[("oms_image_archive", &archive.display().to_string())],
    );
    refused(&stage, &operator, &["4.2.2", "4.2.11", "omsctl upgrade"]);
}

#[test]
fn databases_of_another_cluster() {
    let (stage, operator) = Stage::cluster();
    operator.inventory(&stage, &stage.host_lines(4)[3..], &[]);
    refused(&stage, &operator, &["another cluster", stage.host(1).address(), "--join-metadb"]);
}
