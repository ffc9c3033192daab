//! One more inventory line.

use omsctl_agent::fakes::{InitScript, Verdict};
use omsctl_controller::exit::Exit;
use omsctl_proto::{EventKind, Gate};

use crate::bastion::{Applied, Bastion};
use crate::fleet::{Fleet, works};

fn turn_of(applied: &Applied, node: &str) -> Option<usize> {
    applied.position(
        "",
        |kind| matches!(kind, EventKind::GateOpened { host, gate: Gate::Turn } if host.as_str() == node),
    )
}

fn end_of(applied: &Applied, node: &str) -> usize {
    applied.position(node, |kind| matches!(kind, EventKind::NodeDone { .. })).unwrap()
}

/// Three hosts that serve, and the line of a fourth.
async fn grown(fleet: &Fleet) -> Bastion<'_> {
    let bastion = Bastion::new(fleet);
    bastion.list_hosts(3);
    let first = bastion.apply().await;
    assert_eq!(first.exit, Exit::Done, "{}", first.stderr);
    bastion.list_hosts(4);
    bastion
}

#[tokio::test(start_paused = true)]
async fn the_new_host_comes_first_then_the_others_one_at_a_time() {
    let fleet = Fleet::new(4);
    let bastion = grown(&fleet).await;
    let (ids, calls) = (fleet.container_ids().await, fleet.calls());
    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    assert!(applied.results().iter().all(|(_, result)| *result == "changed"), "{:?}", applied.results());
    assert_eq!(fleet.container_ids().await[..3], ids, "containers are untouched");
    assert_eq!(fleet.judge.initialised().len(), 4);
    let proved = applied
        .position("", |kind| matches!(kind, EventKind::HostRegistered { host, .. } if host.as_str() == "n4"));
    let mut turns: Vec<(usize, &str)> =
        ["n1", "n2", "n3"].map(|node| (turn_of(&applied, node).unwrap(), node)).into();
    turns.sort_unstable();
    assert!(proved.unwrap() < turns[0].0, "nothing moves before the new host is proved");
    for pair in turns.windows(2) {
        assert!(end_of(&applied, pair[0].1) < pair[1].0, "{} waits for {}", pair[1].1, pair[0].1);
    }
    for (host, before) in fleet.hosts.iter().zip(calls).take(3) {
        assert!(host.config().contains("10.0.0.4"));
        let after = &host.machine.docker.calls()[before.len()..];
        let done = [
            "exec python -m omsflow.scripts.units.oms_init_manager --init-config-file",
            "exec supervisorctl restart oms_drc_cm oms_console",
        ];
        assert_eq!(after.len(), done.len(), "{after:?}");
        assert_eq!(after[0], done[0]);
        assert!(after[1].starts_with("exec supervisorctl restart "), "{after:?}");
    }
    assert!(bastion.plan().await.iter().all(|(_, steps)| steps.is_empty()));
    assert!(fleet.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn a_failed_new_host_leaves_the_others_as_they_were() {
    let fleet = Fleet::new(4);
    let bastion = grown(&fleet).await;
    let before: Vec<String> = fleet.hosts.iter().take(3).map(crate::fleet::Host::config).collect();
    let calls = fleet.calls();
    let script = InitScript { verdict: Verdict::FailsIn(3), ..works() };
    fleet.host("n4").machine.docker.set_script(script);
    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Failed);
    let waiting = [("n1", "waiting"), ("n2", "waiting"), ("n3", "waiting"), ("n4", "failed")];
    assert_eq!(applied.results(), waiting);
    let after: Vec<String> = fleet.hosts.iter().take(3).map(crate::fleet::Host::config).collect();
    assert_eq!(after, before);
    assert_eq!(fleet.calls()[..3], calls[..3]);
    assert!(fleet.is_left_alone().await);

    fleet.host("n4").machine.docker.set_script(works());
    let mended = bastion.apply().await;
    assert_eq!(mended.exit, Exit::Done, "{}", mended.stderr);
    assert!(fleet.host("n1").config().contains("10.0.0.4"));
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
}
