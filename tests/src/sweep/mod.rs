//! The cut sweep: one rollout on three hosts, disturbed at every moment in every way, and after one more `apply` the
//! same end as without. It knows omsctl only from outside, as an operator does.
//!
//! A moment is reached when its event is told on the bastion. The agents do not wait for that, so a step of a few
//! milliseconds may be over when the fault strikes; the simulated sweep of `tests/inprocess/cuts.rs` is exact there.

mod applying;
mod bastion;
mod case;
mod fault;
mod lawful;
mod ledger;
mod moment;
mod run;
mod scene;
mod state;

use std::path::{Path, PathBuf};

pub use case::{Case, cases};
pub use fault::Fault;
pub use ledger::{Entry, Ledger, table};
pub use moment::{Heard, Moment};
pub use run::{Sweep, Undisturbed, Verdict};
pub use scene::Scene;

use crate::rig::RigError;

/// Why a case could not be judged: nothing of omsctl's.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Rig(#[from] RigError),
    #[error("omsctl or a tool of this machine cannot be run")]
    Omsctl(#[source] std::io::Error),
    #[error("{} cannot be used", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{0}")]
    Other(String),
}

impl SweepError {
    fn file(path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path: path.clone(), source }
    }
}
