//! `cargo bench-image`: how long a fresh host takes until Docker has the image, and what a changed top layer costs, beside
//! what an operator would type. Real sshd, agents and Docker on one host whose link is slow. Prints one table; asserts
//! nothing.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use clap::Parser;
use system_tests::prepare::{Prepared, prepare};
use system_tests::rig::{MetaDbKind, Node, OmsImage, Options, Rig};
use system_tests::shaped::{self, Failure, output};
use system_tests::steps::{one_line, say};
use tempfile::TempDir;

const NAME: &str = "image";
const MIB: u64 = 1 << 20;
/// Its lower layers are those of [`OmsImage::Script`].
const CHANGED: &str = "reg.docker.alibaba-inc.com/oceanbase/oms:feature_4.2.2-ce_bench";
/// Of the image, in percent.
const TOP_LAYER: u64 = 7;

/// How long a fresh host takes until Docker has the image. See README.md, "How fast".
#[derive(Debug, Parser)]
#[command(name = "cargo bench-image")]
struct Arguments {
    /// Of the link and of the bastion's uplink, in Mbit/s.
    #[arg(long, default_value_t = 671)]
    rate: u32,
    /// Of each measurement; medians are printed.
    #[arg(long, default_value_t = 3)]
    repetitions: usize,
}

#[derive(Debug, Clone, Copy)]
struct Measured {
    seconds: f64,
    /// Bytes that left the bastion.
    sent: u64,
}

type Run<'a> = &'a dyn Fn() -> Result<Measured, Failure>;

