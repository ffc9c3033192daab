//! What an action may use: the world, the run's secrets, and a voice.

use std::io;

use omsctl_proto::{
    ErrorCode, ErrorReport, Event, EventKind, Evidence, FingerprintKey, Gate, Milestone, Outcome, Secret,
    SecretName, StepId, Unit,
};

use crate::journal::{Journal, JournalError};
use crate::run_folder::RunFolder;
use crate::serve::Desk;
use crate::world::World;

/// The longest line of a program's output that is shown, in characters.
const LONGEST_LINE: usize = 400;

/// One step's surroundings.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) world: &'a World,
    pub(crate) folder: &'a RunFolder,
    pub(crate) journal: &'a Journal,
    pub(crate) desk: &'a Desk,
    pub(crate) step: StepId,
}

/// What an action did, proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    pub(crate) evidence: Evidence,
}

/// Why a step did not come to its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// `schema_over`: what proves that the schema step is over. It is told after the failure: whoever lets the next
    /// host through by it counts failures too.
    Failed {
        error: Box<ErrorReport>,
        schema_over: Option<&'static str>,
    },
    Called(crate::serve::Called),
    Journal(JournalError),
}

impl From<ErrorReport> for Stop {
    fn from(error: ErrorReport) -> Self {
        Self::Failed { error: Box::new(error), schema_over: None }
    }
}

impl Stop {
    /// A failure after which the schema step cannot be running.
    pub(crate) fn outside_schema(error: ErrorReport, proof: &'static str) -> Self {
        Self::Failed { error: Box::new(error), schema_over: Some(proof) }
    }
}

impl Done {
    pub(crate) fn changed() -> Self {
        Self { outcome: Outcome::Changed, evidence: Evidence::new() }
    }

    pub(crate) fn unchanged() -> Self {
        Self { outcome: Outcome::Unchanged, evidence: Evidence::new() }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.evidence.insert(name.to_owned(), value.into());
        self
    }
}

impl Context<'_> {
    pub(crate) fn tell(&self, kind: EventKind) -> Result<(), Stop> {
        self.journal.tell(kind).map_err(Stop::Journal)
    }

    pub(crate) fn progress(&self, current: u64, total: Option<u64>, unit: Unit) -> Result<(), Stop> {
        self.tell(EventKind::StepProgress { step: self.step, current, total, unit })
    }

    /// What a program printed. A line that speaks of a password is not passed on.
    pub(crate) fn output(&self, line: &str) -> Result<(), Stop> {
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(());
        }
        self.tell(EventKind::StepOutput { step: self.step, line: harmless(line) })
    }

    pub(crate) fn warn(&self, message: impl Into<String>) -> Result<(), Stop> {
        self.tell(EventKind::StepWarning { step: self.step, message: message.into() })
    }

    /// The schema step may run from here on. Said once by every incarnation's step.
    pub(crate) fn enter_schema(&self, proof: &str) -> Result<(), Stop> {
        self.milestone(Milestone::SchemaEntered, proof)
    }

    pub(crate) fn leave_schema(&self, proof: &str) -> Result<(), Stop> {
        self.milestone(Milestone::SchemaOver, proof)
    }

    /// This run said so already and nothing after it says otherwise.
    pub(crate) fn is_in_schema(&self) -> bool {
        let milestone = |event: &Event| {
            if let EventKind::StepMilestone { milestone, .. } = event.kind { Some(milestone) } else { None }
        };
        let events = self.journal.events();
        events.iter().rev().find_map(|event| milestone(event)) == Some(Milestone::SchemaEntered)
    }

    /// The gate was passed for a schema step that is over: another one needs it once more, since by now some other host
    /// may be in its own.
    pub(crate) fn schema_is_spent(&self) -> bool {
        let spent = |kind: &EventKind| match kind {
            EventKind::GatePassed { gate: Gate::Schema, .. } => Some(false),
            EventKind::StepMilestone { milestone: Milestone::SchemaOver, .. } => Some(true),
            _ => None,
        };
        self.journal.events().iter().rev().find_map(|event| spent(&event.kind)) == Some(true)
    }

    /// An earlier incarnation of this agent saw that the initialisation had succeeded.
    pub(crate) fn is_initialised(&self) -> bool {
        let done = |kind: &EventKind| matches!(kind, EventKind::StepDone { step: StepId::Initialise, .. });
        self.journal.events().iter().any(|event| done(&event.kind))
    }

    /// Says that it waits, and goes on when the gate is opened for this wait.
    pub(crate) async fn pass(&self, wanted: Gate) -> Result<(), Stop> {
        self.desk.shut(wanted);
        self.tell(EventKind::GateWaiting { step: self.step, gate: wanted })?;
        let waits = |kind: &EventKind| matches!(kind, EventKind::GateWaiting { gate, .. } if *gate == wanted);
        let events = self.journal.events();
        let waiting = events.iter().rev().find(|event| waits(&event.kind)).map_or(0, |event| event.seq);
        self.desk.opened(wanted, waiting).await.map_err(Stop::Called)?;
        self.tell(EventKind::GatePassed { step: self.step, gate: wanted })
    }

    pub(crate) fn has_passed(&self, wanted: Gate) -> bool {
        let events = self.journal.events();
        events
            .iter()
            .any(|event| matches!(event.kind, EventKind::GatePassed { gate, step } if gate == wanted && step == self.step))
    }

    /// A secret of the run. One that a reboot took away is asked for and waited for like a gate.
    pub(crate) async fn secret(&self, name: &SecretName) -> Result<Secret, Stop> {
        let failed = |error: &io::Error| lost(&format!("The secret `{name}` of this run"), error);
        let before = self.desk.secrets_brought();
        match self.folder.secret(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found.map_err(|error| failed(&error)),
        }
        self.tell(EventKind::SecretsWanted { step: self.step })?;
        self.desk.secrets_after(before).await.map_err(Stop::Called)?;
        self.folder.secret(name).map_err(|error| failed(&error))
    }

    pub(crate) fn key(&self) -> Result<FingerprintKey, Stop> {
        self.folder.key().map_err(|error| lost("The fingerprint key of this run", &error))
    }

    fn milestone(&self, milestone: Milestone, proof: &str) -> Result<(), Stop> {
        let evidence = Evidence::from([("proof".to_owned(), harmless(proof))]);
        self.tell(EventKind::StepMilestone { step: self.step, milestone, evidence })
    }
}

fn lost(what: &str, error: &io::Error) -> Stop {
    ErrorReport::new(ErrorCode::File, format!("{what} is not on the host any more."))
        .cause(error.to_string())
        .hint("Secrets do not survive a reboot of the host: run the same command again.")
        .into()
}

/// At most 400 characters, and nothing that could hold a password.
pub(crate) fn harmless(line: &str) -> String {
    if line.to_ascii_lowercase().contains("password") {
        return "(a line with the word `password` is not shown)".to_owned();
    }
    line.chars()
        .filter(|character| !character.is_control() || *character == '\t')
        .take(LONGEST_LINE)
        .collect()
}
