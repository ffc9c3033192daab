//! Controllers that die, are succeeded, or meet: whoever comes next carries the rollout on, or is refused with a way out.

use std::collections::BTreeMap;
use std::time::Duration;

use omsctl_agent::fakes::InitScript;
use omsctl_controller::cli::ApplyRequest;
use omsctl_controller::exit::Exit;
use omsctl_controller::ports::Interrupt;
use omsctl_proto::{Event, EventKind, Gate, Importance, Milestone, NodeName};

use crate::bastion::{Applied, Bastion};
use crate::fleet::Fleet;

const MORE: &str = "apsara_audit_sls_endpoint: sls.example.com\n";

pub(crate) fn in_schema(event: &Event) -> bool {
    matches!(event.kind, EventKind::StepMilestone { milestone: Milestone::SchemaEntered, .. })
}

/// Three fresh hosts whose initialisation takes minutes.
pub(crate) fn slow(hosts: u8) -> Fleet {
    let fleet = Fleet::new(hosts);
    let script = InitScript { step: Duration::from_secs(30), ..InitScript::default() };
    fleet.hosts.iter().for_each(|host| host.machine.docker.set_script(script.clone()));
    fleet
}

/// The end of every story: each host initialised once, none interrupted, no rule broken, nothing left.
pub(crate) async fn assert_rolled_out(fleet: &Fleet) {
    let mut initialised = fleet.judge.initialised();
    initialised.sort();
    let mut expected: Vec<String> = fleet.hosts.iter().map(|host| format!("{}/oms", host.name)).collect();
    expected.sort();
    assert_eq!(initialised, expected);
    assert_eq!(fleet.judge.interrupted(), Vec::<String>::new());
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert_nothing_left(fleet).await;
}

pub(crate) async fn assert_nothing_left(fleet: &Fleet) {
    assert!(fleet.is_left_alone().await);
    assert_eq!(fleet.leftovers(), Vec::<String>::new());
}

/// How often each gate was opened for each host, over several histories.
fn openings(histories: &[&[Event]]) -> BTreeMap<(String, Gate), usize> {
    let mut openings = BTreeMap::new();
    for event in histories.iter().copied().flatten() {
        if let EventKind::GateOpened { host, gate } = &event.kind {
            *openings.entry((host.to_string(), *gate)).or_default() += 1;
        }
    }
    openings
}

fn assert_one_opening_each(hosts: usize, histories: &[&[Event]]) {
    let openings = openings(histories);
    assert_eq!(openings.len(), hosts, "{openings:?}");
    assert!(openings.values().all(|times| *times == 1), "{openings:?}");
}

/// Every host's events from the first to its terminal one, each once.
fn assert_told_whole(fleet: &Fleet, events: &[Event]) {
    for host in &fleet.hosts {
        let of_host = |event: &&Event| event.node.as_ref().map(NodeName::as_str) == Some(&host.name);
        let kept = events.iter().filter(of_host).filter(|event| event.kind.importance() != Importance::Lossy);
        let told: Vec<Event> = kept.cloned().collect();
        assert!(told.len() > 10, "{}: {told:?}", host.name);
        assert_eq!(told, host.journal(&told[0].run), "{}", host.name);
        assert_eq!(told.last().unwrap().kind.importance(), Importance::Terminal);
    }
}

fn assert_all_changed(applied: &Applied) {
    assert!(applied.results().iter().all(|(_, result)| *result == "changed"), "{:?}", applied.results());
}

#[tokio::test(start_paused = true)]
async fn a_killed_one_is_carried_on_by_the_next_apply() {
    for host in ["n1", "n2"] {
        let fleet = slow(3);
        let ann = Bastion::new(&fleet);
        let at = |event: &Event| event.node.as_ref().map(NodeName::as_str) == Some(host) && in_schema(event);
        ann.apply_until(at).await;
        let run = ann.store.last().run;
        let next = ann.apply().await;
        assert_eq!(next.exit, Exit::Done, "{}", next.stderr);
        let said = format!("the rollout {run} of ann@bastion");
        assert!(next.stderr.contains(&said) && next.stderr.contains("is carried on"), "{}", next.stderr);
        let carried = ann.store.of_run(&run);
        assert_told_whole(&fleet, &carried);
        crate::history::assert_whole(&carried, &run, &fleet);
        assert_one_opening_each(3, &[&carried]);
        let registered =
            carried.iter().filter(|event| matches!(event.kind, EventKind::HostRegistered { .. }));
        assert_eq!(registered.count(), 3, "{host}");
        assert_eq!(ann.store.record(&run).unwrap().result, Some(omsctl_proto::RunResult::Done));
        assert_rolled_out(&fleet).await;
    }
}

