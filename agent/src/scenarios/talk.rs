//! A controller that only talks, and what it heard.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use omsctl_proto::{
    Claim, Event, EventKind, Facts, FactsRequest, Hello, NodePlan, Order, Request, Response, RunId, Secret,
    SecretName, ToAgent, ToController, TsdbRequest, WantedHealth, WireSecret, read_frame, write_frame,
};
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

use super::setup::{CONFIG, CONTAINER, claim, key, operator};
use crate::fakes::FakeMachine;
use crate::{SessionError, session};

/// Asked for with all facts.
const MEASURED: [&str; 4] =
    ["/data/oms/oms_logs", "/data/oms/oms_store", "/data/oms/oms_run", "/data/oms/config.yaml"];

/// The controller's end of a session.
pub(super) struct Talk {
    reader: ReadHalf<DuplexStream>,
    writer: WriteHalf<DuplexStream>,
    session: JoinHandle<Result<(), SessionError>>,
}

impl Talk {
    pub(super) async fn open(machine: &FakeMachine) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (input, output) = tokio::io::split(theirs);
        let session = tokio::spawn(session(input, output, machine.world()));
        let (reader, writer) = tokio::io::split(ours);
        let mut talk = Self { reader, writer, session };
        assert!(matches!(talk.hear().await, ToController::Hello(_)));
        talk.say(ToAgent::Hello(Hello::new("test", 0))).await;
        talk
    }

    pub(super) async fn say(&mut self, message: ToAgent) {
        write_frame(&mut self.writer, &message).await.unwrap();
    }

    pub(super) async fn start(&mut self, plan: NodePlan) {
        self.start_with(plan, CONFIG).await;
    }

    /// As [`Self::start`], with another text for `config.yaml`.
    pub(super) async fn start_with(&mut self, plan: NodePlan, config: &str) {
        let secret = WireSecret(Secret::new(config));
        let secrets = BTreeMap::from([(SecretName::new("config").unwrap(), secret)]);
        let operator = operator("ann@bastion");
        self.say(ToAgent::Start { plan, key: key(), secrets, operator, claim: claim() }).await;
    }

    pub(super) async fn attach(&mut self, run: &str, after: u64) {
        self.attach_as(run, after, Some(claim()), "ann@bastion").await;
    }

    pub(super) async fn attach_as(&mut self, run: &str, after: u64, claim: Option<Claim>, who: &str) {
        let run = RunId::new(run).unwrap();
        self.say(ToAgent::Attach { run, after, claim, operator: operator(who) }).await;
    }

    /// Ids grow over all talks, as those of one controller do.
    pub(super) async fn order(&mut self, order: Order) {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        self.say(ToAgent::Order { id, order }).await;
    }

    pub(super) async fn hear(&mut self) -> ToController {
        self.hear_or_end().await.expect("the session goes on")
    }

    /// `None` when the session has ended.
    pub(super) async fn hear_or_end(&mut self) -> Option<ToController> {
        let patience = Duration::from_hours(48);
        tokio::time::timeout(patience, read_frame(&mut self.reader)).await.expect("an answer").unwrap()
    }

    /// The next kept event.
    pub(super) async fn event(&mut self) -> Event {
        loop {
            let message = self.hear().await;
            assert!(
                matches!(
                    message,
                    ToController::Event { .. }
                        | ToController::Attached { .. }
                        | ToController::Taken { .. }
                        | ToController::Superseded { .. }
                        | ToController::Unheld
                        | ToController::Led
                ),
                "{message:?}"
            );
            if let ToController::Event { event } = message
                && event.seq > 0
            {
                return event;
            }
        }
    }

    /// Kept events up to the first that fits.
    pub(super) async fn until(&mut self, fits: impl Fn(&EventKind) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.event().await;
            let found = fits(&event.kind);
            events.push(event);
            if found {
                return events;
            }
        }
    }

    pub(super) async fn facts(&mut self) -> Facts {
        self.facts_with(None).await
    }

    /// With the time-series database.
    pub(super) async fn facts_with(&mut self, tsdb: Option<TsdbRequest>) -> Facts {
        let request = FactsRequest {
            container_name: CONTAINER.to_owned(),
            paths: vec!["/data/oms/oms_logs".to_owned()],
            config_file: "/data/oms/config.yaml".to_owned(),
            files: vec!["/data/oms/config.yaml".to_owned()],
            key: key(),
            port_ranges: Vec::new(),
            ports: vec![8089],
            towards: Some(("10.0.0.9".to_owned(), 2881)),
            health: WantedHealth { port: 8089, tls: false },
            measured: MEASURED.map(str::to_owned).into(),
            tsdb: tsdb.map(Box::new),
            texts: Vec::new(),
        };
        self.say(ToAgent::Request { id: 9, request: Request::Facts(request) }).await;
        let message = self.hear().await;
        let ToController::Response { id: 9, response: Response::Facts(facts) } = message else {
            panic!("{message:?}")
        };
        *facts
    }

    /// As a lost SSH connection does.
    pub(super) fn cut(self) {
        self.session.abort();
    }
}

/// The names of the events, with the step's where there is one.
pub(super) fn names(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| {
        let value = serde_json::to_value(event).unwrap();
        let text = |key: &str| value[key].as_str().map(|word| format!(" {word}")).unwrap_or_default();
        let words = text("event") + &text("step") + &text("outcome") + &text("milestone");
        words.trim().to_owned()
    };
    events.iter().map(name).collect()
}

pub(super) fn last(events: &[Event]) -> &EventKind {
    &events.last().unwrap().kind
}
