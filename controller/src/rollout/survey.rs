//! Goes to every host at once and looks: facts, the MetaDB, the log-in from each host. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use omsctl_proto::{ErrorCode, ErrorReport, EventKind, Facts, FactsRequest, Hold, Holder, NodeName};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::{Emitter, LogIn, MetaDbReader, Session};
use crate::ports::{AgentCommand, Clock, Connection, HostTarget, MetaDbError, MetaDbFacts, Transport};

/// Before a host is gone to again whose connection broke.
const AGAIN: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// A host that answers: its connection and its control channel.
pub struct HostLink {
    pub target: HostTarget,
    pub connection: Arc<dyn Connection>,
    pub session: Session,
    /// Who has the host, when it was to be taken and is somebody else's.
    pub held_by: Option<Holder>,
}

impl std::fmt::Debug for HostLink {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HostLink").field("target", &self.target).finish_non_exhaustive()
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Survey {
    pub links: BTreeMap<NodeName, HostLink>,
    /// What the agents saw, when they were asked.
    pub facts: BTreeMap<NodeName, Facts>,
    /// Hosts that could not be looked at, and why.
    pub failed: BTreeMap<NodeName, ErrorReport>,
    /// `None` when no host answered, so that nobody could ask.
    pub metadb: Option<Result<MetaDbFacts, MetaDbError>>,
    pub logins: BTreeMap<NodeName, Result<(), MetaDbError>>,
    /// Hosts that the MetaDB lets in by the account's former password only.
    pub by_former: BTreeSet<NodeName>,
}

/// Looks at hosts.
pub struct Surveyor {
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    /// How many hosts at a time.
    pub forks: usize,
    /// Every host is taken before it is looked at, for a command that changes something.
    pub hold: Option<Hold>,
}

impl std::fmt::Debug for Surveyor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Surveyor").field("forks", &self.forks).finish_non_exhaustive()
    }
}

/// What a host is asked once it is connected to.
struct Questions<'a> {
    metadb: &'a MetaDbReader,
    request: FactsRequest,
}

/// What it answered.
type Answers = Option<(Facts, Option<Result<LogIn, MetaDbError>>)>;

impl Surveyor {
    /// Looks at all of them side by side; `metadb` is logged in to from each host whose way towards it is asked for.
    pub async fn look(
        &self,
        hosts: Vec<(HostTarget, FactsRequest)>,
        metadb: &MetaDbReader,
        emitter: &mut Emitter,
    ) -> Survey {
        let asked = hosts.into_iter().map(|(target, request)| (target, Some(Questions { metadb, request })));
        let mut survey = self.visit_all(asked.collect(), emitter).await;
        survey.read_metadb(metadb).await;
        survey
    }

    /// Connects to all of them side by side and asks nothing.
    pub async fn connect(&self, hosts: Vec<HostTarget>, emitter: &mut Emitter) -> Survey {
        self.visit_all(hosts.into_iter().map(|target| (target, None)).collect(), emitter).await
    }

