//! `cargo bench-rig`: how long `omsctl apply` takes on three fresh hosts, beside the floor measured by hand and beside
//! the same rollout written for Ansible. Prints one table of medians; asserts nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use serde::Deserialize;
use system_tests::prepare::{Prepared, prepare};
use system_tests::rig::{Node, OmsImage, Options, Rig, Step};
use system_tests::steps::{one_line, release_folder, repository, say};

const NAME: &str = "bench";
const HOSTS: usize = 3;
/// When the command line does not say otherwise: `cargo bench-rig 1`.
const REPETITIONS: usize = 3;
/// Seconds; the other steps take 0.2 s. Real ones take longer, which flatters every ratio.
const TIMING: [(Step, f64); 2] = [(Step::Schema, 3.0), (Step::Restart, 5.0)];

type Failure = Box<dyn std::error::Error>;

/// One measured command: seconds of wall time, and of processor time of its process tree on this machine.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Cost {
    wall: f64,
    cpu: f64,
}

/// The parts of the floor, in seconds.
#[derive(Debug, Clone, Copy, Default)]
struct Floor {
    images: f64,
    initialisation: f64,
    schemas: f64,
}

impl Floor {
    fn total(self) -> f64 {
        self.images + self.initialisation + self.schemas
    }
}

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("the benchmark ended early: {}", one_line(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<(), Failure> {
    let said = std::env::args().nth(1).map(|argument| argument.parse()).transpose()?;
    let repetitions = said.unwrap_or(REPETITIONS);
    let ansible = originals::program("ansible-playbook")?;
    let Prepared { rig } = prepare(Options::new(NAME, HOSTS))?;
    let archive = rig.archive(OmsImage::Script)?;
    let (mut floors, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for repetition in 1..=repetitions {
        say(&format!("\n=== {repetition} of {repetitions}"));
        fresh(&rig)?;
        floors.push(floor(&rig, &archive)?);
        say(&format!("floor by hand: {:.1} s {:?}", floors[repetition - 1].total(), floors[repetition - 1]));
        fresh(&rig)?;
        ours.push(omsctl(&rig)?);
        say(&format!("omsctl apply: {:?}", ours[repetition - 1]));
        fresh(&rig)?;
        theirs.push(playbook(&rig, &ansible)?);
        say(&format!("ansible-playbook: {:?}", theirs[repetition - 1]));
    }
    report(&archive, &floors, &ours, &theirs)?;
    Rig::down(NAME)?;
    Ok(())
}

/// No image, no agent, no data; the page cache has the archive.
fn fresh(rig: &Rig) -> Result<(), Failure> {
    rig.reset(true)?;
    rig.timing(&TIMING.map(|(step, seconds)| (step.name(), seconds)))?;
    Ok(())
}

/// What cannot be saved: the archives through SSH into Docker and the containers started, all side by side; then one
/// whole initialisation; then the schema steps of the other hosts, whose other steps could overlap.
fn floor(rig: &Rig, archive: &Path) -> Result<Floor, Failure> {
    lay_out(rig)?;
    let began = Instant::now();
    std::thread::scope(|scope| {
        let loads: Vec<_> =
            rig.nodes().iter().map(|node| scope.spawn(|| load_and_run(rig, node, archive))).collect();
        loads
            .into_iter()
            .try_for_each(|load| load.join().unwrap_or_else(|_| Err("a load panicked".to_owned())))
    })?;
    let images = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let node = rig.node("node1")?;
    node.ssh(["docker", "exec", "oms", "bash", "/root/docker_init.sh"])?.ok()?;
    let initialisation = began.elapsed().as_secs_f64();
    let began = Instant::now();
    for node in &rig.nodes()[1..] {
        let schema = "cd /root && exec python3 -m omsflow.scripts.units.oms_init_manager --init-db";
        node.ssh(["docker", "exec", "oms", "sh", "-c", schema])?.ok()?;
    }
    Ok(Floor { images, initialisation, schemas: began.elapsed().as_secs_f64() })
}

/// Directories and config.yaml, before the clock runs.
fn lay_out(rig: &Rig) -> Result<(), Failure> {
    let nodes: Vec<_> = rig.nodes().iter().map(|node| format!("  - {}", node.address())).collect();
    let config = format!("{}cm_nodes:\n{}\n", std::fs::read_to_string(rig.config())?, nodes.join("\n"));
    for node in rig.nodes() {
        node.exec(["mkdir", "-p", "/data/oms/oms_logs", "/data/oms/oms_store", "/data/oms/oms_run"])?.ok()?;
        node.write_file("/data/oms/config.yaml", &config)?;
    }
    Ok(())
}

fn load_and_run(rig: &Rig, node: &Node, archive: &Path) -> Result<(), String> {
    let failed = |error: &dyn std::error::Error| format!("{}: {}", node.name(), one_line(error));
    let file = std::fs::File::open(archive).map_err(|error| failed(&error))?;
    let mut load = Command::new("ssh");
    load.arg("-F").arg(rig.ssh_config()).args([node.name(), "docker load"]);
    let status = load.stdin(file).stdout(Stdio::null()).status().map_err(|error| failed(&error))?;
    if !status.success() {
        return Err(format!("{}: docker load ended with {status}", node.name()));
    }
    let address = format!("OMS_HOST_IP={}", node.address());
    let mut block = vec!["docker", "run", "-dit", "--net", "host"];
    block.extend(["-v", "/data/oms/config.yaml:/home/admin/conf/config.yaml"]);
    block.extend(["-v", "/data/oms/oms_logs:/home/admin/logs", "-v", "/data/oms/oms_store:/home/ds/store"]);
    block.extend(["-v", "/data/oms/oms_run:/home/ds/run", "-e", &address]);
    block.extend(["--privileged=true", "--pids-limit", "-1", "--ulimit", "nproc=65535:65535"]);
    block.extend(["--name", "oms", OmsImage::Script.reference()]);
    node.ssh(block).and_then(system_tests::rig::Output::ok).map_err(|error| failed(&error))?;
    // The script needs supervisord.
    let wait = "until docker exec oms supervisorctl pid >/dev/null 2>&1; do sleep 0.1; done";
    node.ssh(["sh", "-c", wait]).and_then(system_tests::rig::Output::ok).map_err(|error| failed(&error))?;
    Ok(())
}

fn omsctl(rig: &Rig) -> Result<Cost, Failure> {
    let home = tempfile::tempdir()?;
    let program = release_folder().join("omsctl");
    let mut command = measured(rig, &program);
    command.args(["apply", "--yes"]).env("HOME", home.path()).env("XDG_STATE_HOME", home.path());
    cost("omsctl apply", &mut command)
}

fn playbook(rig: &Rig, ansible: &Path) -> Result<Cost, Failure> {
    let folder = recipes();
    let mut command = measured(rig, ansible);
    command.arg(folder.join("rollout.yml")).arg("-i").arg(rig.inventory());
    command.arg("-e").arg(format!("config={}", rig.config().display()));
    command.arg("-e").arg(format!("image={}", OmsImage::Script.reference()));
    command.env("ANSIBLE_CONFIG", folder.join("ansible.cfg")).env("ANSIBLE_LOCAL_TEMP", rig.state_folder());
    cost("ansible-playbook", &mut command)
}

fn recipes() -> PathBuf {
    repository().join("tests/ansible")
}

/// The command under a program that counts the processor time of all its processes.
fn measured(rig: &Rig, program: &Path) -> Command {
    let mut command = Command::new("python3");
    command.arg(recipes().join("measure.py")).arg(program).current_dir(rig.state_folder());
    command.stdin(Stdio::null());
    command
}

fn cost(step: &str, command: &mut Command) -> Result<Cost, Failure> {
    let output = command.stderr(Stdio::piped()).output()?;
    if !output.status.success() {
        return Err(format!(
            "{step} ended with {}:\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(serde_json::from_str(text.lines().last().unwrap_or_default())?)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn report(archive: &Path, floors: &[Floor], ours: &[Cost], theirs: &[Cost]) -> Result<(), Failure> {
    let megabytes = std::fs::metadata(archive)?.len() / 1_000_000;
    let of = |part: fn(&Floor) -> f64| median(floors.iter().map(part).collect());
    let floor = of(|floor| floor.total());
    let (wall, cpu) = (
        |costs: &[Cost]| median(costs.iter().map(|cost| cost.wall).collect()),
        |costs: &[Cost]| median(costs.iter().map(|cost| cost.cpu).collect()),
    );
    let steps: Vec<String> =
        TIMING.iter().map(|(step, seconds)| format!("{}={seconds} s", step.name())).collect();
    say(&format!(
        "\nmedians of {}; {HOSTS} fresh hosts, archive of {megabytes} MB, {}\n",
        floors.len(),
        steps.join(", ")
    ));
    let row = |name: &str, wall: f64, cpu: Option<f64>| {
        let cpu = cpu.map_or_else(|| "–".to_owned(), |cpu| format!("{cpu:.1} s"));
        say(&format!("| {name} | {wall:.1} s | {:.2} | {cpu} |", wall / floor));
    };
    say("| | wall | against the floor | controller CPU |");
    say("|---|---|---|---|");
    row("floor by hand: loads and runs side by side, one initialisation, two schema steps", floor, None);
    row("`omsctl apply`", wall(ours), Some(cpu(ours)));
    row("the same as an Ansible playbook", wall(theirs), Some(cpu(theirs)));
    say(&format!(
        "\nparts of the floor: images and containers {:.1} s, initialisation {:.1} s, schema steps {:.1} s",
        of(|floor| floor.images),
        of(|floor| floor.initialisation),
        of(|floor| floor.schemas),
    ));
    Ok(())
}
