//! The password of the MetaDB's account changes: by the DBA before, or by omsctl while every host waits with its new file.

use std::time::Duration;

use omsctl_controller::cli::ApplyRequest;
use omsctl_controller::exit::Exit;
use omsctl_proto::{Event, EventKind, Gate, Secret};

use crate::bastion::{Applied, Bastion, PASSWORD};
use crate::cluster::rolled_out;
use crate::controllers::assert_nothing_left;
use crate::fleet::Fleet;
use crate::link::Way;

const NEW: &str = "canary-new-77c2";
const RESTART: &str = "exec supervisorctl restart oms_console oms_drc_cm oms_drc_supervisor";
const TOLD: &str = "the MetaDB has the new password, set by way of n1";

/// The files of a cluster that runs say another password.
async fn rewritten(fleet: &Fleet) -> Bastion<'_> {
    let bastion = rolled_out(fleet).await;
    let path = bastion.folder.path().join("config.yaml");
    let text = std::fs::read_to_string(&path).unwrap().replace(PASSWORD, NEW);
    std::fs::write(path, text).unwrap();
    bastion
}

/// `omsctl apply --former-metadb-password-file`, with this in the file.
async fn apply_with_former(bastion: &Bastion<'_>, former: &str) -> Applied {
    let (mut world, written, _interrupt) = bastion.world();
    world.passwords.former_metadb = Some(Secret::new(former));
    let applied = bastion.apply_in(&world, &written, &ApplyRequest::default()).await;
    assert_untold(&applied);
    applied
}

#[track_caller]
fn assert_untold(applied: &Applied) {
    let told = serde_json::to_string(&applied.events).unwrap() + &applied.stderr;
    assert!(!told.contains("canary"), "a password is told");
}

/// How often each host's services that log in were restarted.
fn restarts(fleet: &Fleet) -> Vec<usize> {
    let count = |calls: &Vec<String>| calls.iter().filter(|call| *call == RESTART).count();
    fleet.calls().iter().map(count).collect()
}

fn opened(applied: &Applied, node: &str, wanted: Gate) -> usize {
    let is = |kind: &EventKind| matches!(kind, EventKind::GateOpened { host, gate } if host.as_str() == node && *gate == wanted);
    applied.position("", is).unwrap_or_else(|| panic!("{wanted} never opened for {node}"))
}

fn notice(applied: &Applied, words: &str) -> usize {
    let told = |kind: &EventKind| matches!(kind, EventKind::Notice { message } if message.contains(words));
    applied.position("", told).unwrap_or_else(|| panic!("`{words}` was not told"))
}

async fn assert_changed(fleet: &Fleet, bastion: &Bastion<'_>) {
    assert_eq!(*fleet.metadb.password.lock().unwrap(), NEW);
    assert!(fleet.hosts.iter().all(|host| host.config().contains(NEW)));
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert_nothing_left(fleet).await;
    // Whoever still held the former one would be seen to be silent by now.
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert!(bastion.plan().await.iter().all(|(_, steps)| steps.is_empty()), "nothing is left to do");
}

