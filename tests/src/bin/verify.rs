//! `cargo verify`: everything that must hold, in the order in which a failure is cheapest to learn. Continuous
//! integration calls this and nothing else; on a fresh machine the rig installs what it needs. `cargo verify --all` also tells
//! the stories that take minutes each.

use std::process::{Command, ExitCode};
use std::time::Instant;

use sha2::{Digest, Sha256};
use system_tests::on_host::run_ignored;
use system_tests::prepare::{build_release, rig_line};
use system_tests::rig::{Options, Rig, RigError, TEST_INSTANCE, ensure_originals};
use system_tests::steps::{StepError, one_line, repository, run, run_command, say};
use system_tests::wreckage;

/// Hosts of the rig: three for a first rollout, one to add.
const HOSTS: usize = 4;
/// Of the simulation.
const SEEDS: &str = "10000";

/// Generated ones that each comparison with an original tool tries.
const CASES: &str = "5000";

/// Stories that take minutes each: told by `--all` only (their times are in the README).
const LONG: [&str; 1] = ["password::"];

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let began = Instant::now();
    let name = instance_name();
    let verified = verify(&name);
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    let down = Rig::down(&name).map_err(Failure::from);
    match verified.and(down) {
        Ok(()) => {
            say(&format!("\nverified: everything holds ({minutes:.1} min)"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("\nnot verified, after {minutes:.1} min: {}", one_line(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

/// The rig comes up in the background: it waits for packages and disks while the compiler has the processors.
fn verify(name: &str) -> Result<(), Failure> {
    run("format", "cargo", ["fmt", "--all", "--check"])?;
    ensure_originals(rig_line)?;
    std::thread::scope(|scope| {
        let rig = scope.spawn(|| bring_up(name));
        let built = build_and_test();
        if let Err(error) = &built {
            say(&format!("failed: {}; waiting for the rig, to take it down", one_line(error)));
        }
        let rig = rig.join().unwrap_or_else(|_| Err(RigError::Usage("the rig's thread panicked".to_owned())));
        built?;
        let rig = rig?;
        suites(name, &rig).inspect_err(|_| wreckage::collect(&rig))?;
        Ok(())
    })
}

fn bring_up(name: &str) -> Result<Rig, RigError> {
    let began = Instant::now();
    let rig = Rig::up(&Options { mariadb: true, progress: rig_line, ..Options::new(name, HOSTS) })?;
    rig_line(&format!("up after {:.0} s", began.elapsed().as_secs_f64()));
    Ok(rig)
}

/// Everything is of the whole workspace: one package alone is built with fewer features, and all below it once more.
fn build_and_test() -> Result<(), StepError> {
    let lints = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    run("lints", "cargo", lints)?;
    let suite = ["clippy", "--workspace", "--test", "e2e", "--", "--deny", "warnings"];
    run("lints of the end-to-end suite", "cargo", suite)?;
    run("tests that need no rig", "cargo", ["test", "--workspace"])?;
    compare_with_originals()?;
    simulate()?;
    build_release()?;
    let suite = ["test", "--workspace", "--test", "e2e", "--no-run"];
    run("build of the end-to-end suite", "cargo", suite)
}

fn simulate() -> Result<(), StepError> {
    let mut simulation = Command::new("cargo");
    simulation.args(["test", "--workspace", "--test", "simulation", "--", "--nocapture"]);
    simulation.env("OMSCTL_SEEDS", SEEDS);
    run_command("simulation, ten thousand seeds", &mut simulation)
}

fn compare_with_originals() -> Result<(), StepError> {
    for (original, suite) in [("Ansible", "ansible"), ("PyYAML", "pyyaml"), ("ssh -G", "ssh_config")] {
        let lints = ["clippy", "--workspace", "--test", suite, "--", "--deny", "warnings"];
        run(&format!("lints of the comparison with {original}"), "cargo", lints)?;
        let mut comparison = Command::new("cargo");
        comparison.args(["test", "--workspace", "--test", suite]);
        comparison.env("OMSCTL_CASES", CASES);
        run_command(&format!("comparison with {original}, {CASES} cases"), &mut comparison)?;
    }
    Ok(())
}

fn suites(name: &str, rig: &Rig) -> Result<(), Failure> {
    // OceanBase's root has no password; MariaDB's is let in by a socket only, so it gets a root for the network too.
    let mut servers =
        vec![("OceanBase", format!("mysql://root@{}:{}", rig.metadb().address(), rig.metadb().port()))];
    if let Some(server) = rig.mariadb()? {
        server.query(
            "CREATE USER IF NOT EXISTS root@'%'; GRANT ALL PRIVILEGES ON *.* TO root@'%' WITH GRANT OPTION",
        )?;
        servers.push(("MariaDB", format!("mysql://root@{}:{}", server.address(), server.port())));
    }
    for (kind, url) in servers {
        let mut store = Command::new("cargo");
        store.args(["test", "--workspace", "--lib", "adapters::"]);
        store.env("OMSCTL_TEST_MARIADB", url);
        run_command(&format!("history and MetaDB on {kind}"), &mut store)?;
    }
    run_ignored(&rig.nodes()[0], "adapters::ssh::")?;
    run(
        "the stand-in for OMS, judged",
        "cargo",
        ["test", "--workspace", "--test", "standin", "--", "--test-threads=1"],
    )?;
    Rig::down(TEST_INSTANCE)?;
    let mut suite = Command::new("cargo");
    suite.args(["test", "--workspace", "--test", "e2e", "--", "--test-threads=1"]);
    if !tells_all() {
        suite.args(LONG.iter().flat_map(|story| ["--skip", *story]));
    }
    suite.env("OMSCTL_RIG", name);
    run_command("end to end", &mut suite)?;
    if !tells_all() {
        say(&format!("left to `cargo verify --all`: {}", LONG.join(" ")));
    }
    Ok(())
}

fn tells_all() -> bool {
    std::env::args().any(|argument| argument == "--all")
}

/// Of its own for each folder, so that two checkouts, and a demo that was left up, do not meet.
fn instance_name() -> String {
    let hash = Sha256::digest(repository().to_string_lossy().as_bytes());
    format!("verify-{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2])
}
