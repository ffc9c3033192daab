//! Logs and bundles over simulated hosts: what is in them, what is not, and when a host is lost.

use std::fs::File;
use std::io::Read;

use omsctl_controller::cli::{BundleRequest, LogsRequest};
use omsctl_controller::command;
use omsctl_controller::exit::Exit;
use omsctl_proto::{LogPart, NodeName};

use crate::bastion::{Bastion, PASSWORD};
use crate::cluster::rolled_out;
use crate::fleet::Fleet;
use crate::link::Way;

fn request(bastion: &Bastion<'_>, name: &str) -> BundleRequest {
    BundleRequest { output: bastion.folder.path().join(name), file_limit: 64, total_limit: 1 << 20 }
}

async fn bundle(bastion: &Bastion<'_>, request: &BundleRequest) -> (Exit, serde_json::Value, String) {
    let (world, written, _interrupt) = bastion.world();
    let exit = command::bundle(&world, request, "omsctl bundle").await;
    (exit, serde_json::from_str(&written.stdout()).unwrap_or_default(), written.stderr())
}

/// Name, after the bundle's folder, and text.
fn entries(request: &BundleRequest) -> Vec<(String, String)> {
    let file = flate2::read::GzDecoder::new(File::open(&request.output).unwrap());
    let mut tar = tar::Archive::new(file);
    let read = |entry: Result<tar::Entry<'_, _>, _>| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (name.split_once('/').unwrap().1.to_owned(), text)
    };
    tar.entries().unwrap().map(read).collect()
}

fn write_log(fleet: &Fleet, node: &str, log: &str, text: &str) {
    let path = fleet.host(node).machine.path(&format!("/data/oms/oms_logs/{log}"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_bundle_holds_the_ends_of_logs_and_no_secret_and_tells_who_is_lost() {
    let fleet = Fleet::new(3);
    let bastion = rolled_out(&fleet).await;
    let service = "cm/log/service.log";
    write_log(
        &fleet,
        "n1",
        service,
        &format!("a long line that is left off because of the limit\nlogin {PASSWORD}\n"),
    );
    fleet.host("n3").link.set(Way::Dead);
    fleet.host("n3").link.cut();
    let calls = fleet.calls();
    let wanted = request(&bastion, "b.tar.gz");
    let (exit, document, stderr) = bundle(&bastion, &wanted).await;
    assert_eq!(exit, Exit::Unreachable, "{stderr}");
    assert_eq!(document["nodes"][2]["reached"], false, "{document}");
    let entries = entries(&wanted);
    let text = |name: &str| {
        let found = entries.iter().find(|(entry, _)| entry == name);
        &found
            .unwrap_or_else(|| {
                panic!("{name} is not among {:?}", entries.iter().map(|(name, _)| name).collect::<Vec<_>>())
            })
            .1
    };
    assert_eq!(text(&format!("n1/logs/data/oms/oms_logs/{service}")), "login [removed]\n");
    assert!(text("README.txt").contains("n3: not reached"));
    assert!(text("n3/not-reached.txt").len() > 10);
    assert!(text("n2/facts.json").contains("OMS_HOST_IP=10.0.0.2"));
    assert!(text("n2/containers/oms/inspect.json").contains("OMS_HOST_IP=10.0.0.2"));
    assert!(
        entries.iter().any(|(name, text)| name.starts_with("events/") && text.contains("rollout_finished"))
    );
    for (name, text) in &entries {
        assert!(!text.contains(PASSWORD), "{name}: {text}");
    }
    assert_eq!(fleet.calls(), calls, "nothing was changed");

    let (again, _, told) = bundle(&bastion, &wanted).await;
    assert_eq!(again, Exit::Usage, "{told}");
    assert!(fleet.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn logs_of_a_part_are_shown_without_secrets() {
    let fleet = Fleet::new(1);
    let bastion = rolled_out(&fleet).await;
    write_log(&fleet, "n1", "cm/log/service.log", &format!("one\ntwo {PASSWORD}\n"));
    write_log(&fleet, "n1", "supervisor/error.log", "of another part\n");
    let logs = async |host: &str| {
        let (world, written, _interrupt) = bastion.world();
        let host = NodeName::new(host).unwrap();
        let request = LogsRequest { host, part: Some(LogPart::Cm), follow: false, lines: 1 };
        (command::logs(&world, &request).await, written)
    };
    let (exit, written) = logs("n1").await;
    assert_eq!(exit, Exit::Done, "{}", written.stderr());
    let document: serde_json::Value = serde_json::from_str(&written.stdout()).unwrap();
    assert_eq!(document["logs"].as_array().unwrap().len(), 1, "{document}");
    assert_eq!(document["logs"][0]["text"], "two [removed]\n");
    assert_eq!(logs("n9").await.0, Exit::Usage);
    fleet.host("n1").link.set(Way::Dead);
    fleet.host("n1").link.cut();
    assert_eq!(logs("n1").await.0, Exit::Unreachable);
}
