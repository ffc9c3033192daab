//! `cargo sweep`: a rollout on three hosts, disturbed at every moment in every way. Goes on where it was left, prints a
//! line for each case and a table at the end. It only translates between the command line and the library.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use clap::Parser;
use system_tests::bastion;
use system_tests::prepare::rig_line;
use system_tests::rig::{MetaDbKind, Options, Rig};
use system_tests::steps::{one_line, repository, say};
use system_tests::sweep::{Case, Entry, Heard, Ledger, Scene, Sweep, Undisturbed, Verdict, cases, table};

const HOSTS: usize = 3;
/// Ledger and recordings are kept with the code, so that a sweep can be run in parts and by several people.
const RECORD: &str = "tests/sweep";
/// How the folder of a bastion's disk begins; the instance's name follows.
const DISK: &str = "bastion-";

/// A rollout on three hosts, disturbed at every moment in every way. See README.md, "Survives".
#[derive(Debug, Parser)]
#[command(name = "cargo sweep")]
#[expect(clippy::struct_excessive_bools, reason = "they are switches of a command line")]
struct Arguments {
    /// The instance of the rig.
    #[arg(long, default_value = "sweep")]
    name: String,
    /// Print the cases in their order, with their verdicts so far, and run none.
    #[arg(long)]
    list: bool,
    /// Print the table of the cases so far, and run none.
    #[arg(long)]
    table: bool,
    /// Only cases whose name contains this; those that were run are run again.
    #[arg(long)]
    only: Option<String>,
    /// Only cases that have failed; they are run again.
    #[arg(long)]
    failed: bool,
    /// No more cases than this.
    #[arg(long)]
    limit: Option<usize>,
    /// Of every N cases the Kth: as many sweeps side by side, each with a --name of its own.
    #[arg(long, value_name = "K/N", default_value = "1/1", value_parser = share)]
    share: Share,
    /// Forget what was run before.
    #[arg(long)]
    fresh: bool,
}

/// One of so many sweeps, from 0.
#[derive(Debug, Clone, Copy)]
struct Share {
    number: usize,
    of: usize,
}

