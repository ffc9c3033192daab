//! `omsctl status`: what is there now, observed on every host and in the MetaDB. Remembers nothing.

use std::io;
use std::time::Duration;

use tokio::time::sleep;

use super::World;
use super::inputs::{self, Images, Inputs};
use super::look::{self, Reach};
use super::telling::{Kind, Telling};
use crate::cli::{Format, StatusRequest};
use crate::exit::Exit;
use crate::plan::{self, NodeState, Status};
use crate::report::status_text;

/// Exit 0 unless a host is unreachable.
pub async fn status(world: &World, request: &StatusRequest, typed: &str) -> Exit {
    let inputs = match inputs::load(world, Images::Leave).await {
        Ok(inputs) => inputs,
        Err(exit) => return exit,
    };
    loop {
        let Some(status) = observe(world, &inputs, typed).await else { return Exit::Interrupted };
        let written = match world.globals.format {
            Format::Human if request.watch => world.out.result_again(&text(world, &status)),
            Format::Human => world.out.result(&text(world, &status)),
            Format::Json => world.out.document(&status),
            Format::Jsonl => lines(world, &status),
        };
        if written.is_err() {
            return Exit::Failed;
        }
        if !request.watch {
            let of_hosts = status.nodes.iter().map(|node| node.state);
            let mut all = of_hosts.chain(status.tsdb.iter().map(|tsdb| tsdb.state));
            let unreachable = all.any(|state| state == NodeState::Unreachable);
            return if unreachable { Exit::Unreachable } else { Exit::Done };
        }
        let mut interrupts = world.interrupts.lock().await;
        tokio::select! {
            () = sleep(Duration::from_secs(2)) => {}
            _ = interrupts.recv() => return Exit::Interrupted,
        }
    }
}

fn text(world: &World, status: &Status) -> String {
    status_text(status, world.out.style(), world.out.columns())
}

/// `None` when the operator interrupted it.
async fn observe(world: &World, inputs: &Inputs, typed: &str) -> Option<Status> {
    let (run, key) = (world.new_run(), world.new_key());
    let names = inputs.deployment.selected_names().cloned().collect();
    let mut telling = Telling::begin(world, run, typed, Kind::Observe, names).await;
    let looked = look::look(world, inputs, &key, Reach::Limit, None, &mut telling.emitter).await;
    telling.end_looking();
    let looked = looked?;
    let status = plan::status(&inputs.deployment, &looked.observed);
    looked.survey.close().await;
    Some(status)
}

/// One host a line.
fn lines(world: &World, status: &Status) -> io::Result<()> {
    status.nodes.iter().try_for_each(|node| world.out.line(node))
}
