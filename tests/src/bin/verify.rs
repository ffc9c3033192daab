//! `cargo verify`: everything that must hold, in the order in which a failure is cheapest to learn. Continuous
//! integration calls this and nothing else; on a fresh machine it installs what it needs.

use std::process::{Command, ExitCode};
use std::time::Instant;

use system_tests::rig::{MetaDbKind, Options, Rig, packages};
use system_tests::steps::{StepError, one_line, repository, run, run_command, say};

fn main() -> ExitCode {
    let began = Instant::now();
    let verified = verify();
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    match verified {
        Ok(()) => {
            say(&format!("verified: everything holds ({minutes:.1} min)"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("not verified after {minutes:.1} min: {}", one_line(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

fn verify() -> Result<(), Box<dyn std::error::Error>> {
    packages::ensure_compiler()?;
    run("format", "cargo", ["fmt", "--all", "--check"])?;
    let lints = ["clippy", "--workspace", "--all-targets", "--test", "e2e", "--", "--deny", "warnings"];
    run("lints", "cargo", lints)?;
    run("tests that need no rig", "cargo", ["test", "--workspace"])?;
    run("release build", "cargo", ["build", "--release"])?;
    run(
        "end-to-end suite, build",
        "cargo",
        ["test", "--package", "system-tests", "--test", "e2e", "--no-run"],
    )?;
    on_the_rig()
}

/// The suites that need hosts and databases, on a rig of this folder's own; it is taken down when they passed.
fn on_the_rig() -> Result<(), Box<dyn std::error::Error>> {
    let name = instance_name();
    say(&format!("==> rig {name}: up"));
    let began = Instant::now();
    let rig = Rig::up(&Options { name, nodes: 4, metadb: MetaDbKind::Seekdb, mariadb: true })?;
    say(&format!("<== rig: {:.1} s", began.elapsed().as_secs_f64()));
    let mut store = Command::new("cargo");
    store.args(["test", "--package", "omsctl-controller", "--lib", "sql_store", "mysql_metadb"]);
    suites(&rig)?;
    rig.down()?;
    Ok(())
}

fn suites(rig: &Rig) -> Result<(), StepError> {
    let mut store = Command::new("cargo");
    store.args(["test", "--package", "omsctl-controller", "--lib", "adapters"]);
    store.env("OMSCTL_TEST_MARIADB", rig.mariadb_url());
    run_command("databases", &mut store)?;
    let mut e2e = Command::new("cargo");
    e2e.args(["test", "--package", "system-tests", "--test", "e2e", "--", "--test-threads=1"]);
    e2e.env("OMSCTL_RIG", rig.name());
    run_command("end to end", &mut e2e)
}

/// Of its own for each folder, so that two checkouts, and a demo that was left up, do not meet.
fn instance_name() -> String {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(repository().to_string_lossy().as_bytes());
    format!("verify-{:02x}{:02x}", hash[0], hash[1])
}
