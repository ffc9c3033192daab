//! Story: something breaks in the middle of a rollout, and after one more `apply` nobody could tell. A few cases of the
//! sweep (`cargo sweep` has them all): each fault once, where it hurts.

use system_tests::steps::say;
use system_tests::sweep::{Case, Fault, Moment, Scene, Sweep};

use super::operator::program;
use super::stage::{Stage, USUAL};

/// Well within the schema step, which lasts a second here.
const INSIDE_MS: u64 = 400;

/// The event that is waited for, how long after it, and what breaks then.
const CASES: [(&str, u64, Fault); 7] = [
    ("node1.step_milestone.initialise.schema_entered", INSIDE_MS, Fault::Cut),
    ("controller.gate_opened.node2.schema", 0, Fault::CutAll),
    ("node1.step_milestone.initialise.schema_entered", INSIDE_MS, Fault::KillController),
    ("node2.step_started.create_container", 0, Fault::KillAgent),
    ("node2.step_milestone.initialise.schema_entered", INSIDE_MS, Fault::RestartDocker),
    ("node3.gate_waiting.initialise.schema", 0, Fault::KillHost),
    ("node1.plan_accepted", 0, Fault::FullDisk),
];

#[test]
fn a_disturbed_rollout_ends_like_any_other() {
    let stage = Stage::any();
    let folder = tempfile::tempdir().unwrap();
    let sweep = Sweep::on(&stage, USUAL, folder.path().to_owned(), program().to_owned()).unwrap();
    let undisturbed = sweep.undisturbed(Scene::Fresh).unwrap();
    let moments = Scene::Fresh.moments(&undisturbed.recording);
    let chosen: Vec<Case> = CASES
        .iter()
        .map(|(event, later_ms, fault)| {
            let found = moments.iter().find(|(_, moment)| moment.name == *event);
            let (scene, moment) =
                found.unwrap_or_else(|| panic!("no {event} among {:#?}", undisturbed.recording));
            let moment = Moment { later_ms: *later_ms, ..moment.clone() };
            Case { scene: *scene, moment, fault: *fault }
        })
        .collect();
    for case in &chosen {
        let verdict = sweep.run(case, &undisturbed).unwrap();
        say(&format!("  {} ({:.1} s)", case.name(), verdict.took.as_secs_f64()));
        assert!(verdict.reasons.is_empty(), "{}:\n{}", case.name(), verdict.reasons.join("\n"));
    }
}
