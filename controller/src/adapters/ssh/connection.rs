//! A connection to a host as the rest of omsctl sees it.

use std::sync::Arc;

use futures::future::BoxFuture;
use omsctl_proto::ErrorReport;

use super::channel::{command_line, execute};
use super::session::Session;
use crate::adapters::connect_error::ConnectError;
use crate::adapters::launch::{Launcher, Process, Spawn};
use crate::ports::{AgentCommand, ByteStream, Connection, ConnectionDetails};

/// An SSH session on which agents are started, each on a channel of its own.
pub(super) struct SshConnection {
    pub session: Arc<Session>,
    pub launcher: Launcher,
}

impl Spawn for SshConnection {
    fn spawn(&self, words: Vec<String>) -> BoxFuture<'_, Result<Process, ConnectError>> {
        Box::pin(async move {
            let opened = self.session.handle.channel_open_session().await;
            if let Err(russh::Error::ChannelOpenFailure(reason)) = opened {
                let reason =
                    format!("sshd opens no further channel ({reason:?}): MaxSessions may be too low");
                return Err(ConnectError::AgentDidNotStart { place: self.session.place.clone(), reason });
            }
            let channel = opened.map_err(|error| self.session.lost(&error))?;
            execute(channel, command_line(&words)).await.map_err(|error| self.session.lost(&error))
        })
    }
}

impl Connection for SshConnection {
    fn run_agent(&self, command: AgentCommand) -> BoxFuture<'_, Result<Box<dyn ByteStream>, ErrorReport>> {
        Box::pin(async move {
            let stream = self.launcher.launch(self, &command).await.map_err(ErrorReport::from)?;
            self.session.wire.settle();
            Ok(stream)
        })
    }

    fn closed(&self) -> BoxFuture<'_, ()> {
        let mut alive = self.session.alive.clone();
        Box::pin(async move { while alive.changed().await.is_ok() {} })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.session.close())
    }

    fn details(&self) -> ConnectionDetails {
        let mut warnings = self.session.settings.warnings.clone();
        if self.session.notes.recorded() {
            warnings.push(format!(
                "the host key of {} is recorded now (--accept-new)",
                self.session.settings.host_key.known_as
            ));
        }
        if !self.session.notes.password_allowed() {
            warnings.push(format!("the host key of {} has changed", self.session.settings.host_key.known_as));
        }
        warnings.extend(self.launcher.warnings());
        ConnectionDetails {
            address: self.session.place.clone(),
            agent_pushed_bytes: self.launcher.pushed_bytes(),
            host_key: self.session.notes.host_key(),
            warnings,
        }
    }
}
