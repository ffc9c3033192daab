//! Story: something breaks in the middle of a rollout, and after one more `apply` nobody could tell. A few cases of the
//! sweep (`cargo sweep` has them all): each fault once, where it hurts.

use std::time::{Duration, Instant};

use system_tests::steps::say;
use system_tests::sweep::{Case, Fault, Scene, Sweep, cases};

use super::operator::program;
use super::stage::{Stage, USUAL};

/// All cases together, on two cores.
const BOUND: Duration = Duration::from_mins(3);

const CASES: [(&str, Fault); 7] = [
    ("node1.step_milestone.initialise.schema_entered.middle", Fault::Cut),
    ("controller.gate_opened.node2.schema", Fault::CutAll),
    ("node1.step_milestone.initialise.schema_entered.middle", Fault::KillController),
    ("node2.step_started.create_container", Fault::KillAgent),
    ("node2.step_milestone.initialise.schema_entered.middle", Fault::RestartDocker),
    ("node3.gate_waiting.initialise.schema", Fault::KillHost),
    ("node1.plan_accepted", Fault::FullDisk),
];

#[test]
fn a_disturbed_rollout_ends_like_any_other() {
    let stage = Stage::any();
    let began = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let sweep = Sweep::on(&stage, USUAL, folder.path().to_owned(), program().to_owned()).unwrap();
    let undisturbed = sweep.undisturbed(Scene::Fresh).unwrap();
    let all = cases(&Scene::Fresh.moments(&undisturbed.recording));
    let chosen: Vec<&Case> = CASES
        .iter()
        .map(|(moment, fault)| {
            let is_it = |case: &&Case| case.moment.name == *moment && case.fault == *fault;
            all.iter().find(is_it).unwrap_or_else(|| panic!("no {moment} among {:#?}", undisturbed.recording))
        })
        .collect();
    for case in chosen {
        let verdict = sweep.run(case, &undisturbed).unwrap();
        say(&format!("  {} ({:.1} s)", case.name(), verdict.took.as_secs_f64()));
        assert!(verdict.reasons.is_empty(), "{}:\n{}", case.name(), verdict.reasons.join("\n"));
    }
    assert!(began.elapsed() < BOUND, "{:.0} s for all", began.elapsed().as_secs_f64());
}
