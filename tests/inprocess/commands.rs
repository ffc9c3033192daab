//! The commands that follow a rollout or end it, run from a bastion as an operator does; and controllers that are killed.

use omsctl_controller::cli::{AgentsRequest, ApplyRequest, AttachRequest, Format};
use omsctl_controller::command;
use omsctl_controller::exit::Exit;
use omsctl_proto::Event;
use serde_json::Value;

use crate::bastion::{Applied, Bastion};

impl Bastion<'_> {
    /// An `apply` that is killed as soon as its controller has kept such an event.
    pub(crate) async fn apply_until(&self, fits: impl Fn(&Event) -> bool) {
        let (world, _, _interrupt) = self.world();
        let request = ApplyRequest::default();
        tokio::select! {
            biased;
            exit = command::apply(&world, &request, "omsctl apply") => panic!("it ended before: {exit:?}"),
            () = self.store.heard(fits) => {}
        }
    }

    pub(crate) async fn attach(&self) -> Applied {
        self.attach_with(&AttachRequest::default()).await
    }

    pub(crate) async fn attach_with(&self, request: &AttachRequest) -> Applied {
        let (world, written, _interrupt) = self.world();
        let exit = command::attach(&world, request, "omsctl attach").await;
        self.told(exit, &written)
    }

    /// Follows with `--format jsonl`: every event as the reader gets it.
    pub(crate) async fn attach_lines(&self, read_only: bool) -> (Exit, Vec<Event>) {
        let (mut world, written, _interrupt) = self.world();
        world.globals.format = Format::Jsonl;
        let request = AttachRequest { read_only, ..AttachRequest::default() };
        let exit = command::attach(&world, &request, "omsctl attach").await;
        let lines = written.stdout();
        (exit, lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect())
    }

    /// Exit code and the agents that are left.
    pub(crate) async fn agents(&self, reap: bool) -> (Exit, Vec<Value>) {
        let (exit, document) = self.left(reap).await;
        (exit, document["agents"].as_array().unwrap().clone())
    }

    /// Exit code and the document of `omsctl agents`.
    pub(crate) async fn left(&self, reap: bool) -> (Exit, Value) {
        let (world, written, _interrupt) = self.world();
        let exit = command::agents(&world, &AgentsRequest { reap }, "omsctl agents").await;
        let document = serde_json::from_str(&written.stdout())
            .unwrap_or_else(|error| panic!("{error}: {}", written.stderr()));
        (exit, document)
    }

    /// As on a bastion that was given only the inventory.
    pub(crate) fn lose_config(&self) {
        std::fs::remove_file(self.folder.path().join("config.yaml")).unwrap();
    }
}
