//! `cargo demo`: three real hosts become an OMS cluster before the watcher's eyes, then a fourth joins by one line.
//! Leaves the rig up. Only shows: what must hold is checked by `cargo verify`.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use system_tests::prepare::{Prepared, prepare};
use system_tests::rig::{Node, Options, Rig, Step};
use system_tests::steps::{StepError, one_line, release_folder, say};

const NAME: &str = "demo";
const FIRST: usize = 3;
const ALL: usize = 4;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match demo() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("\nthe demo ended early: {}", one_line(error.as_ref())));
            say("the rig is left as it is: `cargo rig status` looks at it, `cargo rig down` takes it away");
            ExitCode::FAILURE
        }
    }
}

fn demo() -> Result<(), Failure> {
    say(
        "Four hosts in containers (real sshd, real Docker each), a MetaDB on a real OceanBase, and omsctl's release build.",
    );
    say(
        "The first time takes minutes: a compiler run and Debian packages. After that it starts in seconds.\n",
    );
    let began = Instant::now();
    let Prepared { rig } = prepare(Options { listed: FIRST, ..Options::new(NAME, ALL) })?;
    rig.reset(true)?;
    rig.write_inventory(&rig.host_lines(FIRST), &[])?;
    // Long enough to be seen; real ones take two to four minutes.
    rig.timing(&[(Step::Schema.name(), 3.0), (Step::Restart.name(), 5.0)])?;
    say(&format!(
        "\nReady after {:.0} s. What an operator has: a folder with two files.\n",
        began.elapsed().as_secs_f64()
    ));
    show_files(&rig)?;

    omsctl(&rig, &["check"])?;
    omsctl(&rig, &["plan"])?;
    omsctl(&rig, &["apply", "--yes"])?;
    omsctl(&rig, &["status"])?;

    let before = containers(&rig)?;
    let fourth = rig.node("node4")?;
    say("\n─── A fourth host: one more line in inventory.ini ───\n");
    say(&format!("+ {} ansible_host={}", fourth.name(), fourth.address()));
    rig.write_inventory(&rig.host_lines(ALL), &[])?;
    omsctl(&rig, &["plan"])?;
    omsctl(&rig, &["apply", "--yes"])?;
    omsctl(&rig, &["status"])?;
    what_changed(&rig, &before)?;
    farewell(&rig);
    Ok(())
}

fn show_files(rig: &Rig) -> Result<(), Failure> {
    say(&format!("$ cd {}", rig.state_folder().display()));
    for path in [rig.inventory(), rig.config()] {
        say(&format!("$ cat {}", path.file_name().unwrap_or_default().to_string_lossy()));
        for line in std::fs::read_to_string(&path)?.lines() {
            let hidden = line.split_once("oms_meta_password: ").map(|_| "oms_meta_password: '…'");
            say(&format!("  {}", hidden.unwrap_or(line)));
        }
    }
    Ok(())
}

/// Runs omsctl as the operator would, on the watcher's own terminal.
fn omsctl(rig: &Rig, arguments: &[&str]) -> Result<(), StepError> {
    let line = format!("omsctl {}", arguments.join(" "));
    say(&format!("\n$ {line}"));
    let program = release_folder().join("omsctl");
    let mut command = Command::new(&program);
    command.args(arguments).current_dir(rig.state_folder()).stdin(Stdio::null());
    let began = Instant::now();
    let status = command.status().map_err(|source| StepError::Start {
        step: line.clone(),
        program: program.display().to_string(),
        source,
    })?;
    say(&format!("  ({:.1} s)", began.elapsed().as_secs_f64()));
    if status.success() {
        Ok(())
    } else {
        Err(StepError::Failed { step: "demo".to_owned(), command: line, status })
    }
}

/// Each host's container, shortened as Docker shows it.
fn containers(rig: &Rig) -> Result<Vec<Option<String>>, Failure> {
    let id = |node: &Node| Ok(node.container_id("oms")?.map(|id| id.chars().take(12).collect()));
    rig.nodes().iter().map(id).collect()
}

fn what_changed(rig: &Rig, before: &[Option<String>]) -> Result<(), Failure> {
    say("\n─── What the fourth line changed ───\n");
    say("host    container before   container now   addresses in cm_nodes");
    for ((node, before), now) in rig.nodes().iter().zip(before).zip(containers(rig)?) {
        let config = node.read_file("/data/oms/config.yaml")?;
        let known = rig.nodes().iter().filter(|other| config.contains(other.address())).count();
        let word = |id: &Option<String>| id.clone().unwrap_or_else(|| "none".to_owned());
        say(&format!("{:7} {:18} {:15} {known}", node.name(), word(before), word(&now)));
    }
    let violations = rig.violations()?;
    if violations.is_empty() {
        say("\nThe stand-in for OMS is a strict judge (two schema steps at once, wrong arguments, a second");
        say("initialisation…). It has seen nothing to complain about: `cargo rig judge` shows its records.");
    } else {
        say(&format!("\nThe stand-in for OMS complains: {violations:#?}"));
    }
    Ok(())
}

fn farewell(rig: &Rig) {
    let shown = |path: &Path| path.display().to_string();
    let console = rig.nodes().first().map_or("", Node::address).to_owned();
    say("\n─── The rig stays up. Look around ───\n");
    say(&format!("cd {} && export PATH=$PATH:{}", shown(rig.state_folder()), shown(&release_folder())));
    say("  omsctl history          what happened; `omsctl show RUN` replays it");
    say("  omsctl apply            finds nothing to do, in about a second");
    say(&format!("  curl http://{console}:8089/oms/health"));
    say("cargo rig status          hosts, databases, containers");
    say("cargo rig ssh node1       be root on a host: `docker ps`, `docker exec oms supervisorctl status`");
    say("cargo rig kill node2      break something, then `omsctl plan` and `omsctl apply` again");
    say("cargo rig down            take everything away");
}
