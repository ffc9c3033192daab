//! What the planner is given: what was seen on the hosts, in the MetaDB and on the bastion, and what is wanted.
//! Data only; nothing here looks at anything by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use omsctl_proto::{ErrorReport, Facts, FingerprintKey, NodeName, RunId, Secret, Unreached};

use crate::ports::{ArchiveIdentity, DatabaseContent, MetaDbError, MetaDbFacts};

/// What was seen. A host that is not in `facts` was not asked and counts as unreachable.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Of every host that was asked; the error says why one did not answer.
    pub facts: BTreeMap<NodeName, Result<Facts, ErrorReport>>,
    /// `None` when there was no host to ask it through.
    pub metadb: Option<Result<MetaDbFacts, MetaDbError>>,
    /// What OMS's databases hold, by their names; `None` when nobody asked.
    pub contents: Option<Result<BTreeMap<String, DatabaseContent>, MetaDbError>>,
    /// The log-in to the MetaDB, tried from each reachable host.
    pub logins: BTreeMap<NodeName, Result<(), MetaDbError>>,
    /// Hosts that it lets in by the account's former password only.
    pub by_former: BTreeSet<NodeName>,
    /// Each host's clock less the bastion's, in milliseconds.
    pub clock_offsets_ms: BTreeMap<NodeName, i64>,
    /// The fingerprint of the key that each host showed.
    pub host_keys: BTreeMap<NodeName, String>,
    /// What each host does not reach of the others, or why it could not be asked.
    pub unreached: BTreeMap<NodeName, Result<Vec<Unreached>, ErrorReport>>,
    /// Whether `cm_url` answers a host, and what, in words; of hosts that were asked.
    pub cm_urls: BTreeMap<NodeName, Result<(bool, String), ErrorReport>>,
    /// Whether the time-series database answers a host that reports there, and what, in words; of hosts that were asked.
    pub tsdb_answers: BTreeMap<NodeName, Result<(bool, String), ErrorReport>>,
    /// What the image archives on the bastion hold.
    pub archives: BTreeMap<PathBuf, ArchiveIdentity>,
    /// The text of the certificate and key files on the bastion.
    pub certificates: BTreeMap<PathBuf, Secret>,
}

/// What the operator wants to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Purpose {
    /// The files come true.
    #[default]
    Apply,
    /// The selected containers do not run.
    Stop,
    /// The selected containers run, are healthy and registered.
    Start,
    /// As [`Self::Start`], each stopped and started once, one host after the other.
    Restart,
    /// These hosts belong to the cluster no longer.
    Remove(BTreeSet<NodeName>),
    /// All hosts run the version of the wanted image.
    Upgrade,
    /// All hosts run what they ran before the last upgrade.
    Rollback,
    /// There is no OMS on the selected hosts any more.
    Destroy(Destruction),
}

/// What goes beside the containers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Destruction {
    /// What omsctl made for OMS's files, with all that is in it.
    pub delete_data: bool,
    /// The databases of the cluster.
    pub drop_databases: bool,
}

impl Purpose {
    /// The command that has it.
    pub fn command(&self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Restart => "restart",
            Self::Remove(_) => "remove",
            Self::Upgrade => "upgrade",
            Self::Rollback => "rollback",
            Self::Destroy(_) => "destroy",
        }
    }

    /// Whether OMS shall not answer afterwards.
    pub fn leaves_nobody(&self) -> bool {
        match self {
            Self::Stop | Self::Destroy(_) => true,
            Self::Apply | Self::Start | Self::Restart | Self::Remove(_) | Self::Upgrade | Self::Rollback => {
                false
            }
        }
    }
}

/// What the operator asked for, beside the files.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent flag")]
pub struct Goal {
    pub purpose: Purpose,
    /// `--allow-outage`: also when nobody is left who serves.
    pub allow_outage: bool,
    /// `--give-up`: hosts that do not answer and never will.
    pub give_up: BTreeSet<NodeName>,
    /// Names what is set aside (`NAME-RUN`).
    pub run: RunId,
    /// Secret content is compared under it; the facts were asked for with the same key.
    pub key: FingerprintKey,
    /// `--join-metadb`: databases that hold another cluster are no reason to refuse.
    pub join_metadb: bool,
    /// `--move-cm-url`: OMS of a region stops for another `cm_url`, and is initialised again.
    pub move_cm_url: bool,
    /// `--former-metadb-password-file`: the log-in was tried by the former password too.
    pub with_former: bool,
    /// `--keep-going`: a host that cannot be planned is left out instead of stopping all.
    pub keep_going: bool,
    /// `--relay on`: hosts that receive the same image archive send it to each other.
    pub relay: bool,
    /// Hosts whose checks failed, under `--keep-going`.
    pub leave_out: BTreeSet<NodeName>,
}
