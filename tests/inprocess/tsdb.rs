//! The time-series database on a host of its own: OMS waits for it, also when the controller dies meanwhile, and is left
//! alone when it does not come.

use omsctl_agent::ports::HttpAnswer;
use omsctl_controller::exit::Exit;
use omsctl_proto::{Event, EventKind, NodeName, StepId};

use crate::bastion::Bastion;
use crate::controllers::assert_nothing_left;
use crate::fleet::Fleet;

/// Two hosts of OMS, and the third with the database.
fn with_database(fleet: &Fleet) -> Bastion<'_> {
    let bastion = Bastion::new(fleet);
    bastion.list_hosts(2);
    let path = bastion.folder.path().join("inventory.ini");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = format!("{text}oms_tsdb_archive=oms.tar\n\n[tsdb]\nn3 ansible_host=10.0.0.3\n");
    std::fs::write(path, text).unwrap();
    bastion.write_config("tsdb_password: 'it''s secret'\n");
    for host in &fleet.hosts {
        let page = HttpAnswer { status: 401, body: String::new() };
        host.machine.host.serves("http://10.0.0.3:8086/ping", page);
    }
    bastion
}

fn is(event: &Event, node: &str, fits: impl Fn(&EventKind) -> bool) -> bool {
    event.node.as_ref().map_or("", NodeName::as_str) == node && fits(&event.kind)
}

#[tokio::test(start_paused = true)]
async fn oms_waits_for_it_also_under_the_next_controller() {
    let fleet = Fleet::new(3);
    let bastion = with_database(&fleet);
    let loads = |kind: &EventKind| matches!(kind, EventKind::ContentWanted { .. });
    bastion.apply_until(|event| is(event, "n3", loads)).await;
    let run = bastion.store.last().run;
    let next = bastion.apply().await;
    assert_eq!(next.exit, Exit::Done, "{}", next.stderr);
    assert!(next.stderr.contains("is carried on"), "{}", next.stderr);
    let events = bastion.store.of_run(&run);
    let first = |fits: &dyn Fn(&Event) -> bool| events.iter().position(fits).unwrap();
    let served = first(&|event| {
        is(event, "n3", |kind| matches!(kind, EventKind::StepDone { step: StepId::ServeTsdb, .. }))
    });
    let opened = first(&|event| matches!(event.kind, EventKind::GateOpened { .. }));
    assert!(served < opened, "{served} {opened}");
    assert_eq!(fleet.host("n3").machine.docker.tsdb_users().len(), 1);
    assert!(fleet.host("n1").config().contains("tsdb_url: \"10.0.0.3:8086\""));
    assert!(!serde_json::to_string(&events).unwrap().contains("it's secret"));
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert_eq!(fleet.judge.initialised().len(), 2);
    assert_nothing_left(&fleet).await;
    let plan = bastion.plan().await;
    assert_eq!(plan.iter().map(|(node, _)| node.as_str()).collect::<Vec<_>>(), ["n1", "n2", "n3"]);
    assert!(plan.iter().all(|(_, steps)| steps.is_empty()), "{plan:?}");
    let again = bastion.apply().await;
    assert_eq!((again.exit, again.results()[2]), (Exit::Done, ("n3", "unchanged")), "{}", again.stderr);
}

#[tokio::test(start_paused = true)]
async fn oms_is_left_alone_when_it_does_not_come() {
    let fleet = Fleet::new(3);
    let bastion = with_database(&fleet);
    fleet.host("n3").machine.docker.refuse("run");
    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Failed, "{}", applied.stderr);
    assert_eq!(applied.results()[2], ("n3", "failed"));
    assert!(applied.stderr.contains("n3 did not bring the time-series database up"), "{}", applied.stderr);
    assert_eq!(fleet.judge.initialised(), Vec::<String>::new());
    assert_nothing_left(&fleet).await;

    // A user that the database has with another password.
    let fleet = Fleet::new(3);
    let bastion = with_database(&fleet);
    assert_eq!(bastion.apply().await.exit, Exit::Done);
    let ids = fleet.container_ids().await;
    bastion.write_config("tsdb_password: another\n");
    let refused = bastion.apply().await;
    assert_eq!(refused.exit, Exit::Refused, "{}", refused.stderr);
    assert!(refused.document.to_string().contains("does not let oms in"), "{}", refused.document);
    assert_eq!(fleet.container_ids().await, ids);
}
