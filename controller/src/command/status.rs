//! `omsctl status`: what is there now, observed on every host and in the MetaDB. Remembers nothing.

use std::time::Duration;

use omsctl_proto::{ErrorCode, ErrorReport};
use tokio::time::sleep;

use super::World;
use super::inputs::{self, Images, Inputs};
use super::look;
use super::telling::{Kind, Telling};
use crate::cli::{Format, StatusRequest};
use crate::exit::Exit;
use crate::plan;
use crate::report::{NodeState, NodeStatus, Registered, StatusDocument, status_text};

/// Exit 0 unless a host is unreachable.
pub async fn status(world: &World, request: &StatusRequest, typed: &str) -> Exit {
    let inputs = match inputs::load(world, Images::Leave).await {
        Ok(inputs) => inputs,
        Err(exit) => return exit,
    };
    loop {
        let document = observe(world, &inputs, typed).await;
        let written = match world.globals.format {
            Format::Human if request.watch => {
                world.out.result_again(&status_text(&document, world.out.style()))
            }
            Format::Human => world.out.result(&status_text(&document, world.out.style())),
            Format::Json | Format::Jsonl => world.out.document(&document),
        };
        if written.is_err() {
            return Exit::Failed;
        }
        if !request.watch {
            let unreachable = document.nodes.iter().any(|node| node.state == NodeState::Unreachable);
            return if unreachable { Exit::Unreachable } else { Exit::Done };
        }
        let mut interrupts = world.interrupts.lock().await;
        tokio::select! {
            () = sleep(Duration::from_secs(2)) => {}
            _ = interrupts.recv() => return Exit::Interrupted,
        }
    }
}

async fn observe(world: &World, inputs: &Inputs, typed: &str) -> StatusDocument {
    let (run, key) = (world.new_run(), world.new_key());
    let names = inputs.deployment.hosts.iter().map(|host| host.name.clone()).collect();
    let mut telling = Telling::begin(world, run, typed, Kind::Look, names).await;
    let looked = look::look(world, inputs, &key, None, &mut telling.emitter).await;
    let status = plan::status(&inputs.deployment, &looked.observed);
    looked.survey.close().await;
    telling.end_looking();
    StatusDocument::new(status.nodes.into_iter().map(row).collect())
}

fn row(node: plan::NodeStatus) -> NodeStatus {
    let state = match node.state {
        plan::NodeState::Ready => NodeState::Ready,
        plan::NodeState::Degraded => NodeState::Degraded,
        plan::NodeState::Stopped => NodeState::Stopped,
        plan::NodeState::Absent => NodeState::Absent,
        plan::NodeState::Unreachable => NodeState::Unreachable,
        plan::NodeState::Unknown => NodeState::Unknown,
    };
    let error =
        (!node.reasons.is_empty()).then(|| ErrorReport::new(ErrorCode::Service, node.reasons.join("; ")));
    NodeStatus {
        node: node.node,
        state,
        address: node.address.map(|address| address.to_string()),
        image_id: node.image_id,
        container_id: node.container_id,
        services: node.services,
        registered: node
            .registered
            .map(|row| Registered { status: Some(row.status), heartbeat_age_s: row.heartbeat_age_s }),
        error,
    }
}
