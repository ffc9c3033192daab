//! How a daemon is started and reached. A daemon of the product is a process behind a socket; in a test it may be a
//! task of the same process.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
#[cfg(any(test, feature = "fakes"))]
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use omsctl_proto::{Digest, RunId};
use serde::{Deserialize, Serialize};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::adapters::daemon_process;
use crate::ports::ByteStream;
use crate::private_file;
use crate::run_folder::RunFolder;
use crate::world::{Places, World};

/// The first frame of whoever comes to a daemon. What follows on `Control` are the frames of the control channel from
/// `Attach` on, on `Receive` one reply and then bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "knock", rename_all = "snake_case")]
pub(crate) enum Knock {
    Control,
    Receive {
        content: Digest,
    },
    /// The run has ended, and whoever wants its events reads them from the file: the daemon may leave.
    Farewell,
}

/// How daemons live.
#[derive(Debug, Clone)]
pub enum Daemons {
    /// As processes of this program.
    Processes { program: PathBuf },
    /// As tasks.
    #[cfg(any(test, feature = "fakes"))]
    Tasks(Arc<TaskDaemons>),
}

impl Daemons {
    /// The program that daemons are processes of.
    pub(crate) fn program(&self) -> Option<&Path> {
        match self {
            Self::Processes { program } => Some(program),
            #[cfg(any(test, feature = "fakes"))]
            Self::Tasks(_) => None,
        }
    }

    /// The number of this session, and where it hears that it has to give way.
    pub(crate) fn evictions(&self) -> io::Result<(u32, mpsc::Receiver<()>)> {
        let (sender, receiver) = mpsc::channel(1);
        match self {
            Self::Processes { .. } => {
                let mut terminate = signal(SignalKind::terminate())?;
                tokio::spawn(async move {
                    while terminate.recv().await.is_some() {
                        let _ = sender.try_send(());
                    }
                });
                Ok((std::process::id(), receiver))
            }
            #[cfg(any(test, feature = "fakes"))]
            Self::Tasks(tasks) => {
                let mut sessions = tasks.sessions.lock().unwrap_or_else(PoisonError::into_inner);
                sessions.push(sender);
                Ok((u32::try_from(sessions.len() - 1).unwrap_or(u32::MAX), receiver))
            }
        }
    }

    /// Tells the session of this number to give way; nothing happens when it is gone.
    pub(crate) fn evict(&self, session: u32) -> io::Result<()> {
        match self {
            Self::Processes { .. } => daemon_process::terminate(session),
            #[cfg(any(test, feature = "fakes"))]
            Self::Tasks(tasks) => {
                let sessions = tasks.sessions.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(session) = usize::try_from(session).ok().and_then(|number| sessions.get(number)) {
                    let _ = session.try_send(());
                }
                Ok(())
            }
        }
    }
}

/// The daemons of one simulated host.
#[cfg(any(test, feature = "fakes"))]
#[derive(Debug, Default)]
pub struct TaskDaemons {
    doors: Mutex<BTreeMap<RunId, mpsc::Sender<Box<dyn ByteStream>>>>,
    tasks: Mutex<Vec<tokio::task::AbortHandle>>,
    /// Sessions that can be told to give way, by their numbers.
    sessions: Mutex<Vec<mpsc::Sender<()>>>,
}

#[cfg(any(test, feature = "fakes"))]
impl TaskDaemons {
    /// As `kill -9` does to processes.
    pub fn kill(&self) {
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
        self.doors.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Daemons that have not ended.
    pub fn alive(&self) -> usize {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().filter(|task| !task.is_finished()).count()
    }
}

/// Where a daemon takes its visitors from.
pub(crate) struct Visitors(mpsc::Receiver<Box<dyn ByteStream>>, Option<PathBuf>);

impl Visitors {
    pub(crate) async fn next(&mut self) -> Option<Box<dyn ByteStream>> {
        self.0.recv().await
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        if let Some(path) = &self.1 {
            // Whoever finds it afterwards finds a door that nobody opens, and says so.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Opens a connection to the daemon of this run.
pub(crate) async fn knock(world: &World, run: &RunId) -> io::Result<Box<dyn ByteStream>> {
    match &world.daemons {
        Daemons::Processes { .. } => Ok(Box::new(UnixStream::connect(socket(&world.places, run)).await?)),
        #[cfg(any(test, feature = "fakes"))]
        Daemons::Tasks(tasks) => {
            let door = tasks.doors.lock().unwrap_or_else(PoisonError::into_inner).get(run).cloned();
            let door = door.ok_or(io::ErrorKind::NotFound)?;
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            door.send(Box::new(theirs)).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
            Ok(Box::new(ours))
        }
    }
}

/// Opens the door of this run; called by its daemon.
pub(crate) fn listen(world: &World, run: &RunId) -> io::Result<Visitors> {
    let (sender, receiver) = mpsc::channel(8);
    match &world.daemons {
        Daemons::Processes { .. } => {
            let path = socket(&world.places, run);
            private_file::make_folder(&world.places.runtime)?;
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            // The folder is 0700, so nobody else can come in between.
            let listener = UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    if sender.send(Box::new(stream) as Box<dyn ByteStream>).await.is_err() {
                        break;
                    }
                }
            });
            Ok(Visitors(receiver, Some(path)))
        }
        #[cfg(any(test, feature = "fakes"))]
        Daemons::Tasks(tasks) => {
            tasks.doors.lock().unwrap_or_else(PoisonError::into_inner).insert(run.clone(), sender);
            Ok(Visitors(receiver, None))
        }
    }
}

/// Starts the daemon of this run; it is there when its door opens.
pub(crate) fn start_daemon(world: &World, folder: &RunFolder) -> io::Result<()> {
    match &world.daemons {
        Daemons::Processes { program } => daemon_process::start(program, &folder.run, &folder.log()),
        #[cfg(any(test, feature = "fakes"))]
        Daemons::Tasks(tasks) => {
            let (world, run) = (world.clone(), folder.run.clone());
            let task = tokio::spawn(async move {
                // Why it ended is in the run's own log, as in a process.
                let _ = crate::serve::serve(world, run).await;
            });
            tasks.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task.abort_handle());
            Ok(())
        }
    }
}

/// Whether the daemon of this run left a door, open or not.
pub(crate) fn is_there(world: &World, run: &RunId) -> bool {
    match &world.daemons {
        Daemons::Processes { .. } => socket(&world.places, run).exists(),
        #[cfg(any(test, feature = "fakes"))]
        Daemons::Tasks(tasks) => tasks.doors.lock().unwrap_or_else(PoisonError::into_inner).contains_key(run),
    }
}

/// Where the daemon listens.
pub(crate) fn socket(places: &Places, run: &RunId) -> PathBuf {
    places.runtime.join(format!("{run}.sock"))
}
