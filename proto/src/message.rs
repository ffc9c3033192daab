//! What is said on a control channel, and the rule by which two versions agree.
//!
//! Both ends send [`Hello`] first and take the highest protocol that both speak. Requests only look; `start` makes
//! the agent detach and walk; from then on the channel carries the events of that run.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{
    Claim, ContainerLook, ControllerId, ErrorReport, Event, Facts, FactsRequest, FingerprintKey, Gate, Left,
    LogFolders, LogList, LogText, NodePlan, RunId, SecretName, WireSecret,
};

/// The protocol that this version speaks best.
pub const PROTOCOL: Protocol = 1;
/// The oldest that it still speaks.
pub const PROTOCOL_OLDEST: Protocol = 1;

pub type Protocol = u16;

/// The first frame in each direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub oldest: Protocol,
    pub newest: Protocol,
    /// Of the program, for people.
    pub version: String,
    /// Milliseconds since 1970, the sender's clock.
    pub utc_ms: u64,
}

impl Hello {
    pub fn new(version: &str, utc_ms: u64) -> Self {
        Self { oldest: PROTOCOL_OLDEST, newest: PROTOCOL, version: version.to_owned(), utc_ms }
    }
}

/// The protocol that both sides speak, or none.
pub fn agree(ours: &Hello, theirs: &Hello) -> Option<Protocol> {
    let newest = ours.newest.min(theirs.newest);
    (newest >= ours.oldest && newest >= theirs.oldest).then_some(newest)
}

/// From the controller to an agent. Whatever changes something carries what makes it safe to repeat: a run, a claim, a
/// number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum ToAgent {
    Hello(Hello),
    /// Answered by a response with the same id.
    Request {
        id: u64,
        request: Request,
    },
    /// Take this plan, detach and walk it; the same run again means: attach to it from its first event.
    Start {
        plan: NodePlan,
        key: FingerprintKey,
        secrets: BTreeMap<SecretName, WireSecret>,
        operator: Operator,
        claim: Claim,
    },
    /// Send the events of this run after `after`, then those that come. Without a claim it is only read.
    Attach {
        run: RunId,
        after: u64,
        claim: Option<Claim>,
        operator: Operator,
    },
    /// Taken from the controller with the greatest claim only. One claim's ids grow; an id that was taken already is
    /// answered and not done again.
    Order {
        id: u64,
        order: Order,
    },
    /// The controller lives. Said by one that holds the host, often enough that silence means its end.
    Alive,
    #[serde(other)]
    Unknown,
}

/// What a run is told while it walks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// `waiting` is the number of the event by which the host said that it waits: a host that has to pass a gate once
    /// more is not let through by what was meant for the first time.
    OpenGate {
        gate: Gate,
        #[serde(default)]
        waiting: u64,
    },
    Cancel {
        mode: CancelMode,
        by: String,
    },
    /// Everything up to and including `seq` is kept elsewhere.
    Acknowledge {
        seq: u64,
    },
    /// The secrets that a reboot took away.
    Secrets {
        secrets: BTreeMap<SecretName, WireSecret>,
    },
    #[serde(other)]
    Unknown,
}

/// From an agent to the controller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum ToController {
    Hello(Hello),
    Response {
        id: u64,
        response: Response,
    },
    /// The run walks, detached; its events follow. `latest` is the number of the last one that is there already,
    /// `claim` the greatest that this host has seen, `opened` are the gates that were opened for it, passed or not.
    Attached {
        run: RunId,
        latest: u64,
        claim: Claim,
        opened: BTreeSet<Gate>,
    },
    /// The order with this id is done, now or before.
    Taken {
        id: u64,
    },
    /// Another controller gives the orders of this run from now on.
    Superseded {
        claim: Claim,
        by: String,
    },
    /// Nobody who may give orders is connected to this run any more.
    Unheld,
    /// Somebody gives orders to this run, now or again. Told to those who only read along.
    Led,
    /// Another controller took the host, by its operator's word; the session ends.
    Evicted,
    Refused {
        refusal: Refusal,
    },
    Event {
        event: Event,
    },
    #[serde(other)]
    Unknown,
}

/// Who runs the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// `user@bastion`.
    pub who: String,
    pub pid: u32,
}

