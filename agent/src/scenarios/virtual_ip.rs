//! The virtual IP on one host: keepalived is told once, told again when something differs, and taken away.

use omsctl_proto::{Action, ErrorCode, Event, EventKind, VirtualIpFacts, VirtualIpSpec};

use super::setup::{Setup, Talk, last, names, plan, step};

fn spec() -> VirtualIpSpec {
    VirtualIpSpec {
        address: [10, 0, 0, 100].into(),
        prefix_length: 24,
        interface: "eth0".to_owned(),
        router_id: 100,
        priority: 254,
        source: [10, 0, 0, 1].into(),
        peers: vec![[10, 0, 0, 2].into()],
        ports: vec![8088, 8089],
    }
}

/// A host from which OMS answers behind the address.
fn answering() -> Setup {
    let setup = Setup::new();
    for port in [8088, 8089] {
        setup.machine.host.reaches("10.0.0.100", port, || Box::new(tokio::io::duplex(64).0));
    }
    setup
}

async fn act(setup: &Setup, run: &str, action: Action) -> Vec<Event> {
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(plan(run, vec![step(None, action)])).await;
    setup.see_through(&mut talk).await
}

async fn serve(setup: &Setup, run: &str, virtual_ip: VirtualIpSpec) -> Vec<Event> {
    act(setup, run, Action::ServeVirtualIp { virtual_ip }).await
}

async fn seen(setup: &Setup) -> VirtualIpFacts {
    Talk::open(&setup.machine).await.facts().await.virtual_ip.unwrap()
}

fn loads(setup: &Setup) -> usize {
    setup.machine.host.keepalived_runs().1
}

#[tokio::test(start_paused = true)]
async fn it_is_served_once_and_a_second_time_finds_it_so() {
    let setup = answering();
    let before = seen(&setup).await;
    assert!(!before.begun && !before.running && before.serving.is_none() && before.program.is_some());
    let events = serve(&setup, "r-1", spec()).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    let (text, _) = setup.machine.host.keepalived_runs();
    assert!(text.unwrap().contains("priority 254\n"));
    let found = seen(&setup).await;
    assert_eq!(found.serving, Some(spec()));
    assert!(found.running && found.begun);
    let events = serve(&setup, "r-2", spec()).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: false });
    assert_eq!(loads(&setup), 1);
}

#[tokio::test(start_paused = true)]
async fn another_peer_a_dead_keepalived_and_a_touched_file_are_mended() {
    let setup = answering();
    serve(&setup, "r-1", spec()).await;
    let more = VirtualIpSpec { peers: vec![[10, 0, 0, 2].into(), [10, 0, 0, 3].into()], ..spec() };
    serve(&setup, "r-2", more.clone()).await;
    assert_eq!((seen(&setup).await.serving, loads(&setup)), (Some(more.clone()), 2));
    setup.machine.host.kill_keepalived();
    assert!(!seen(&setup).await.running);
    serve(&setup, "r-3", more.clone()).await;
    assert_eq!((seen(&setup).await.running, loads(&setup)), (true, 3));
    let config = setup.machine.world().places.state.join("keepalived/keepalived.conf");
    std::fs::write(&config, "by hand").unwrap();
    assert_eq!(seen(&setup).await.serving, None);
    serve(&setup, "r-4", more.clone()).await;
    assert_eq!((seen(&setup).await.serving, loads(&setup)), (Some(more.clone()), 4));
    // Written and never loaded: an agent died in between.
    std::fs::remove_file(config.with_file_name("loaded")).unwrap();
    assert_eq!(seen(&setup).await.serving, None);
    std::fs::remove_file(setup.machine.world().places.state.join("bin/oms-probe")).unwrap();
    serve(&setup, "r-5", more.clone()).await;
    assert_eq!((seen(&setup).await.serving, loads(&setup)), (Some(more), 5));
}

#[tokio::test(start_paused = true)]
async fn nobody_behind_the_address_is_a_failure_that_names_vrrp() {
    let setup = Setup::new();
    let events = serve(&setup, "r-1", spec()).await;
    let EventKind::NodeFailed { error, .. } = last(&events) else { panic!("{:?}", names(&events)) };
    assert_eq!(error.code, ErrorCode::VirtualIp);
    assert!(error.message.contains("10.0.0.100:8088"), "{error:?}");
    assert!(error.hint.as_deref().unwrap().contains("112"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn without_keepalived_or_with_an_odd_interface_nothing_is_served() {
    let setup = answering();
    setup.machine.host.lacks_keepalived();
    assert_eq!(seen(&setup).await.program, None);
    let events = serve(&setup, "r-1", spec()).await;
    assert!(matches!(last(&events), EventKind::NodeFailed { .. }), "{:?}", names(&events));
    assert_eq!(seen(&setup).await.serving, None, "it was written and not loaded");
    let odd = answering();
    let events = serve(&odd, "r-1", VirtualIpSpec { interface: "a{b".to_owned(), ..spec() }).await;
    assert!(matches!(last(&events), EventKind::NodeFailed { .. }), "{:?}", names(&events));
    assert_eq!(loads(&odd), 0);
}

#[tokio::test(start_paused = true)]
async fn it_is_taken_away_with_its_files() {
    let setup = answering();
    serve(&setup, "r-1", spec()).await;
    let events = act(&setup, "r-2", Action::WithdrawVirtualIp).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    let found = seen(&setup).await;
    assert!(!found.begun && !found.running && found.serving.is_none());
    let state = setup.machine.world().places.state;
    assert!(!state.join("keepalived").exists() && !state.join("bin/oms-probe").exists());
    let events = act(&setup, "r-3", Action::WithdrawVirtualIp).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: false });
}