fn main() -> ExitCode {
    match bench(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("the benchmark ended early: {}", one_line(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

fn bench(arguments: &Arguments) -> Result<(), Failure> {
    let options = Options { metadb: MetaDbKind::Mariadb, ..Options::new(NAME, 1) };
    let Prepared { rig } = prepare(options)?;
    let work = tempfile::tempdir()?;
    let lower = rig.archive(OmsImage::Script)?;
    let site = Site { node: rig.node("node1")?, archive: changed(&lower, work.path())?, rig: &rig };
    rig.write_inventory(&rig.host_lines(1), &[("oms_image_archive", &site.archive.display().to_string())])?;
    shaped::shape(&rig, arguments.rate)?;
    let rows: [(&str, Run<'_>); 5] = [
        ("fresh host: `omsctl apply`, archive never seen before", &|| site.cold(false)),
        ("fresh host: `omsctl apply`, archive seen before", &|| site.cold(true)),
        ("fresh host: `scp`, then `docker load -i`", &|| site.copied()),
        ("top layer changed: `omsctl apply`", &|| site.delta(&lower)),
        ("top layer changed: `docker save \\| ssh docker load`", &|| site.piped(&lower)),
    ];
    let mut all = rows.map(|_| Vec::new());
    for number in 1..=arguments.repetitions {
        for ((name, run), taken) in rows.iter().zip(&mut all) {
            let measured = run()?;
            say(&format!("{name}, {number}: {:.2} s, {} bytes", measured.seconds, measured.sent));
            taken.push(measured);
        }
    }
    let mebibytes = fs::metadata(&site.archive)?.len() / MIB;
    say(&format!(
        "\nmedians of {}; archive of {mebibytes} MiB, link of {} Mbit/s\n",
        arguments.repetitions, arguments.rate
    ));
    say("| | until Docker has the image | left the bastion |\n|---|---|---|");
    for ((name, _), mut measured) in rows.iter().zip(all) {
        measured.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        let Measured { seconds, sent } = measured[measured.len() / 2];
        say(&format!("| {name} | {seconds:.2} s | {:.1} MiB |", in_mib(sent)));
    }
    output("docker", &["rmi", "--force", CHANGED])?;
    Rig::down(NAME)?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "for reading")]
fn in_mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}

/// An image whose top layer is so large a part of it: programs of this machine, which compress as programs do.
fn changed(lower: &Path, work: &Path) -> Result<PathBuf, Failure> {
    output("docker", &["load", "--quiet", "--input", &lower.display().to_string()])?;
    let context = work.join("context");
    fs::create_dir_all(context.join("top"))?;
    let mut left = fs::metadata(lower)?.len() * TOP_LAYER / 100;
    let mut programs: Vec<_> = fs::read_dir("/usr/bin")?.collect::<Result<_, _>>()?;
    programs.sort_by_key(fs::DirEntry::file_name);
    for program in programs {
        let size = program.metadata()?.len();
        if program.file_type()?.is_file() && size <= left {
            fs::copy(program.path(), context.join("top").join(program.file_name()))?;
            left -= size;
        }
    }
    let recipe = format!("FROM {}\nCOPY top /opt/top\n", OmsImage::Script.reference());
    fs::write(context.join("Dockerfile"), recipe)?;
    output("docker", &["build", "--quiet", "--tag", CHANGED, &context.display().to_string()])?;
    let archive = work.join("changed.tar");
    output("docker", &["save", "--output", &archive.display().to_string(), CHANGED])?;
    output("docker", &["rmi", "--force", OmsImage::Script.reference()])?;
    Ok(archive)
}

struct Site<'a> {
    rig: &'a Rig,
    node: &'a Node,
    archive: PathBuf,
}

impl Site<'_> {
    /// No image, no agent, no data; the page cache has the archive.
    fn fresh(&self) -> Result<(), Failure> {
        self.rig.reset(true)?;
        self.node.docker(["image", "prune", "--all", "--force"])?.ok()?;
        self.node.exec(["rm", "-f", "/data/copied.tar"])?.ok()?;
        let archive = self.archive.display().to_string();
        self.rig.write_inventory(&self.rig.host_lines(1), &[("oms_image_archive", &archive)])?;
        Ok(())
    }

    fn cold(&self, seen: bool) -> Result<Measured, Failure> {
        self.fresh()?;
        let home = tempfile::tempdir()?;
        if seen {
            self.plan(&home)?;
        }
        self.apply(&home)
    }

    fn copied(&self) -> Result<Measured, Failure> {
        self.fresh()?;
        self.measured(|| {
            let target = format!("{}:/data/copied.tar", self.node.name());
            self.ssh("scp", &["-q".as_ref(), self.archive.as_os_str(), target.as_ref()], Stdio::null())?;
            self.ssh(
                "ssh",
                &[self.node.name().as_ref(), "docker load -i /data/copied.tar".as_ref()],
                Stdio::null(),
            )
        })
    }

    fn delta(&self, lower: &Path) -> Result<Measured, Failure> {
        self.fresh()?;
        self.node.load_image(lower)?;
        let home = tempfile::tempdir()?;
        self.plan(&home)?;
        self.apply(&home)
    }

    fn piped(&self, lower: &Path) -> Result<Measured, Failure> {
        self.fresh()?;
        self.node.load_image(lower)?;
        self.measured(|| {
            let mut save = Command::new("docker").args(["save", CHANGED]).stdout(Stdio::piped()).spawn()?;
            let saved = save.stdout.take().ok_or("docker save has no output")?;
            self.ssh("ssh", &[self.node.name().as_ref(), "docker load".as_ref()], saved.into())?;
            if save.wait()?.success() { Ok(()) } else { Err("docker save failed".into()) }
        })
    }

    /// The agent is in place and the archive is known.
    fn plan(&self, home: &TempDir) -> Result<(), Failure> {
        let planned = shaped::omsctl(self.rig, home.path(), &["plan"]).status()?;
        if planned.success() { Ok(()) } else { Err(format!("plan: {planned}").into()) }
    }

    /// From the command to the end of the step `load_image`; the rollout goes on to its end.
    fn apply(&self, home: &TempDir) -> Result<Measured, Failure> {
        let (before, began) = (shaped::sent(self.rig)?, Instant::now());
        let mut command = shaped::omsctl(self.rig, home.path(), &["apply", "--yes", "--format", "jsonl"]);
        let mut applying = command.stdout(Stdio::piped()).spawn()?;
        let mut measured = None;
        for line in applying.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
            let line = line?;
            if measured.is_none() && line.contains("\"step_done\"") && line.contains("\"load_image\"") {
                let seconds = began.elapsed().as_secs_f64();
                measured = Some(Measured { seconds, sent: shaped::sent(self.rig)? - before });
            }
        }
        let status = applying.wait()?;
        measured.filter(|_| status.success()).ok_or_else(|| format!("apply: {status}").into())
    }

    fn measured(&self, run: impl FnOnce() -> Result<(), Failure>) -> Result<Measured, Failure> {
        let (before, began) = (shaped::sent(self.rig)?, Instant::now());
        run()?;
        Ok(Measured { seconds: began.elapsed().as_secs_f64(), sent: shaped::sent(self.rig)? - before })
    }

    fn ssh(&self, program: &str, arguments: &[&OsStr], input: Stdio) -> Result<(), Failure> {
        let mut command = Command::new(program);
        command.arg("-F").arg(self.rig.ssh_config()).args(arguments).stdin(input).stdout(Stdio::null());
        let status = command.status()?;
        if status.success() { Ok(()) } else { Err(format!("{program}: {status}").into()) }
    }
}
