//! The composition root: reads the command line, builds the world of a command, runs it. The only file that names
//! adapters.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use omsctl_proto::{ErrorCode, ErrorReport, Operator, Secret};
use tokio::sync::Mutex;

use crate::adapters::agent_binary::AgentBinaries;
use crate::adapters::background::{self, BackgroundProcess};
use crate::adapters::hosts::HostTransport;
use crate::adapters::image_archive::FileArchives;
use crate::adapters::local::LocalTransport;
use crate::adapters::mysql_metadb::MySqlMetaDb;
use crate::adapters::password_file;
use crate::adapters::resolver::Resolver;
use crate::adapters::signals;
use crate::adapters::sql_store::{SqlStore, StatePlace};
use crate::adapters::ssh::{SshOptions, SshTransport};
use crate::adapters::system_clock::SystemClock;
use crate::adapters::vault_password;
use crate::cli::{self, ApplyRequest, Command, Globals, Request};
use crate::command::{self, Passwords, State, World};
use crate::exit::Exit;
use crate::out::{self, Out};
use crate::ports::{Asked, StateStore, Transport};
use crate::report::schema;

/// A database that does not answer any more is not waited for.
const CLOSES_WITHIN: Duration = Duration::from_secs(5);

/// The whole program; the first word is the program's name.
pub async fn run(words: impl IntoIterator<Item = OsString>) -> Exit {
    let out = Out::open();
    let mut request = match cli::parse(words) {
        Ok(request) => request,
        Err(stopped) if stopped.exit == Exit::Done => return written(out.result(&stopped.text)),
        Err(stopped) => {
            out.message(&stopped.text);
            return stopped.exit;
        }
    };
    let log = request.globals.log_file.as_deref();
    if let Err(error) = out::install_log(&out, request.globals.verbosity, log) {
        let place = log.map(|path| path.display().to_string()).unwrap_or_default();
        out.message(&format!("error: the log cannot be written to {place}: {error}"));
        return Exit::Usage;
    }
    match &request.command {
        Command::Completion(shell) => written(out.result(&cli::completion(*shell))),
        Command::Man(request) => command::man(&out, request),
        Command::Schema(cli::SchemaName::Events) => written(out.document(&schema::events())),
        _ => match world(&mut request, out.clone()).await {
            Ok((world, store)) => {
                let exit = perform(&world, &request).await;
                leave(store).await;
                exit
            }
            Err(error) => {
                let hint = error.hint.as_ref().map(|hint| format!("\n  {hint}")).unwrap_or_default();
                out.message(&format!("error: {}{hint}", error.one_line()));
                Exit::Usage
            }
        },
    }
}

async fn perform(world: &World, request: &Request) -> Exit {
    let typed = &request.typed;
    match &request.command {
        Command::Init(request) => command::init(world, request),
        Command::Adopt(request) => command::adopt(world, request, typed).await,
        Command::Check { fix } => command::check(world, typed, *fix).await,
        Command::Plan(request) => command::plan(world, request, typed).await,
        Command::Apply(request) => command::apply(world, request, typed).await,
        Command::Lifecycle(request) => command::lifecycle(world, request, typed).await,
        Command::Upgrade(request) => command::upgrade(world, request, typed).await,
        Command::Rollback(request) => command::rollback(world, request, typed).await,
        Command::HighAvailability(request) => command::high_availability(world, request, typed).await,
        Command::Attach(request) => command::attach(world, request, typed).await,
        Command::Agents(request) => command::agents(world, request, typed).await,
        Command::Status(request) => command::status(world, request, typed).await,
        Command::Logs(request) => command::logs(world, request).await,
        Command::Bundle(request) => command::bundle(world, request, typed).await,
        Command::History(request) => command::history(world, request).await,
        Command::Show(request) => command::show(world, request).await,
        Command::Inventory(request) => command::inventory(world, request),
        Command::SshConfig(request) => command::ssh_config(world, request),
        Command::ConfigRender(request) => command::config_render(world, request).await,
        Command::Schema(_) | Command::Completion(_) | Command::Man(_) => Exit::Done,
    }
}

