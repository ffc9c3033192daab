//! What `destroy` does on one host: containers of OMS go, then what omsctl made, and nothing else.

use std::os::unix::fs::symlink;

use omsctl_proto::{Action, ErrorReport, Event, EventKind};

use super::setup::{CONTAINER, Setup, Talk, last, names, plan, step};
use crate::ports::ContainerRuntime;

const LOGS: &str = "/data/oms/oms_logs";
const CONFIG_FILE: &str = "/data/oms/config.yaml";

async fn act(setup: &Setup, run: &str, action: Action) -> Vec<Event> {
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(plan(run, vec![step(None, action)])).await;
    setup.see_through(&mut talk).await
}

async fn remove_containers(setup: &Setup, run: &str, containers: &[&str]) -> Vec<Event> {
    let names = containers.iter().map(|name| (*name).to_owned()).collect();
    act(setup, run, Action::RemoveContainers { names }).await
}

async fn remove_data(setup: &Setup, run: &str, paths: &[&str]) -> Vec<Event> {
    act(setup, run, Action::RemoveData { paths: paths.iter().map(|path| (*path).to_owned()).collect() }).await
}

fn failure(events: &[Event]) -> &ErrorReport {
    let EventKind::NodeFailed { error, .. } = last(events) else { panic!("{:?}", names(events)) };
    error
}

fn changed(events: &[Event], changed: bool) {
    assert_eq!(*last(events), EventKind::NodeDone { changed }, "{:?}", names(events));
}

const ALL: [&str; 4] = [CONFIG_FILE, LOGS, "/data/oms/oms_store", "/data/oms/oms_run"];

#[tokio::test(start_paused = true)]
async fn containers_go_once() {
    let setup = Setup::new();
    setup.roll_out("r-1").await;
    let docker = &setup.machine.docker;
    docker.rename(CONTAINER, "oms-aside").await.unwrap();
    changed(&remove_containers(&setup, "r-2", &[CONTAINER, "oms-aside"]).await, true);
    assert!(docker.container("oms-aside").await.unwrap().is_none());
    assert!(docker.calls().ends_with(&["stop oms-aside".to_owned(), "rm oms-aside".to_owned()]));
    changed(&remove_containers(&setup, "r-3", &[CONTAINER, "oms-aside"]).await, false);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_does_not_stop_stays_and_is_told() {
    let setup = Setup::new();
    setup.roll_out("r-1").await;
    setup.machine.docker.refuse("stop");
    let events = remove_containers(&setup, "r-2", &[CONTAINER]).await;
    assert!(failure(&events).message.contains("could not be stopped"), "{:?}", failure(&events));
    assert!(setup.machine.docker.container(CONTAINER).await.unwrap().unwrap().facts.running);
}

#[tokio::test(start_paused = true)]
async fn what_was_made_is_marked_and_goes_with_the_folders_above() {
    let setup = Setup::new();
    // Somebody's own, beside and above.
    std::fs::create_dir_all(setup.machine.path("/data")).unwrap();
    setup.roll_out("r-1").await;
    let logs = setup.machine.path(LOGS);
    let precious = setup.machine.path("/precious");
    std::fs::create_dir(&precious).unwrap();
    std::fs::write(precious.join("file"), "kept").unwrap();
    symlink(&precious, logs.join("link")).unwrap();
    let made = Talk::open(&setup.machine).await.facts().await.made;
    assert_eq!(made.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>(), ALL.into());
    assert!(made[CONFIG_FILE].whole && made[CONFIG_FILE].bytes > 0, "{made:?}");

    let early = remove_data(&setup, "r-2", &ALL).await;
    assert!(failure(&early).message.contains("oms may use them"), "{:?}", failure(&early));
    assert!(logs.exists());
    remove_containers(&setup, "r-3", &[CONTAINER]).await;
    changed(&remove_data(&setup, "r-4", &ALL).await, true);
    assert!(!setup.machine.path("/data/oms").exists());
    assert!(setup.machine.path("/data").exists(), "omsctl did not make it");
    assert_eq!(std::fs::read_to_string(precious.join("file")).unwrap(), "kept", "a link is not followed");
    assert!(Talk::open(&setup.machine).await.facts().await.made.is_empty());
    changed(&remove_data(&setup, "r-5", &ALL).await, false);
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_was_there_before_is_never_removed() {
    let setup = Setup::new();
    let logs = setup.machine.path(LOGS);
    std::fs::create_dir_all(&logs).unwrap();
    setup.roll_out("r-1").await;
    remove_containers(&setup, "r-2", &[CONTAINER]).await;
    assert!(!Talk::open(&setup.machine).await.facts().await.made.contains_key(LOGS));
    let events = remove_data(&setup, "r-3", &[LOGS]).await;
    assert!(failure(&events).message.contains("is not what omsctl made there"), "{:?}", failure(&events));
    assert!(logs.exists());
}

#[tokio::test(start_paused = true)]
async fn what_something_is_mounted_in_stays() {
    let setup = Setup::new();
    setup.roll_out("r-1").await;
    remove_containers(&setup, "r-2", &[CONTAINER]).await;
    let logs = setup.machine.path(LOGS);
    setup.machine.host.mount(&logs.canonicalize().unwrap().join("archive"));
    let events = remove_data(&setup, "r-3", &[LOGS]).await;
    assert!(failure(&events).message.contains("something is mounted in it"), "{:?}", failure(&events));
    assert!(logs.exists());
}
