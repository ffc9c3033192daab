//! What a command may use of the outside, and nothing else: ports, the one door, and what the process knows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use omsctl_proto::{ControllerId, ErrorReport, FingerprintKey, Operator, RunId, Secret};
use tokio::sync::{Mutex, mpsc};

use crate::cli::Globals;
use crate::out::Out;
use crate::ports::{
    Background, Clock, ImageArchives, Interrupt, MetaDb, SshConfiguration, StateStore, Transport,
};
use crate::rollout::run_id;

/// The history, or why there is none.
pub type State = Result<Arc<dyn StateStore>, ErrorReport>;

/// Fills the bytes.
pub type Randomness = Box<dyn Fn(&mut [u8]) + Send + Sync>;

/// What was asked for, and what the files of `--vault-password-file` say.
#[derive(Debug, Clone, Default)]
pub struct Passwords {
    /// `-k`; used where the inventory has none.
    pub ssh: Option<Secret>,
    /// `-K`; used where the inventory has none.
    pub escalation: Option<Secret>,
    /// Of Ansible Vault, in the order in which they are tried.
    pub vault: Vec<Secret>,
    /// `--former-metadb-password-file`: what the MetaDB's account had before.
    pub former_metadb: Option<Secret>,
}

/// Everything that a command may use.
pub struct World {
    pub globals: Globals,
    pub out: Out,
    pub clock: Arc<dyn Clock>,
    pub transport: Arc<dyn Transport>,
    pub ssh: Arc<dyn SshConfiguration>,
    pub metadb: Arc<dyn MetaDb>,
    pub archives: Arc<dyn ImageArchives>,
    pub background: Arc<dyn Background>,
    pub state: State,
    pub operator: Operator,
    pub passwords: Passwords,
    pub environment: BTreeMap<String, String>,
    pub working_directory: PathBuf,
    /// The system's.
    pub random: Randomness,
    pub interrupts: Mutex<mpsc::Receiver<Interrupt>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("World").field("globals", &self.globals).finish_non_exhaustive()
    }
}

impl World {
    pub(super) fn new_key(&self) -> FingerprintKey {
        let mut bytes = [0_u8; 32];
        (self.random)(&mut bytes);
        FingerprintKey::new(bytes)
    }

    pub(super) fn new_controller(&self) -> ControllerId {
        let mut bytes = [0_u8; 8];
        (self.random)(&mut bytes);
        let text = format!("{:016x}", u64::from_be_bytes(bytes));
        // Sixteen hexadecimal digits: always valid.
        ControllerId::new(text).unwrap_or_else(|invalid| unreachable!("{invalid}"))
    }

    pub(super) fn new_run(&self) -> RunId {
        let mut bytes = [0_u8; 3];
        (self.random)(&mut bytes);
        run_id(self.clock.utc_ms(), bytes)
    }
}