fn share(text: &str) -> Result<Share, String> {
    let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((number @ 1.., of)) if number <= of => Ok(Share { number: number - 1, of }),
        _ => Err("two numbers are wanted, like 1/2".to_owned()),
    }
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match sweep(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("the sweep ended early: {}", one_line(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

/// Whether everything that was run has passed.
fn sweep(arguments: &Arguments) -> Result<bool, Failure> {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let folder = repository().join(target).join("sweep");
    let record = repository().join(RECORD);
    let ledger = Ledger::at(&record.join("ledger.jsonl"));
    if arguments.table {
        print(&table(ledger.entries().values()));
        return Ok(true);
    }
    for folder in [&folder, &record] {
        fs::create_dir_all(folder)?;
    }
    if arguments.fresh {
        forget(&folder)?;
        forget(&record)?;
    }
    if arguments.list {
        list(&chosen(arguments, &recordings(&record, None)?, &ledger));
        return Ok(true);
    }
    let program = bastion::program()?;
    // The database is not what is tested, and this one needs the least of the machine.
    let metadb = MetaDbKind::Mariadb;
    let rig = Rig::up(&Options { progress: rig_line, metadb, ..Options::new(&arguments.name, HOSTS) })?;
    let sweep = Sweep::on(&rig, HOSTS, folder.join(format!("{DISK}{}", arguments.name)), program)?;
    let recordings = recordings(&record, Some(&sweep))?;
    let passed = run(&sweep, &chosen(arguments, &recordings, &ledger), &ledger, &folder)?;
    print(&table(ledger.entries().values()));
    Ok(passed)
}

type Recordings = BTreeMap<Scene, Vec<Heard>>;

/// What names the cases: the undisturbed rollouts of the sweep's beginning, so that the names stay the same.
fn recordings(folder: &Path, sweep: Option<&Sweep<'_>>) -> Result<Recordings, Failure> {
    let mut found = Recordings::new();
    for scene in Scene::ALL {
        let path = folder.join(format!("recording-{}.json", scene.name()));
        if !path.exists() {
            let sweep = sweep.ok_or("nothing is recorded yet: `cargo sweep --limit 0` does it")?;
            fs::write(&path, serde_json::to_string_pretty(&sweep.undisturbed(scene)?.recording)?)?;
        }
        found.insert(scene, serde_json::from_str(&fs::read_to_string(&path)?)?);
    }
    Ok(found)
}

/// A case and whether it has passed, when it was run before.
type Chosen = (Case, Option<bool>);

fn chosen(arguments: &Arguments, recordings: &Recordings, ledger: &Ledger) -> Vec<Chosen> {
    let moments: Vec<_> = recordings.iter().flat_map(|(scene, recording)| scene.moments(recording)).collect();
    let done = ledger.entries();
    let wanted = |(case, passed): &Chosen| {
        let fits = arguments.only.as_ref().is_none_or(|text| case.name().contains(text.as_str()));
        let again = arguments.only.is_some() || arguments.list;
        fits && match passed {
            Some(false) if arguments.failed => true,
            Some(_) => again && !arguments.failed,
            None => !arguments.failed,
        }
    };
    let all = cases(&moments).into_iter().map(|case| {
        let passed = done.get(&case.name()).map(|entry| entry.passed);
        (case, passed)
    });
    let Share { number, of } = arguments.share;
    let all = all.enumerate().filter(|(index, _)| index % of == number).map(|(_, case)| case);
    all.filter(wanted).take(arguments.limit.unwrap_or(usize::MAX)).collect()
}

fn list(chosen: &[Chosen]) {
    for (case, passed) in chosen {
        let verdict = passed.map_or("", |passed| if passed { "passed" } else { "FAILED" });
        print(&format!("{verdict:6} {}", case.name()));
    }
}

/// Runs cases, each with its line in the ledger; whether all have passed.
fn run(sweep: &Sweep<'_>, chosen: &[Chosen], ledger: &Ledger, folder: &Path) -> Result<bool, Failure> {
    let revision = revision()?;
    let mut undisturbed: BTreeMap<Scene, Undisturbed> = BTreeMap::new();
    let mut passed = true;
    for (number, (case, _)) in chosen.iter().enumerate() {
        let expected = match undisturbed.entry(case.scene) {
            Slot::Occupied(known) => known.into_mut(),
            Slot::Vacant(unknown) => unknown.insert(sweep.undisturbed(case.scene)?),
        };
        let entry = one(sweep, case, expected, folder, &revision)?;
        ledger.add(&entry)?;
        let verdict = if entry.passed { "passed" } else { "FAILED" };
        say(&format!("{}/{} {verdict} {:5.1} s {}", number + 1, chosen.len(), entry.seconds, entry.case));
        for reason in &entry.reasons {
            say(&format!("    {}", reason.lines().next().unwrap_or_default()));
        }
        passed &= entry.passed;
    }
    Ok(passed)
}

/// All but the disks of bastions, which a killed sweep leaves mounted.
fn forget(folder: &Path) -> Result<(), Failure> {
    for entry in
        fs::read_dir(folder)?.flatten().filter(|entry| !entry.file_name().to_string_lossy().starts_with(DISK))
    {
        let path = entry.path();
        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }?;
    }
    Ok(())
}

fn one(
    sweep: &Sweep<'_>,
    case: &Case,
    undisturbed: &Undisturbed,
    folder: &Path,
    revision: &str,
) -> Result<Entry, Failure> {
    let verdict = match sweep.run(case, undisturbed) {
        Ok(verdict) => verdict,
        Err(error) => Verdict::unjudged(format!("it could not be judged: {}", one_line(&error))),
    };
    let kept = folder.join(case.name());
    if kept.exists() {
        fs::remove_dir_all(&kept)?;
    }
    if !verdict.reasons.is_empty() {
        sweep.keep(&verdict, &kept)?;
    }
    Ok(Entry {
        case: case.name(),
        step: case.moment.step.clone(),
        fault: case.fault.name().to_owned(),
        passed: verdict.reasons.is_empty(),
        reasons: verdict.reasons,
        struck: verdict.struck,
        seconds: verdict.took.as_secs_f64(),
        revision: revision.to_owned(),
    })
}

/// The last commit that changed the product; marked when the product was changed since.
fn revision() -> Result<String, Failure> {
    const PRODUCT: [&str; 6] = ["agent", "controller", "inventory", "proto", "Cargo.toml", "Cargo.lock"];
    let git = |arguments: &[&str]| -> Result<String, Failure> {
        let mut git = Command::new("git");
        let output = git.args(arguments).arg("--").args(PRODUCT).current_dir(repository()).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed = !git(&["status", "--porcelain"])?.is_empty();
    Ok(git(&["log", "-1", "--format=%h"])? + if changed { "-dirty" } else { "" })
}

/// Results, for whoever reads or pipes them.
fn print(text: &str) {
    use std::io::Write as _;
    // Nobody is left to tell when standard output is closed.
    let _ = writeln!(std::io::stdout(), "{text}");
}
