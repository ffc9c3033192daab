//! A session's part in who has the host: taken and given back on request, and lost when the controller falls silent or
//! another one takes over.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use omsctl_proto::{ErrorCode, ErrorReport, Hold, Holder, Remedy, Response};

use super::endings;
use super::hold::{self, Held};
use crate::delivery::forget_all_but;
use crate::serve::lease::Lease;
use crate::world::World;

/// A controller that holds a host says that it lives every five seconds. One that is silent for longer than this is
/// gone, though its connection looks open: its bastion lost power, or the network between drops everything.
const SILENCE: Duration = Duration::from_secs(30);

/// The host, as one session has it.
pub(super) struct Host<'a> {
    world: &'a World,
    /// Of this session, for whoever wants it to give way.
    session: u32,
    held: Mutex<Option<Held>>,
}

impl<'a> Host<'a> {
    pub(super) fn new(world: &'a World, session: u32) -> Self {
        Self { world, session, held: Mutex::default() }
    }

    pub(super) async fn take(&self, wanted: &Hold) -> Response {
        if self.is_held() {
            return Response::Held;
        }
        match hold::take(self.world, wanted, self.session).await {
            Ok(Ok(held)) => {
                self.set(Some(held));
                endings::tidy(self.world).await;
                Response::Held
            }
            Ok(Err(holder)) => Response::Busy(holder),
            Err(error) => Response::Failed { error: cannot_take(&error) },
        }
    }

    pub(super) fn release(&self) {
        self.set(None);
    }

    /// Removes what came of an image, unless an agent is at work. The host is taken as by a run meanwhile, so that none
    /// begins to use it.
    pub(super) async fn forget(&self) -> Response {
        let Some(holder) = self.holder() else { return Response::Failed { error: not_held() } };
        match Lease::take(&self.world.places, &holder).await {
            Ok(Ok(_lease)) => match forget_all_but(&self.world.places, None) {
                Ok(()) => Response::Done,
                Err(error) => Response::Failed { error: cannot_forget(&error) },
            },
            Ok(Err(other)) => Response::Busy(other),
            Err(error) => Response::Failed { error: cannot_forget(&error) },
        }
    }

    pub(super) async fn mend(&self, remedy: Remedy) -> Response {
        if !self.is_held() {
            return Response::Failed { error: not_held() };
        }
        match self.world.host.mend(remedy).await {
            Ok(()) => Response::Done,
            Err(error) => Response::Failed { error: ErrorReport::from_error(ErrorCode::State, &error) },
        }
    }

    /// Somebody else who has it.
    pub(super) async fn other(&self) -> Result<Option<Holder>, ErrorReport> {
        if self.is_held() {
            return Ok(None);
        }
        hold::holder(&self.world.places).await.map_err(|error| cannot_take(&error))
    }

    fn set(&self, held: Option<Held>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    fn is_held(&self) -> bool {
        self.holder().is_some()
    }

    fn holder(&self) -> Option<Holder> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().map(|held| held.holder.clone())
    }

    /// Ends when the host is held and the controller has been silent for too long.
    pub(super) async fn silence(&self) {
        if self.is_held() { tokio::time::sleep(SILENCE).await } else { std::future::pending().await }
    }
}

fn cannot_take(error: &std::io::Error) -> ErrorReport {
    ErrorReport::new(ErrorCode::Agent, "The host cannot be taken for this controller.")
        .cause(error.to_string())
        .hint("The agent needs root, and room in /run/omsctl.")
}

fn cannot_forget(error: &std::io::Error) -> ErrorReport {
    ErrorReport::new(ErrorCode::File, "What came of an image cannot be removed from /var/lib/omsctl/content.")
        .cause(error.to_string())
        .hint("Nothing needs it: remove the folder by hand.")
}

fn not_held() -> ErrorReport {
    ErrorReport::new(ErrorCode::Protocol, "Only the controller that holds the host may have it changed.")
        .hint("Run the same command again: the connection was lost in between.")
}
