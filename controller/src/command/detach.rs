//! `omsctl apply --detach`: the questions and the refusals here, then a controller in the background that goes on by
//! itself; this one returns when every agent has its plan.

use std::collections::BTreeSet;

use omsctl_proto::{Event, EventKind, NodeName, RunId, WireSecret};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::World;
use super::interrupt::or_interrupted;
use crate::exit::Exit;
use crate::ports::{Asked, BackgroundController};

/// Hands the run over. `busy` are the hosts that will be given a plan; without any the other controller is left alone as
/// soon as it has said something.
pub(super) async fn detach(world: &World, run: &RunId, typed: &str, busy: BTreeSet<NodeName>) -> Exit {
    let asked = Asked {
        typed: typed.to_owned(),
        ssh: world.passwords.ssh.clone().map(WireSecret),
        escalation: world.passwords.escalation.clone().map(WireSecret),
        former_metadb: world.passwords.former_metadb.clone().map(WireSecret),
        vault: world.passwords.vault.iter().cloned().map(WireSecret).collect(),
    };
    let BackgroundController { events, log } = match world.background.start(run, &asked).await {
        Ok(controller) => controller,
        Err(error) => {
            world.out.message(&format!("error: {}", error.one_line()));
            return Exit::Failed;
        }
    };
    let log = log.display();
    match or_interrupted(world, begun(events, busy)).await {
        Some(Begun::GoesOn) | None => {
            world.out.message(&format!(
                "detached: the rollout {run} goes on without this terminal\n\
                 To follow: omsctl attach {run}\n\
                 What its controller says: {log}"
            ));
            Exit::Interrupted
        }
        Some(Begun::Ended(exit)) => {
            let said = std::fs::read_to_string(log.to_string()).unwrap_or_default();
            world.out.message(said.trim_end());
            world.out.message(&format!("it ended before it could be detached; its log: {log}"));
            exit
        }
    }
}

enum Begun {
    GoesOn,
    /// Before every host had its plan, or without a word.
    Ended(Exit),
}

/// Reads along until every host has its plan.
async fn begun(events: impl tokio::io::AsyncRead + Unpin, mut busy: BTreeSet<NodeName>) -> Begun {
    let mut lines = BufReader::new(events).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // What is not understood is for somebody else.
        let Ok(event) = serde_json::from_str::<Event>(&line) else { continue };
        match (&event.node, &event.kind) {
            (Some(node), EventKind::PlanAccepted { .. }) => {
                busy.remove(node);
            }
            (None, EventKind::HostUnreachable { host, .. }) => {
                busy.remove(host);
            }
            (None, EventKind::RolloutFinished { exit, .. }) => {
                return Begun::Ended(Exit::from_code(*exit));
            }
            _ => continue,
        }
        if busy.is_empty() {
            return Begun::GoesOn;
        }
    }
    Begun::Ended(Exit::Failed)
}