#[tokio::test(start_paused = true)]
async fn another_goal_is_refused_with_the_choices_and_nothing_changes() {
    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    ann.apply_until(in_schema).await;
    let run = ann.store.last().run;
    let bob = Bastion::of(&fleet, "bob@elsewhere");
    bob.write_config(MORE);
    let calls = fleet.calls();
    let refused = bob.apply().await;
    assert_eq!(refused.exit, Exit::Busy, "{}", refused.stderr);
    assert_eq!(refused.exit.code(), 5);
    for node in ["n1", "n2", "n3"] {
        let error = refused.error(node);
        let since = ann.store.record(&run).unwrap().started[..10].to_owned();
        for word in [run.as_str(), "ann@bastion", &since, "omsctl attach", "--wait", "--take-over"] {
            assert!(error.contains(word), "{node}: {word}: {error}");
        }
    }
    assert_eq!((refused.ends(), fleet.calls()), (0, calls));
    assert!(fleet.hosts.iter().all(|host| host.machine.daemons.alive() == 1));

    let carried = ann.apply().await;
    assert_eq!(carried.exit, Exit::Done, "{}", carried.stderr);
    assert_rolled_out(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn take_over_ends_it_and_makes_its_own_goal_true() {
    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    ann.apply_until(in_schema).await;
    let bob = Bastion::of(&fleet, "bob@elsewhere");
    bob.write_config(MORE);
    let taken = bob.apply_with(&ApplyRequest { take_over: true, ..ApplyRequest::default() }).await;
    assert_eq!(taken.exit, Exit::Done, "{}", taken.stderr);
    assert!(taken.stderr.contains("is ended"), "{}", taken.stderr);
    assert!(fleet.hosts.iter().all(|host| host.config().contains("sls.example.com")));
    assert!(bob.plan().await.iter().all(|(_, steps)| steps.is_empty()));
    assert_rolled_out(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn take_over_also_from_a_controller_that_lives() {
    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    let bob = Bastion::of(&fleet, "bob@elsewhere");
    bob.write_config(MORE);
    let (first, taken) = tokio::join!(ann.apply(), async {
        ann.store.heard(in_schema).await;
        bob.apply_with(&ApplyRequest { take_over: true, ..ApplyRequest::default() }).await
    });
    assert_eq!(taken.exit, Exit::Done, "{}", taken.stderr);
    assert_eq!(first.exit, Exit::Interrupted, "{}", first.stderr);
    assert!(fleet.hosts.iter().all(|host| host.config().contains("sls.example.com")));
    assert_rolled_out(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn wait_waits_for_the_end_of_another_rollout() {
    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    let bob = Bastion::of(&fleet, "bob@elsewhere");
    bob.write_config(MORE);
    let request = ApplyRequest { wait: Some(Duration::from_hours(1)), ..ApplyRequest::default() };
    let (first, second) = tokio::join!(ann.apply(), async {
        ann.store.heard(in_schema).await;
        bob.apply_with(&request).await
    });
    assert_eq!(first.exit, Exit::Done, "{}", first.stderr);
    assert_eq!(second.exit, Exit::Done, "{}", second.stderr);
    assert!(second.stderr.contains("waiting until the rollout"), "{}", second.stderr);
    assert_all_changed(&second);
    assert!(fleet.hosts.iter().all(|host| host.config().contains("sls.example.com")));
    assert_rolled_out(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn wait_ends_at_its_limit() {
    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    let bob = Bastion::of(&fleet, "bob@elsewhere");
    let request = ApplyRequest { wait: Some(Duration::from_secs(20)), ..ApplyRequest::default() };
    let (first, second) = tokio::join!(ann.apply(), async {
        ann.store.heard(in_schema).await;
        let begun = tokio::time::Instant::now();
        let second = bob.apply_with(&request).await;
        assert!((20..30).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        second
    });
    assert_eq!((first.exit, second.exit), (Exit::Done, Exit::Busy), "{}{}", first.stderr, second.stderr);
    assert_rolled_out(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn attach_from_elsewhere_tells_the_whole_story_and_leads_when_nobody_does() {
    for with_config in [true, false] {
        let fleet = slow(3);
        let ann = Bastion::new(&fleet);
        ann.apply_until(in_schema).await;
        let run = ann.store.last().run;
        let before = ann.store.of_run(&run);
        let bob = Bastion::of(&fleet, "bob@elsewhere");
        if !with_config {
            bob.lose_config();
        }
        let attached = bob.attach().await;
        assert_eq!(attached.exit, Exit::Done, "{with_config}: {}", attached.stderr);
        assert_eq!(attached.run, run);
        assert_all_changed(&attached);
        assert_told_whole(&fleet, &attached.events);
        assert_one_opening_each(3, &[&before, &attached.events]);
        let registered = attached.count(|kind| matches!(kind, EventKind::HostRegistered { .. }));
        assert_eq!(registered, if with_config { 3 } else { 0 });
        assert_rolled_out(&fleet).await;
    }
}

#[tokio::test(start_paused = true)]
async fn readers_beside_a_leader_get_everything_once_and_open_nothing() {
    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    let (bob, cem) = (Bastion::of(&fleet, "bob@elsewhere"), Bastion::of(&fleet, "cem@elsewhere"));
    let (led, (reader, read), (stander, stood)) = tokio::join!(
        ann.apply(),
        async {
            ann.store.heard(in_schema).await;
            bob.attach_lines(true).await
        },
        async {
            ann.store.heard(in_schema).await;
            cem.attach_lines(false).await
        },
    );
    assert_eq!((led.exit, reader, stander), (Exit::Done, Exit::Done, Exit::Done), "{}", led.stderr);
    for told in [&read, &stood] {
        assert_told_whole(&fleet, told);
        assert!(openings(&[told]).is_empty(), "{:?}", openings(&[told]));
    }
    assert_eq!(bob.store.repeated(), []);
    assert_rolled_out(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_stands_by_takes_over_and_whoever_only_reads_does_not() {
    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    let (bob, cem) = (Bastion::of(&fleet, "bob@elsewhere"), Bastion::of(&fleet, "cem@elsewhere"));
    let (history, (reader, read), stood) = tokio::join!(
        async {
            // Killed when both have read the past.
            let second =
                |event: &Event| event.node.as_ref().map(NodeName::as_str) == Some("n2") && in_schema(event);
            ann.apply_until(second).await;
            ann.store.of_run(&ann.store.last().run)
        },
        async {
            ann.store.heard(in_schema).await;
            bob.attach_lines(true).await
        },
        async {
            ann.store.heard(in_schema).await;
            cem.attach().await
        },
    );
    assert_eq!((reader, stood.exit), (Exit::Done, Exit::Done), "{}", stood.stderr);
    assert_told_whole(&fleet, &read);
    assert_told_whole(&fleet, &stood.events);
    assert!(openings(&[&read]).is_empty());
    assert_one_opening_each(3, &[&history, &stood.events]);
    let registered = stood.count(|kind| matches!(kind, EventKind::HostRegistered { .. }));
    assert_eq!(registered, 3, "also the host that ended before it led");
    assert_rolled_out(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_that_attach_at_once_one_opens_the_gates() {
    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    ann.apply_until(in_schema).await;
    let before = ann.store.of_run(&ann.store.last().run);
    let (bob, cem) = (Bastion::of(&fleet, "bob@elsewhere"), Bastion::of(&fleet, "cem@elsewhere"));
    let (one, other) = tokio::join!(bob.attach(), cem.attach());
    assert_eq!((one.exit, other.exit), (Exit::Done, Exit::Done), "{}{}", one.stderr, other.stderr);
    assert_one_opening_each(3, &[&before, &one.events, &other.events]);
    assert_told_whole(&fleet, &one.events);
    assert_told_whole(&fleet, &other.events);
    assert_rolled_out(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_that_stand_by_one_takes_over() {
    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    let (bob, cem) = (Bastion::of(&fleet, "bob@elsewhere"), Bastion::of(&fleet, "cem@elsewhere"));
    let second = |event: &Event| event.node.as_ref().map(NodeName::as_str) == Some("n2") && in_schema(event);
    let (before, one, other) = tokio::join!(
        async {
            ann.apply_until(second).await;
            ann.store.of_run(&ann.store.last().run)
        },
        async {
            ann.store.heard(in_schema).await;
            bob.attach().await
        },
        async {
            ann.store.heard(in_schema).await;
            cem.attach().await
        },
    );
    assert_eq!((one.exit, other.exit), (Exit::Done, Exit::Done), "{}{}", one.stderr, other.stderr);
    assert_one_opening_each(3, &[&before, &one.events, &other.events]);
    assert_rolled_out(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_left_at_once_is_carried_on_later() {
    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    let (world, written, interrupt) = ann.world();
    let request = ApplyRequest::default();
    let (left, ()) = tokio::join!(ann.apply_in(&world, &written, &request), async {
        ann.store.heard(in_schema).await;
        interrupt.send(Interrupt::Leave).await.unwrap();
    });
    assert_eq!(left.exit, Exit::Interrupted, "{}", left.stderr);
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(fleet.judge.initialised(), ["n1/oms"], "it went on up to the next gate");
    let next = ann.apply().await;
    assert_eq!(next.exit, Exit::Done, "{}", next.stderr);
    assert!(next.stderr.contains("is carried on"), "{}", next.stderr);
    assert_rolled_out(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_that_begin_at_once_one_does_everything() {
    let fleet = slow(3);
    let (ann, bob) = (Bastion::new(&fleet), Bastion::of(&fleet, "bob@elsewhere"));
    let (one, other) = tokio::join!(ann.apply(), bob.apply());
    let mut exits = [one.exit, other.exit];
    exits.sort_by_key(|exit| exit.code());
    assert_eq!(exits, [Exit::Done, Exit::Busy], "{}{}", one.stderr, other.stderr);
    assert_one_opening_each(3, &[&one.events, &other.events]);
    let did: Vec<bool> = [&one, &other].iter().map(|applied| applied.ends() == 3).collect();
    assert_eq!(did.iter().filter(|did| **did).count(), 1, "one run was at work");
    assert_rolled_out(&fleet).await;
}
