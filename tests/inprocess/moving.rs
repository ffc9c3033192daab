//! A single host with its own address as `cm_url` becomes one of several behind a virtual IP.

use std::time::Duration;

use omsctl_agent::ports::HttpAnswer;
use omsctl_controller::cli::ApplyRequest;
use omsctl_controller::exit::Exit;
use omsctl_proto::{Event, EventKind, Gate};

use crate::bastion::{Applied, Bastion, CM_URL};
use crate::controllers::assert_nothing_left;
use crate::fleet::Fleet;

const FORMER: &str = "http://10.0.0.1:8088";

fn with_url(bastion: &Bastion<'_>, url: &str) {
    bastion.write_config("");
    let path = bastion.folder.path().join("config.yaml");
    let text = std::fs::read_to_string(&path).unwrap().replace(CM_URL, url);
    std::fs::write(path, text).unwrap();
}

/// One host that runs with its own address; the files list three, and the virtual IP.
async fn grown(fleet: &Fleet) -> Bastion<'_> {
    for host in &fleet.hosts {
        host.machine.host.serves(FORMER, HttpAnswer { status: 404, body: String::new() });
    }
    let bastion = Bastion::new(fleet);
    bastion.list_hosts(1);
    with_url(&bastion, FORMER);
    let first = bastion.apply().await;
    assert_eq!(first.exit, Exit::Done, "{}", first.stderr);
    tokio::time::sleep(Duration::from_secs(10)).await;
    bastion.list_hosts(3);
    with_url(&bastion, CM_URL);
    bastion
}

fn moving() -> ApplyRequest {
    ApplyRequest { move_cm_url: true, ..ApplyRequest::default() }
}

/// What `cluster_info` has.
fn recorded(fleet: &Fleet) -> Option<String> {
    fleet.metadb.cm_url.lock().unwrap().clone()
}

async fn assert_moved(fleet: &Fleet, bastion: &Bastion<'_>) {
    assert_eq!(recorded(fleet).as_deref(), Some(CM_URL));
    assert!(fleet.hosts.iter().all(|host| host.config().contains(CM_URL)));
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert_nothing_left(fleet).await;
    assert!(bastion.plan().await.iter().all(|(_, steps)| steps.is_empty()), "nothing is left to do");
}

fn notice(applied: &Applied, words: &str) -> usize {
    let told = |kind: &EventKind| matches!(kind, EventKind::Notice { message } if message.contains(words));
    applied.position("", told).unwrap_or_else(|| panic!("`{words}` was not told"))
}

#[tokio::test(start_paused = true)]
async fn the_rows_are_kept_before_they_go_and_the_new_hosts_come_last() {
    let fleet = Fleet::new(3);
    let bastion = grown(&fleet).await;
    let refused = bastion.apply().await;
    assert_eq!(refused.exit, Exit::Refused, "{}", refused.stderr);
    assert!(refused.document.to_string().contains("--move-cm-url"), "{}", refused.document);
    assert_eq!(recorded(&fleet).as_deref(), Some(FORMER));

    let applied = bastion.apply_with(&moving()).await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    let kept = notice(
        &applied,
        &format!(
            "before the change of cm_url: {{\"table\":\"oms_rm.cluster_info\",\"rows\":[{{\"cm_url\":\"{FORMER}\""
        ),
    );
    let gone = notice(&applied, "the former cm_url left cluster_info (1 rows)");
    let opened = |node: &str, wanted: Gate| {
        let is = |kind: &EventKind| matches!(kind, EventKind::GateOpened { host, gate } if host.as_str() == node && *gate == wanted);
        applied.position("", is).unwrap()
    };
    assert!(kept < gone && gone < opened("n1", Gate::Metadb));
    assert!(opened("n1", Gate::Schema) < opened("n2", Gate::Schema).min(opened("n3", Gate::Schema)));
    let proof = |kind: &EventKind| matches!(kind, EventKind::HostRegistered { host, evidence, .. } if host.as_str() == "n1" && evidence["cm_url"] == CM_URL);
    assert!(applied.position("", proof).is_some());
    assert_moved(&fleet, &bastion).await;
}

#[tokio::test(start_paused = true)]
async fn whenever_its_controller_dies_the_same_command_goes_on() {
    let moments: [fn(&Event) -> bool; 4] = [
        |event| matches!(event.kind, EventKind::GateWaiting { gate: Gate::Metadb, .. }),
        |event| matches!(&event.kind, EventKind::Notice { message } if message.contains("before the change of cm_url")),
        |event| matches!(&event.kind, EventKind::Notice { message } if message.contains("left cluster_info")),
        |event| matches!(event.kind, EventKind::GatePassed { gate: Gate::Metadb, .. }),
    ];
    for moment in moments {
        let fleet = Fleet::new(3);
        let bastion = grown(&fleet).await;
        let request = moving();
        tokio::select! {
            applied = bastion.apply_with(&request) => panic!("it came to its end: {}", applied.stderr),
            () = bastion.store.heard(moment) => {}
        }
        let next = bastion.apply_with(&request).await;
        assert_eq!(next.exit, Exit::Done, "{}", next.stderr);
        assert_moved(&fleet, &bastion).await;
    }
}
