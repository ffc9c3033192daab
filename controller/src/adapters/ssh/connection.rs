//! A connection to a host as the rest of omsctl sees it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures::future::{BoxFuture, join_all};
use omsctl_proto::ErrorReport;
use russh::Channel;
use russh::client::Msg;

use super::channel::{command_line, execute};
use super::further::{Channels, Further};
use super::session::Session;
use crate::adapters::connect_error::ConnectError;
use crate::adapters::launch::{Launcher, Process, Spawn};
use crate::ports::{AgentCommand, ByteStream, Connection, ConnectionDetails};

/// An SSH session on which agents are started, each on a channel of its own; on a connection of its own where the
/// server opens no further channel.
pub(super) struct SshConnection {
    pub session: Arc<Session>,
    pub launcher: Launcher,
    pub channels: Channels,
    pub further: Further,
    /// Connections beside the first; each is held by its command.
    pub beside: Mutex<Vec<Weak<Session>>>,
}

impl SshConnection {
    /// A channel of the first connection; `None` when the server opens no further one there.
    async fn channel(&self) -> Result<Option<Channel<Msg>>, ConnectError> {
        if !self.channels.may_ask() {
            return Ok(None);
        }
        match self.session.handle.channel_open_session().await {
            Ok(channel) => {
                self.channels.opened();
                Ok(Some(channel))
            }
            Err(russh::Error::ChannelOpenFailure(reason)) if !self.channels.refused() => {
                let reason = format!("sshd opens no session channel ({reason:?}): MaxSessions may be 0");
                Err(ConnectError::AgentDidNotStart { place: self.session.place.clone(), reason })
            }
            Err(russh::Error::ChannelOpenFailure(_)) => Ok(None),
            Err(error) => Err(self.session.lost(&error)),
        }
    }

    fn keep(&self, session: &Arc<Session>) {
        let mut beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        beside.retain(|session| session.strong_count() > 0);
        beside.push(Arc::downgrade(session));
    }

    async fn close_all(&self) {
        let beside = std::mem::take(&mut *self.beside.lock().unwrap_or_else(PoisonError::into_inner));
        let beside: Vec<_> = beside.iter().filter_map(Weak::upgrade).collect();
        join_all(beside.iter().map(|session| session.close())).await;
        self.session.close().await;
    }
}

impl Spawn for SshConnection {
    fn spawn(&self, words: Vec<String>) -> BoxFuture<'_, Result<Process, ConnectError>> {
        Box::pin(async move {
            let line = command_line(&words);
            if let Some(channel) = self.channel().await? {
                return execute(channel, line, None).await.map_err(|error| self.session.lost(&error));
            }
            let session = Arc::new(self.further.open(&self.session).await?);
            self.keep(&session);
            let opened = session.handle.channel_open_session().await;
            let channel = opened.map_err(|error| session.lost(&error))?;
            session.wire.settle();
            let own = Some(Arc::clone(&session));
            execute(channel, line, own).await.map_err(|error| session.lost(&error))
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
        Box::pin(self.close_all())
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
