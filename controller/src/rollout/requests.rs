//! The questions that an agent answers on its control channel, each with the answer that belongs to it.

use std::net::{IpAddr, SocketAddr};

use omsctl_proto::{
    ContainerLook, ErrorReport, Facts, FactsRequest, Hold, Holder, Left, LogFolders, LogList, LogText,
    ProbeTarget, Remedy, Request, Response, RunId, RunStory, Unreached,
};

use super::session::{Session, protocol_error};

impl Session {
    /// What the agent sees on its host.
    pub async fn facts(&self, request: FactsRequest) -> Result<Facts, ErrorReport> {
        match self.ask(Request::Facts(request)).await? {
            Response::Facts(facts) => Ok(*facts),
            other => Err(self.unexpected(other)),
        }
    }

    /// Whether the host reaches the target, the HTTP status, and what was found in words.
    pub async fn probe(&self, target: ProbeTarget) -> Result<(bool, Option<u16>, String), ErrorReport> {
        match self.ask(Request::Probe { target }).await? {
            Response::Probe { reached, status, found } => Ok((reached, status, found)),
            other => Err(self.unexpected(other)),
        }
    }

    /// Takes the host until the channel ends; `Some` says who has it instead.
    pub async fn hold(&self, hold: Hold) -> Result<Option<Holder>, ErrorReport> {
        match self.ask(Request::Hold(hold)).await? {
            Response::Held => Ok(None),
            Response::Busy(holder) => Ok(Some(holder)),
            other => Err(self.unexpected(other)),
        }
    }

    /// Gives the host free again.
    pub async fn release(&self) -> Result<(), ErrorReport> {
        self.done(Request::Release).await
    }

    /// What rollouts left on the host.
    pub async fn left(&self) -> Result<Left, ErrorReport> {
        match self.ask(Request::Runs).await? {
            Response::Runs(left) => Ok(left),
            other => Err(self.unexpected(other)),
        }
    }

    /// A run as the host's agent was given it.
    pub async fn story(&self, run: RunId) -> Result<RunStory, ErrorReport> {
        match self.ask(Request::Run { run }).await? {
            Response::Run(story) => Ok(*story),
            other => Err(self.unexpected(other)),
        }
    }

    /// Gives the story of a run whose agent is gone its end.
    pub async fn close_run(&self, run: RunId) -> Result<(), ErrorReport> {
        self.done(Request::Close { run }).await
    }

    /// Removes what came of an image; `Some` says whose agent is at work and may need it.
    pub async fn forget(&self) -> Result<Option<Holder>, ErrorReport> {
        match self.ask(Request::Forget).await? {
            Response::Done => Ok(None),
            Response::Busy(holder) => Ok(Some(holder)),
            other => Err(self.unexpected(other)),
        }
    }

    /// OMS's logs on the host.
    pub async fn log_files(&self, folders: LogFolders) -> Result<LogList, ErrorReport> {
        match self.ask(Request::LogFiles { folders }).await? {
            Response::LogFiles(list) => Ok(list),
            other => Err(self.unexpected(other)),
        }
    }

    /// A piece of one of them.
    pub async fn log_text(
        &self,
        folders: LogFolders,
        path: String,
        from: u64,
        most: u64,
    ) -> Result<LogText, ErrorReport> {
        match self.ask(Request::LogText { folders, path, from, most }).await? {
            Response::LogText(text) => Ok(text),
            other => Err(self.unexpected(other)),
        }
    }

    /// What the host's Docker says of a container.
    pub async fn container_text(&self, name: String, look: ContainerLook) -> Result<String, ErrorReport> {
        match self.ask(Request::Container { name, look }).await? {
            Response::Text { text } => Ok(text),
            other => Err(self.unexpected(other)),
        }
    }

    async fn done(&self, request: Request) -> Result<(), ErrorReport> {
        match self.ask(request).await? {
            Response::Done => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    fn unexpected(&self, response: Response) -> ErrorReport {
        match response {
            Response::Failed { error } => error,
            _ => protocol_error(self.node(), "it gave the wrong answer"),
        }
    }

    /// Opens those of the ports that are free, until [`Self::close_doors`]; which these are.
    pub async fn open_doors(&self, address: IpAddr, ports: Vec<u16>) -> Result<Vec<u16>, ErrorReport> {
        match self.ask(Request::OpenDoors { address, ports }).await? {
            Response::Doors { opened } => Ok(opened),
            other => Err(self.unexpected(other)),
        }
    }

    pub async fn close_doors(&self) -> Result<(), ErrorReport> {
        self.done(Request::CloseDoors).await
    }

    /// Changes the system of the host, which this controller holds.
    pub async fn mend(&self, remedy: Remedy) -> Result<(), ErrorReport> {
        self.done(Request::Mend { remedy }).await
    }

    /// Those of the targets that take no connection from this host.
    pub async fn unreached(&self, targets: Vec<SocketAddr>) -> Result<Vec<Unreached>, ErrorReport> {
        match self.ask(Request::Reach { targets }).await? {
            Response::Unreached { targets } => Ok(targets),
            other => Err(self.unexpected(other)),
        }
    }
}