/// Questions, and what concerns the host as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    Facts(FactsRequest),
    /// Can this be reached from here?
    Probe {
        target: ProbeTarget,
    },
    /// Listen at this address on those of these ports that are free, until [`Self::CloseDoors`] or the end of the
    /// session. Whoever comes is let go: nothing is said to it, nothing that it says is read.
    OpenDoors {
        address: IpAddr,
        ports: Vec<u16>,
    },
    CloseDoors,
    /// Which of these take no connection from here?
    Reach {
        targets: Vec<SocketAddr>,
    },
    /// Take this host for one controller, for as long as the session lives.
    Hold(Hold),
    /// Give the host free again.
    Release,
    /// What rollouts left on this host; cheaper than all facts.
    Runs,
    /// One run as its agent was given it.
    Run {
        run: RunId,
    },
    /// End the story of a run whose agent is gone: its terminal event says that nobody knows how far it got.
    Close {
        run: RunId,
    },
    /// Mend this on the host. For the controller that holds it.
    Mend {
        remedy: Remedy,
    },
    /// Which logs of OMS are there?
    LogFiles {
        folders: LogFolders,
    },
    /// A piece of one of them, at most `most` bytes from `from` on.
    LogText {
        folders: LogFolders,
        path: String,
        from: u64,
        most: u64,
    },
    /// What the runtime knows of a container, for people to read.
    Container {
        name: String,
        look: ContainerLook,
    },
    /// Remove what came of an image that no agent receives any more. For the controller that holds the host.
    Forget,
    #[serde(other)]
    Unknown,
}

/// A change of the system that is safe and can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// The daemon is started by what starts services on the host.
    StartDocker,
    /// `net.ipv4.tcp_tw_recycle` becomes 0, until the next boot.
    TurnOffTcpTwRecycle,
    /// Of a controller that is newer than the agent.
    #[serde(other)]
    Unknown,
}

/// Who takes a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub controller: ControllerId,
    /// For whoever is refused because of it.
    pub run: RunId,
    pub operator: Operator,
    /// Also from a controller that is connected and lives.
    pub take_over: bool,
}

/// Who has a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub run: RunId,
    pub operator: String,
    /// RFC 3339, the host's clock.
    pub since: String,
}

/// A run as its agent was given it, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStory {
    pub plan: NodePlan,
    /// `None` when the run has ended.
    pub key: Option<FingerprintKey>,
    pub operator: Operator,
    /// RFC 3339, the host's clock.
    pub started: String,
    /// The greatest claim that the host has seen.
    pub claim: Claim,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum ProbeTarget {
    /// Opens a TCP connection and closes it.
    Tcp { host: String, port: u16 },
    /// `GET` of an `http://` or `https://` address; the certificate is not verified.
    Http { url: String },
    /// Whether an interface of the host itself has the address.
    Holds { address: IpAddr },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Response {
    Facts(Box<Facts>),
    /// `status` for HTTP; `found` in words.
    Probe {
        reached: bool,
        status: Option<u16>,
        found: String,
    },
    /// The ports that are listened on now.
    Doors {
        opened: Vec<u16>,
    },
    Unreached {
        targets: Vec<Unreached>,
    },
    /// The host is this controller's.
    Held,
    /// The host is somebody else's.
    Busy(Holder),
    LogFiles(LogList),
    LogText(LogText),
    Text {
        text: String,
    },
    Runs(Left),
    Run(Box<RunStory>),
    Done,
    Failed {
        error: ErrorReport,
    },
    #[serde(other)]
    Unknown,
}

/// What took no connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreached {
    pub target: SocketAddr,
    pub why: String,
}

/// Why a plan or an attach was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Refusal {
    /// Another run walks on this host.
    Busy { run: RunId, operator: String, since: String },
    /// This host has no such run.
    NoSuchRun { run: RunId },
    /// Another controller has claimed this run since.
    Superseded { claim: Claim, by: String },
    /// It cannot be begun, for instance because the disk is full.
    Failed { error: ErrorReport },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelMode {
    /// Finish the running step, begin no further one.
    AfterStep,
}

/// The only frame that `omsctl-agent connect` and `receive` write before the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum ConnectReply {
    /// `peer` is the address that was reached; for `receive` the path of the socket.
    Connected {
        peer: String,
    },
    Failed {
        error: ErrorReport,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(oldest: Protocol, newest: Protocol) -> Hello {
        Hello { oldest, newest, version: String::new(), utc_ms: 0 }
    }

    #[test]
    fn the_highest_common_protocol_wins() {
        assert_eq!(agree(&hello(1, 3), &hello(2, 5)), Some(3));
        assert_eq!(agree(&hello(2, 5), &hello(1, 3)), Some(3));
        assert_eq!(agree(&hello(1, 1), &hello(2, 5)), None);
        assert_eq!(agree(&hello(4, 5), &hello(1, 3)), None);
    }

    #[test]
    fn a_message_from_the_future_is_unknown() {
        let message: ToAgent = serde_json::from_str(r#"{"say":"dance","tempo":3}"#).unwrap();
        assert_eq!(message, ToAgent::Unknown);
    }
}