/// Everything that the command may use. Errors are of the operator's making: nothing was contacted.
async fn world(request: &mut Request, out: Out) -> Result<(World, Option<Arc<SqlStore>>), ErrorReport> {
    let handed_over = handed_over(request)?;
    let globals = request.globals.clone();
    let place = state_place(&globals)?;
    let (state, store) = match request.command {
        Command::Apply(_)
        | Command::Lifecycle(_)
        | Command::Upgrade(_)
        | Command::Rollback(_)
        | Command::HighAvailability(_)
        | Command::Attach(_)
        | Command::Agents(_)
        | Command::Bundle(_)
        | Command::History(_)
        | Command::Show(_) => open_state(&place).await,
        _ => (Err(ErrorReport::new(ErrorCode::State, "this command keeps no history")), None),
    };
    let ssh = SshOptions {
        config_file: globals.ssh_config.clone(),
        accept_new: globals.accept_new,
        prompter: out.can_ask().then(|| {
            let out = out.clone();
            let ask = move |what: &str| out.ask_secret(what).ok();
            Arc::new(ask) as Arc<dyn Fn(&str) -> Option<Secret> + Send + Sync>
        }),
    };
    let agents = AgentBinaries::beside_this_program();
    let agents = agents.map_err(|error| internal("the folder of this program cannot be told", &error))?;
    let ssh = SshTransport::new(ssh, Arc::clone(&agents), Resolver::new())?;
    let configuration = ssh.configuration();
    let transport = HostTransport { ssh, local: LocalTransport::new(agents) };
    let interrupts = signals::listen(handed_over.is_none())
        .map_err(|error| internal("signals cannot be listened to", &error))?;
    let passwords = match handed_over {
        Some(passwords) => passwords,
        None => passwords(&globals, former_metadb_file(&request.command), &out)?,
    };
    let state_folder = state_folder(&place);
    let background = BackgroundProcess::of_this_command(state_folder.clone())
        .map_err(|error| internal("this program cannot be found", &error))?;
    let world = World {
        passwords,
        environment: std::env::vars_os().filter_map(utf8).collect(),
        working_directory: std::env::current_dir()
            .map_err(|error| internal("the working directory cannot be told", &error))?,
        globals,
        out,
        clock: Arc::new(SystemClock),
        transport: Arc::new(transport) as Arc<dyn Transport>,
        ssh: configuration,
        metadb: Arc::new(MySqlMetaDb),
        archives: Arc::new(FileArchives::new(state_folder)),
        background: Arc::new(background),
        state,
        operator: operator(),
        random: Box::new(random),
        interrupts: Mutex::new(interrupts),
    };
    Ok((world, store))
}

