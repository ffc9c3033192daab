//! A session's part in who has the host: taken and given back on request, and lost when the controller falls silent or
//! another one takes over.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use omsctl_proto::{ErrorCode, ErrorReport, Hold, Holder, Response};

use super::endings;
use super::hold::{self, Held};
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
        self.held.lock().unwrap_or_else(PoisonError::into_inner).is_some()
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