    async fn visit_all(
        &self,
        hosts: Vec<(HostTarget, Option<Questions<'_>>)>,
        emitter: &mut Emitter,
    ) -> Survey {
        let permits = Semaphore::new(self.forks.max(1));
        let mut visits: FuturesUnordered<_> =
            hosts.into_iter().map(|(target, questions)| self.visit(target, questions, &permits)).collect();
        let mut survey = Survey::default();
        while let Some((node, visited)) = visits.next().await {
            match visited {
                Ok((link, answers)) => survey.add(node, link, answers, emitter).await,
                Err(error) => {
                    emitter
                        .say(EventKind::HostUnreachable { host: node.clone(), error: error.clone() })
                        .await;
                    survey.failed.insert(node, error);
                }
            }
        }
        drop(visits);
        survey
    }

    async fn visit(
        &self,
        target: HostTarget,
        questions: Option<Questions<'_>>,
        permits: &Semaphore,
    ) -> (NodeName, Result<(HostLink, Answers), ErrorReport>) {
        // The semaphore is never closed, so the only outcome is a permit.
        let _permit = permits.acquire().await;
        let node = target.node.clone();
        let mut pauses = AGAIN.into_iter();
        loop {
            let (error, was_reached) = match self.attempt(&target, questions.as_ref()).await {
                Ok(visited) => return (node, Ok(visited)),
                Err(failed) => failed,
            };
            // Nothing has begun yet, so a connection that breaks is made again, as it is later on.
            match pauses.next().filter(|_| was_reached && error.code == ErrorCode::Unreachable) {
                Some(pause) => sleep(pause).await,
                None => return (node, Err(error)),
            }
        }
    }

    /// The error with whether the host was reached before.
    async fn attempt(
        &self,
        target: &HostTarget,
        questions: Option<&Questions<'_>>,
    ) -> Result<(HostLink, Answers), (ErrorReport, bool)> {
        let connection = self.transport.connect(target).await.map_err(|error| (error, false))?;
        let asked = async {
            let stream = connection.run_agent(AgentCommand::Session).await?;
            let session = Session::open(target.node.clone(), stream, self.clock.utc_ms()).await?;
            let held_by = match self.hold.clone() {
                Some(hold) => session.hold(hold).await?,
                None => None,
            };
            let answers = match questions {
                Some(Questions { metadb, request }) => {
                    let asked = async {
                        match &request.towards {
                            Some(_) => Some(metadb.log_in(connection.as_ref()).await),
                            None => None,
                        }
                    };
                    let (facts, login) = tokio::join!(session.facts(request.clone()), asked);
                    Some((facts?, login))
                }
                None => None,
            };
            Ok((session, held_by, answers))
        };
        let (session, held_by, answers) = asked.await.map_err(|error| (error, true))?;
        Ok((HostLink { target: target.clone(), connection, session, held_by }, answers))
    }
}

impl Survey {
    async fn add(&mut self, node: NodeName, link: HostLink, answers: Answers, emitter: &mut Emitter) {
        let details = link.connection.details();
        for message in details.warnings {
            emitter.say(EventKind::Notice { message: format!("{node}: {message}") }).await;
        }
        let (address, agent_pushed_bytes) = (details.address, details.agent_pushed_bytes);
        emitter.say(EventKind::HostConnected { host: node.clone(), address, agent_pushed_bytes }).await;
        if let Some((facts, login)) = answers {
            self.facts.insert(node.clone(), facts);
            if login == Some(Ok(LogIn::Former)) {
                self.by_former.insert(node.clone());
            }
            self.logins.extend(login.map(|login| (node.clone(), login.map(drop))));
        }
        self.links.insert(node, link);
    }

    /// Reads the MetaDB from the first host whose log-in was taken; the error is that of the first host.
    async fn read_metadb(&mut self, metadb: &MetaDbReader) {
        for (node, link) in &self.links {
            self.metadb = match self.logins.get(node) {
                Some(Ok(())) => {
                    let former = metadb.with_former().filter(|_| self.by_former.contains(node));
                    Some(former.as_ref().unwrap_or(metadb).read(link.connection.as_ref()).await)
                }
                Some(Err(error)) if self.metadb.is_none() => Some(Err(error.clone())),
                Some(Err(_)) | None => continue,
            };
            if matches!(self.metadb, Some(Ok(_))) {
                return;
            }
        }
    }

    /// The way to the MetaDB: a host whose log-in was taken, else any.
    pub fn metadb_link(&self) -> Option<&HostLink> {
        let taken = |node: &NodeName| matches!(self.logins.get(node), Some(Ok(())));
        let known = self.links.iter().find(|(node, _)| taken(node)).map(|(_, link)| link);
        known.or_else(|| self.links.values().next())
    }

    /// Closes every connection.
    pub async fn close(self) {
        let closing = self.links.into_values().map(|link| async move {
            link.session.close(Duration::from_secs(2)).await;
            link.connection.close().await;
        });
        futures::future::join_all(closing).await;
    }
}