fn utf8((name, value): (OsString, OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

fn state_place(globals: &Globals) -> Result<StatePlace, ErrorReport> {
    StatePlace::choose(globals.state.as_deref(), |name| std::env::var_os(name))
        .map_err(|error| ErrorReport::new(ErrorCode::State, error.to_string()))
}

/// Archives are remembered beside the history, also when that is in a database.
fn state_folder(place: &StatePlace) -> Option<PathBuf> {
    let file = match place {
        StatePlace::File(file) => file.clone(),
        StatePlace::Server(_) => match StatePlace::choose(None, |name| std::env::var_os(name)).ok()? {
            StatePlace::File(file) => file,
            StatePlace::Server(_) => return None,
        },
    };
    file.parent().map(PathBuf::from)
}

async fn open_state(place: &StatePlace) -> (State, Option<Arc<SqlStore>>) {
    match SqlStore::open(place).await {
        Ok(store) => {
            let store = Arc::new(store);
            (Ok(Arc::clone(&store) as Arc<dyn StateStore>), Some(store))
        }
        Err(error) => (Err(ErrorReport::from_error(ErrorCode::State, &error)), None),
    }
}

/// Without it the last events may lie in a file beside SQLite's, and a copy of the history would lack them.
async fn leave(store: Option<Arc<SqlStore>>) {
    if let Some(store) = store
        && tokio::time::timeout(CLOSES_WITHIN, store.close()).await.is_err()
    {
        tracing::warn!("the history could not be closed in time");
    }
}

/// To a controller in the background, by the one that has the terminal; `None` for every other command.
fn handed_over(request: &mut Request) -> Result<Option<Passwords>, ErrorReport> {
    let in_background = |request: &ApplyRequest| request.background.is_some();
    if !matches!(&request.command, Command::Apply(own) | Command::Upgrade(own) | Command::Rollback(own) if in_background(own))
    {
        return Ok(None);
    }
    let Asked { typed, ssh, escalation, vault, former_metadb } = background::leave_the_terminal()?;
    request.typed = typed;
    let (ssh, escalation) = (ssh.map(|secret| secret.0), escalation.map(|secret| secret.0));
    let vault = vault.into_iter().map(|secret| secret.0).collect();
    let former_metadb = former_metadb.map(|secret| secret.0);
    Ok(Some(Passwords { ssh, escalation, vault, former_metadb }))
}

/// The file that holds the former password of the MetaDB, `-` for the terminal.
fn former_metadb_file(command: &Command) -> Option<&Path> {
    match command {
        Command::Apply(request) => request.former_metadb_password_file.as_deref(),
        Command::Plan(request) => request.former_metadb_password_file.as_deref(),
        _ => None,
    }
}

fn passwords(globals: &Globals, former: Option<&Path>, out: &Out) -> Result<Passwords, ErrorReport> {
    let ask = |wanted: bool, question: &str| {
        if !wanted {
            return Ok(None);
        }
        let asked = if out.can_ask() { out.ask_secret(question).ok() } else { None };
        asked.map(Some).ok_or_else(|| {
            ErrorReport::new(
                ErrorCode::Authentication,
                "a password is to be asked for and there is no terminal",
            )
            .hint("give it in the inventory, for instance ansible_become_password in a vault file, and that file's in --vault-password-file")
        })
    };
    let mut vault = Vec::new();
    for path in &globals.vault_password_files {
        vault.push(vault_password::from_file(path)?);
    }
    if let Some(asked) = ask(globals.ask_vault_pass, "Vault password")? {
        vault.push(vault_password::typed(&asked)?);
    }
    let former_metadb = match former {
        Some(path) if path == Path::new("-") => ask(true, "Former password of the MetaDB")?,
        Some(path) => Some(password_file::read(path, "the former password of the MetaDB")?),
        None => None,
    };
    Ok(Passwords {
        former_metadb,
        vault,
        ssh: ask(globals.ask_pass, "SSH password")?,
        escalation: ask(globals.ask_become_pass, "sudo password")?,
    })
}

fn operator() -> Operator {
    let user =
        std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).or_else(|_| std::env::var("LOGNAME"));
    let name = rustix::system::uname();
    let host = name.nodename().to_string_lossy();
    Operator {
        who: format!("{}@{host}", user.unwrap_or_else(|_| "root".to_owned())),
        pid: std::process::id(),
    }
}

/// Keys and run ids need real randomness: without it nothing may go on.
fn random(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        tracing::error!(%error, "the system gives no randomness");
        std::process::abort();
    }
}

fn internal(what: &str, error: &std::io::Error) -> ErrorReport {
    ErrorReport::new(ErrorCode::Internal, what).cause(error.to_string())
}

fn written(result: std::io::Result<()>) -> Exit {
    result.map_or(Exit::Failed, |()| Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_leaves_the_history_in_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("state.db");
        let words = ["omsctl", "history", "--format", "json", "--state"].map(OsString::from);
        let exit = run(words.into_iter().chain([place.clone().into_os_string()])).await;
        assert_eq!(exit, Exit::Done);
        let files: Vec<PathBuf> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files, [place], "what SQLite keeps beside it is merged and gone");
    }
}