#[tokio::test(start_paused = true)]
async fn what_the_dba_has_changed_is_brought_to_one_host_after_the_other() {
    let fleet = Fleet::new(3);
    let bastion = rewritten(&fleet).await;
    NEW.clone_into(&mut fleet.metadb.password.lock().unwrap());
    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    assert_untold(&applied);
    assert_eq!(restarts(&fleet), [1, 1, 1]);
    let registered = |node: &str| {
        let is = |kind: &EventKind| matches!(kind, EventKind::HostRegistered { host, .. } if host.as_str() == node);
        applied.position("", is).unwrap()
    };
    let mut turns = ["n1", "n2", "n3"].map(|node| (opened(&applied, node, Gate::Turn), registered(node)));
    turns.sort_unstable();
    assert!(turns.windows(2).all(|pair| pair[0].1 < pair[1].0), "{turns:?}");
    notice(&applied, "the DBA may remove the former one");
    assert_changed(&fleet, &bastion).await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_log_in_anew_keeps_the_others_from_their_turn() {
    let fleet = Fleet::new(2);
    let bastion = rewritten(&fleet).await;
    NEW.clone_into(&mut fleet.metadb.password.lock().unwrap());
    let applied = tokio::select! {
        applied = bastion.apply() => applied,
        () = async {
            bastion.store.heard(|event| matches!(event.kind, EventKind::GateOpened { gate: Gate::Turn, .. })).await;
            // Whatever OMS's services are started with from here on is wrong again.
            "another".clone_into(&mut fleet.metadb.password.lock().unwrap());
            std::future::pending::<()>().await;
        } => unreachable!(),
    };
    assert_eq!(applied.exit, Exit::Failed, "{}", applied.stderr);
    assert_eq!(restarts(&fleet).iter().sum::<usize>(), 1, "the canary failed");
}

#[tokio::test(start_paused = true)]
async fn the_metadb_changes_when_every_host_has_its_file_and_all_go_on_at_once() {
    let fleet = Fleet::new(3);
    let bastion = rewritten(&fleet).await;
    let calls = fleet.calls();
    let refused = bastion.apply().await;
    assert_eq!(refused.exit, Exit::Refused, "{}", refused.stderr);
    let told = refused.document.to_string();
    assert!(told.contains("--former-metadb-password-file FILE"), "{told}");
    let wrong = apply_with_former(&bastion, "canary-wrong").await;
    assert_eq!(wrong.exit, Exit::Refused, "{}", wrong.stderr);
    assert!(wrong.document.to_string().contains("takes neither"), "{}", wrong.document);
    assert_eq!(fleet.calls(), calls, "exit 3 changes nothing");
    assert!(fleet.hosts.iter().all(|host| host.config().contains(PASSWORD)));

    let applied = apply_with_former(&bastion, PASSWORD).await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    let changed = notice(&applied, TOLD);
    let mut places = ["n1", "n2", "n3"].map(|node| opened(&applied, node, Gate::Password));
    places.sort_unstable();
    assert!(changed < places[0], "{changed} {places:?}");
    assert_eq!(places[2] - places[0], 2, "one after the other: {places:?}");
    notice(&applied, "Whatever else uses this account needs it too");
    assert_eq!(restarts(&fleet), [1, 1, 1]);
    assert_changed(&fleet, &bastion).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_locked_out() {
    let fleet = Fleet::new(3);
    let bastion = rewritten(&fleet).await;
    let calls = fleet.calls();
    fleet.host("n2").link.set(Way::Dead);
    let refused = apply_with_former(&bastion, PASSWORD).await;
    assert_eq!(refused.exit, Exit::Refused, "{}", refused.stderr);
    let told = refused.document.to_string();
    assert!(told.contains("n2 does not answer and would be locked out"), "{told}");
    assert_eq!(fleet.calls(), calls);
    assert_eq!(*fleet.metadb.password.lock().unwrap(), PASSWORD);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_changed_contacts_nobody() {
    let fleet = Fleet::new(1);
    let bastion = rewritten(&fleet).await;
    let (mut world, written, _interrupt) = bastion.world();
    world.passwords.former_metadb = Some(Secret::new(NEW));
    let exit = omsctl_controller::command::apply(&world, &ApplyRequest::default(), "omsctl apply").await;
    assert_eq!(exit, Exit::Usage);
    assert!(written.stderr().contains("is the one in config.yaml"), "{}", written.stderr());
}

#[tokio::test(start_paused = true)]
async fn whenever_its_controller_dies_the_same_command_goes_on() {
    let moments: [fn(&Event) -> bool; 3] = [
        |event| matches!(event.kind, EventKind::GateWaiting { gate: Gate::Password, .. }),
        |event| matches!(&event.kind, EventKind::Notice { message } if message.contains("has the new password, set")),
        |event| matches!(event.kind, EventKind::GatePassed { gate: Gate::Password, .. }),
    ];
    for moment in moments {
        for with_former in [true, false] {
            let fleet = Fleet::new(3);
            let bastion = rewritten(&fleet).await;
            tokio::select! {
                applied = apply_with_former(&bastion, PASSWORD) => panic!("it came to its end: {}", applied.stderr),
                () = bastion.store.heard(moment) => {}
            }
            let mut next =
                if with_former { apply_with_former(&bastion, PASSWORD).await } else { bastion.apply().await };
            if *fleet.metadb.password.lock().unwrap() == PASSWORD {
                assert!(!with_former);
                // Only the former one leads into the MetaDB yet: the hosts are sent home, and it is begun anew.
                assert_eq!(next.exit, Exit::Refused, "{}", next.stderr);
                let told = next.document.to_string() + &next.stderr;
                assert!(told.contains("--former-metadb-password-file FILE"), "{told}");
                next = apply_with_former(&bastion, PASSWORD).await;
            }
            assert_eq!(next.exit, Exit::Done, "{}", next.stderr);
            assert_changed(&fleet, &bastion).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn agents_that_die_at_the_gate_leave_what_the_next_run_mends() {
    for changed_meanwhile in [false, true] {
        let fleet = Fleet::new(3);
        let bastion = rewritten(&fleet).await;
        tokio::select! {
            applied = apply_with_former(&bastion, PASSWORD) => panic!("it came to its end: {}", applied.stderr),
            () = bastion.store.heard(|event| matches!(event.kind, EventKind::GateWaiting { gate: Gate::Password, .. })) => {}
        }
        for host in &fleet.hosts {
            host.machine.daemons.kill();
        }
        // Some have the new file, some the former one.
        std::fs::write(
            fleet.host("n3").machine.path("/data/oms/config.yaml"),
            fleet.host("n3").config().replace(NEW, PASSWORD),
        )
        .unwrap();
        if changed_meanwhile {
            NEW.clone_into(&mut fleet.metadb.password.lock().unwrap());
        }
        let next = apply_with_former(&bastion, PASSWORD).await;
        assert_eq!(next.exit, Exit::Done, "{}", next.stderr);
        assert_changed(&fleet, &bastion).await;
    }
}
