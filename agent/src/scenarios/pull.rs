//! An image from a registry that asks who wants it.

use std::time::Duration;

use omsctl_proto::{ErrorCode, ErrorReport, Event, EventKind};

use super::setup::{CONFIG, Setup, Talk, last};

/// As on a plan that says so: the secret of [`Talk::start`].
const NAME: &str = "config";

fn failure(events: &[Event]) -> &ErrorReport {
    let EventKind::NodeFailed { error, .. } = last(events) else { panic!("{events:?}") };
    assert_eq!(error.code, ErrorCode::Image, "{error:?}");
    error
}

async fn pull(setup: &Setup, run: &str, credentials: Option<&str>) -> Vec<Event> {
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(setup.pull_plan(run, credentials)).await;
    setup.see_through(&mut talk).await
}

#[tokio::test(start_paused = true)]
async fn the_log_in_is_shown_to_docker_alone_and_is_gone_after_the_pull() {
    let setup = Setup::new();
    setup.machine.docker.knows_private_registry("oms:4.2.2", setup.image(), CONFIG);
    let events = pull(&setup, "r-1", Some(NAME)).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert!(!serde_json::to_string(&events).unwrap().contains("canary"));
    assert!(!setup.in_memory("r-1").exists());
    assert!(!setup.kept_text().contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_the_variables_and_docker_login() {
    let setup = Setup::new();
    setup.machine.docker.knows_private_registry("oms:4.2.2", setup.image(), "another log-in");
    for (run, credentials, word) in [("r-1", Some(NAME), "Correct"), ("r-2", None, "Set")] {
        let events = pull(&setup, run, credentials).await;
        let error = failure(&events);
        let hint = error.hint.as_deref().unwrap();
        for word in [word, "`oms_registry_user`", "`oms_registry_password`", "`docker login`"] {
            assert!(hint.contains(word), "{word}: {hint}");
        }
        assert!(error.one_line().contains("unauthorized") && !format!("{error:?}").contains("canary"));
    }
    let other = Setup::new();
    let events = pull(&other, "r-1", None).await;
    assert!(failure(&events).hint.as_deref().unwrap().contains("oms_image_archive"));
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_agent_left_of_it_is_gone_when_the_next_one_starts() {
    let setup = Setup::new();
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(setup.plan("r-1")).await;
    talk.until(|kind| matches!(kind, EventKind::ContentWanted { .. })).await;
    setup.machine.daemons.kill();
    let left = setup.in_memory("r-1").join("docker");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("config.json"), CONFIG).unwrap();
    let mut talk = Talk::open(&setup.machine).await;
    talk.attach("r-1", 0).await;
    // Asked for a second time: by the next agent.
    let asks = |event: &Event| matches!(event.kind, EventKind::ContentWanted { .. });
    for _ in 0..2 {
        let event = tokio::time::timeout(Duration::from_hours(1), async {
            loop {
                let event = talk.event().await;
                if asks(&event) {
                    return event;
                }
            }
        });
        event.await.expect("it asks");
    }
    assert!(!left.exists());
    assert!(setup.in_memory("r-1").join("secrets").exists(), "the run has its secrets still");
}
