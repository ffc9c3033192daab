//! An initialisation that fails.

use std::num::NonZeroUsize;

use omsctl_agent::fakes::{InitScript, Verdict};
use omsctl_controller::cli::ApplyRequest;
use omsctl_controller::exit::Exit;
use omsctl_proto::{EventKind, Gate};

use crate::bastion::Bastion;
use crate::fleet::{Fleet, works};

fn fails_in(step: u8) -> InitScript {
    InitScript { verdict: Verdict::FailsIn(step), ..works() }
}

#[tokio::test(start_paused = true)]
async fn the_others_go_on_and_the_next_apply_mends_it() {
    for (node, step) in [("n1", 1), ("n1", 2), ("n2", 2), ("n2", 4)] {
        let fleet = Fleet::new(3);
        let bastion = Bastion::new(&fleet);
        fleet.host(node).machine.docker.set_script(fails_in(step));
        let applied = bastion.apply().await;
        assert_eq!(applied.exit, Exit::Failed, "{node} {step}: {}", applied.stderr);
        for (name, result) in applied.results() {
            assert_eq!(result, if name == node { "failed" } else { "changed" }, "{node} {step}: {name}");
        }
        let error = applied.error(node);
        assert!(error.contains(&format!("failed in step {step}")), "{error}");
        assert_eq!(applied.ends(), 3);
        assert_eq!(fleet.judge.initialised().len(), 2);
        assert!(fleet.is_left_alone().await);
        let ids = fleet.container_ids().await;

        fleet.host(node).machine.docker.set_script(works());
        let mended = bastion.apply().await;
        assert_eq!(mended.exit, Exit::Done, "{node} {step}: {}", mended.stderr);
        for (name, result) in mended.results() {
            assert_eq!(result, if name == node { "changed" } else { "unchanged" }, "{node} {step}: {name}");
        }
        assert_eq!(fleet.container_ids().await, ids, "it starts over in the same container");
        assert_eq!(fleet.judge.initialised().len(), 3);
        assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn no_gate_opens_past_the_limit() {
    let fleet = Fleet::new(3);
    let bastion = Bastion::new(&fleet);
    fleet.host("n1").machine.docker.set_script(fails_in(2));
    let request = ApplyRequest { max_failures: NonZeroUsize::new(1), ..ApplyRequest::default() };
    let applied = bastion.apply_with(&request).await;
    assert_eq!(applied.exit, Exit::Failed);
    assert_eq!(applied.results(), [("n1", "failed"), ("n2", "waiting"), ("n3", "waiting")]);
    let opened = applied.count(|kind| matches!(kind, EventKind::GateOpened { gate: Gate::Schema, .. }));
    assert_eq!(opened, 1);
    assert_eq!(fleet.judge.initialised(), Vec::<String>::new());
    assert!(fleet.is_left_alone().await);
}
