//! `omsctl-agent`: which of its lives this process lives. Parses nothing but its arguments.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use omsctl_agent::{
    Daemons, DockerCli, LinuxHost, Places, VERSION, World, connect, log_error, ports_answer, receive, serve,
    session,
};
use omsctl_proto::{Digest, RunId};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "usage: omsctl-agent session | serve RUN | connect HOST PORT | receive RUN CONTENT | probe ADDRESS PORT… | \
                     --version\n\
                     It is started by omsctl and speaks to it over stdin and stdout.\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if words == ["--version"] {
        return say(&mut std::io::stdout(), &format!("omsctl-agent {VERSION}\n"), ExitCode::SUCCESS);
    }
    if let ["probe", rest @ ..] = words.as_slice()
        && let Some(answer) = ports_answer(rest)
    {
        // keepalived asks each second and looks at nothing but the status.
        return if answer { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    // Whatever the file is called: that is how it is found on a host.
    let _ = rustix::thread::set_name(c"omsctl-agent");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(live(&words));
            // A read of stdin may be under way in its own thread; nobody waits for it.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => say(&mut std::io::stderr(), USAGE, ExitCode::from(2)),
        Err(error) => {
            log_error(&*error);
            ExitCode::FAILURE
        }
    }
}

/// False when the arguments mean nothing.
async fn live(words: &[&str]) -> Result<bool, Box<dyn Error>> {
    let world = world();
    let (input, output) = (tokio::io::stdin(), tokio::io::stdout());
    match *words {
        ["session"] => session(input, output, world).await?,
        ["serve", run] => {
            leave_the_terminal()?;
            serve(world, RunId::new(run)?).await?;
        }
        ["connect", host, port] => connect(input, output, &world, host, port.parse()?).await?,
        ["receive", run, content] => {
            receive(input, output, &world, &RunId::new(run)?, &Digest::new(content)?).await?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn world() -> World {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    World {
        docker: Arc::new(DockerCli::find()),
        host: Arc::new(LinuxHost),
        places: Places::default(),
        daemons: Daemons::Processes { program },
    }
}

/// Own session, deaf to hang-up: the end of the SSH connection means nothing to a daemon.
fn leave_the_terminal() -> std::io::Result<()> {
    // Fails for whoever leads a session or a group already, which is as good.
    let _ = rustix::process::setsid();
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move { while hangup.recv().await.is_some() {} });
    Ok(())
}

fn say(door: &mut dyn Write, text: &str, code: ExitCode) -> ExitCode {
    if door.write_all(text.as_bytes()).is_ok() { code } else { ExitCode::FAILURE }
}
