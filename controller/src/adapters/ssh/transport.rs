//! From a host of the inventory to an open connection: settings, jumps, log-in.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures::future::BoxFuture;
use omsctl_proto::{ErrorCode, ErrorReport, Secret};

use super::config::{ConfigFiles, HostSettings, LocalUser};
use super::connection::SshConnection;
use super::further::{Channels, Further, OneChannelHosts};
use super::host_keys::HostKeys;
use super::identities::{Identities, Prompter};
use super::routes::Routes;
use super::session::{Handshakes, Session};
use crate::adapters::agent_binary::AgentBinaries;
use crate::adapters::connect_error::ConnectError;
use crate::adapters::launch::Launcher;
use crate::adapters::resolver::Resolver;
use crate::ports::{Connection, HostTarget, SshConfiguration, Transport};

/// What the command line says about SSH.
#[derive(Clone, Default)]
pub struct SshOptions {
    /// `--ssh-config`: read instead of the user's and the machine's.
    pub config_file: Option<PathBuf>,
    /// `--accept-new`: unknown host keys are recorded instead of refused.
    pub accept_new: bool,
    /// Asks for passphrases of encrypted keys. `None`: nobody is there to answer.
    pub prompter: Option<Prompter>,
}

impl std::fmt::Debug for SshOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { config_file, accept_new, .. } = self;
        write!(formatter, "SshOptions {{ {config_file:?}, accept_new: {accept_new} }}")
    }
}

/// Opens SSH connections. Shares between them what is worth sharing: `known_hosts`, keys, jump hosts, names.
pub struct SshTransport {
    routes: Arc<Routes>,
    handshakes: Arc<Handshakes>,
    one_channel: Arc<OneChannelHosts>,
    agents: Arc<AgentBinaries>,
    /// Open sessions to jump hosts; the lock of each is held while it is opened, so that it is opened once.
    jumps: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Weak<Session>>>>>,
    places: Option<Vec<String>>,
}

impl std::fmt::Debug for SshTransport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SshTransport")
    }
}

impl SshTransport {
    /// Reads the `ssh_config` files; the error names file and line.
    pub fn new(
        options: SshOptions,
        agents: Arc<AgentBinaries>,
        resolver: Resolver,
    ) -> Result<Self, ErrorReport> {
        Self::for_user(options, agents, resolver, LocalUser::current())
    }

    pub(super) fn for_user(
        options: SshOptions,
        agents: Arc<AgentBinaries>,
        resolver: Resolver,
        local: LocalUser,
    ) -> Result<Self, ErrorReport> {
        let files = ConfigFiles::load(options.config_file.as_deref(), &local).map_err(|errors| {
            let problems: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
            let problems = problems.join("\n  ");
            ErrorReport::new(ErrorCode::Authentication, format!("ssh_config cannot be used:\n  {problems}"))
                .hint("correct what is named; ssh -G HOST tells what ssh makes of it")
        })?;
        let identities = Identities::new(options.prompter);
        let handshakes = Arc::new(Handshakes::new(resolver, HostKeys::new(options.accept_new), identities));
        let routes = Arc::new(Routes { files, local });
        let one_channel = Arc::default();
        Ok(Self { routes, handshakes, one_channel, agents, jumps: Mutex::default(), places: None })
    }

    /// What `ssh_config` says, as this transport goes by it.
    pub fn configuration(&self) -> Arc<dyn SshConfiguration> {
        Arc::clone(&self.routes) as Arc<dyn SshConfiguration>
    }

    /// Looks for the agent in these places instead of the product's own; for tests that are not root.
    #[must_use]
    pub fn with_agent_places(mut self, places: Vec<String>) -> Self {
        self.places = Some(places);
        self
    }

    async fn open(&self, target: &HostTarget) -> Result<SshConnection, ConnectError> {
        let (routes, wanted) = (Arc::clone(&self.routes), target.clone());
        // `Match exec` runs commands: nothing that may hold up the others.
        let chain = tokio::task::spawn_blocking(move || routes.to(&wanted)).await;
        let chain = chain.map_err(|error| ConnectError::Settings {
            place: target.address.clone(),
            reason: error.to_string(),
        })??;
        let chain = chain.into_iter().map(Arc::new).collect();
        let session = Arc::new(self.session(chain, target.password.as_ref()).await?);
        let user = session.settings.user.clone();
        let launcher =
            Launcher::new(Arc::clone(&self.agents), session.place.clone(), user, target.escalation.clone())?
                .with_places(self.places.clone());
        let channels = Channels::of(Arc::clone(&self.one_channel), &session);
        let further = Further { handshakes: Arc::clone(&self.handshakes), password: target.password.clone() };
        Ok(SshConnection { session, launcher, channels, further, beside: Mutex::default() })
    }

    /// Opens the way hop by hop. Jump hosts are logged in to without the destination's password.
    async fn session(
        &self,
        mut chain: Vec<Arc<HostSettings>>,
        password: Option<&Secret>,
    ) -> Result<Session, ConnectError> {
        let Some(destination) = chain.pop() else {
            return Err(ConnectError::Settings { place: String::new(), reason: "no destination".to_owned() });
        };
        let mut via = None;
        let mut key = String::new();
        for hop in chain {
            let _ = write!(key, "{}@{}:{} ", hop.user, hop.host_name, hop.port);
            via = Some(self.jump(&key, hop, via).await?);
        }
        self.handshakes.open(destination, password, via).await
    }

    /// The session to a jump host: the open one, or a new one.
    async fn jump(
        &self,
        key: &str,
        settings: Arc<HostSettings>,
        via: Option<Arc<Session>>,
    ) -> Result<Arc<Session>, ConnectError> {
        let slot = {
            let mut jumps = self.jumps.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(jumps.entry(key.to_owned()).or_default())
        };
        let mut open = slot.lock().await;
        if let Some(session) = open.upgrade().filter(|session| !session.is_closed()) {
            return Ok(session);
        }
        let session = Arc::new(self.handshakes.open(settings, None, via).await?);
        *open = Arc::downgrade(&session);
        Ok(session)
    }
}

impl Transport for SshTransport {
    fn connect<'a>(
        &'a self,
        target: &'a HostTarget,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, ErrorReport>> {
        Box::pin(async move {
            let connection = self.open(target).await?;
            Ok(Arc::new(connection) as Arc<dyn Connection>)
        })
    }
}
