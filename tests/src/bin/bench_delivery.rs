//! `cargo bench-delivery`: how long an image archive takes to every host of a site whose links are slow, beside what the
//! links allow, beside the same without relay, and beside one `scp` for each host. Prints one table; asserts nothing.
//!
//! Real sshd, agents, hashing, disk and encryption. Only `docker load` is played by a program that reads everything and
//! notes when it had it: unpacking eight images at once on one machine would measure its disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;
use system_tests::prepare::{Prepared, prepare};
use system_tests::rig::{MetaDbKind, Node, OmsImage, Options, Rig};
use system_tests::shaped::{self, Failure, output};
use system_tests::steps::{one_line, say};

const NAME: &str = "delivery";
/// Bytes.
const MIB: f64 = 1024.0 * 1024.0;

/// How long an image archive takes to every host. See README.md, "How fast".
#[derive(Debug, Parser)]
#[command(name = "cargo bench-delivery")]
struct Arguments {
    #[arg(long, default_value_t = 8)]
    hosts: usize,
    /// Of the archive, in MiB.
    #[arg(long, default_value_t = 256)]
    size: u32,
    /// Of every link and of the bastion's uplink, in Mbit/s; 0 leaves them as they are.
    #[arg(long, default_value_t = 400)]
    rate: u32,
    /// Of each measurement; medians are printed.
    #[arg(long, default_value_t = 3)]
    repetitions: usize,
    /// Without the slow peers, one send for each host.
    #[arg(long)]
    relay_only: bool,
}

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
    let options = Options { metadb: MetaDbKind::Mariadb, ..Options::new(NAME, arguments.hosts) };
    let Prepared { rig } = prepare(options)?;
    let work = tempfile::tempdir()?;
    let archive = archive(work.path(), arguments.size)?;
    let site = Site { rig: &rig, archive: &archive, rate: arguments.rate, home: work.path() };
    site.set_up()?;
    let bits = f64::from(arguments.size) * MIB * 8.0;
    // Links as fast as this machine are compared with what one host takes, which is measured first.
    let bound = (arguments.rate > 0).then(|| bits / (f64::from(arguments.rate) * 1e6));
    let medians = |what: &str, run: &dyn Fn() -> Result<Measured, Failure>| {
        let mut all = Vec::new();
        for number in 1..=arguments.repetitions {
            let measured = run()?;
            say(&format!(
                "{what}, {number}: {:.2} s (the last host began after {:.2} s), {:.1} MiB left the bastion; memory: controller \
                 {:.0} MiB, agents {:.0} MiB",
                measured.seconds, measured.spread, measured.uplink, measured.controller, measured.agent
            ));
            all.push(measured);
        }
        Ok::<_, Failure>(median(&all))
    };
    let one = medians("one host", &|| site.apply(&["--limit", "node1"], None))?;
    let bound = bound.unwrap_or(one.seconds);
    let mut rows = vec![("one host", one)];
    if arguments.hosts > 1 {
        rows.extend(relayed(arguments, &site, &medians, bound)?);
    }
    if !arguments.relay_only {
        rows.push(("one `scp` for each host, side by side", medians("scp", &|| site.scp())?));
    }
    report(arguments, &rows, bound);
    Rig::down(NAME)?;
    Ok(())
}

type Row = (&'static str, Measured);
type Run<'a> = &'a dyn Fn() -> Result<Measured, Failure>;

/// What several hosts make possible.
fn relayed(
    arguments: &Arguments,
    site: &Site<'_>,
    medians: &dyn Fn(&str, Run<'_>) -> Result<Measured, Failure>,
    bound: f64,
) -> Result<Vec<Row>, Failure> {
    let mut rows = vec![("relay, all hosts", medians("relay", &|| site.apply(&[], None))?)];
    let half = Duration::from_secs_f64(bound / 2.0);
    rows.push((
        "relay, the agent of one host killed half-way, the other hosts",
        medians("relay, one killed", &|| site.apply(&[], Some(half)))?,
    ));
    let second = medians("second run", &|| site.second_run(half))?;
    rows.push((
        "controller killed half-way and run again: from the first beginning, bytes of the second run",
        second,
    ));
    let both = Measured { uplink: second.before + second.uplink, ..second };
    rows.push(("the same, bytes of both runs", both));
    if !arguments.relay_only {
        rows.push((
            "`--relay off`, all hosts",
            medians("direct", &|| site.apply(&["--relay", "off"], None))?,
        ));
    }
    Ok(rows)
}

fn report(arguments: &Arguments, rows: &[Row], bound: f64) {
    say(&format!(
        "\nmedians of {}; {} hosts, archive of {} MiB, links and uplink of {} Mbit/s: {bound:.2} s are 1\n",
        arguments.repetitions, arguments.hosts, arguments.size, arguments.rate
    ));
    say(
        "| | time | against size / rate | left the bastion, against the size | memory of the controller | of an agent |",
    );
    say("|---|---|---|---|---|---|");
    for (name, Measured { seconds, uplink, controller, agent, .. }) in rows {
        let (time, against) = (seconds / bound, uplink / f64::from(arguments.size));
        say(&format!(
            "| {name} | {seconds:.2} s | {time:.3} | {against:.3} | {controller:.0} MiB | {agent:.0} MiB |"
        ));
    }
}

#[derive(Debug, Clone, Copy)]
struct Measured {
    seconds: f64,
    /// MiB that left the bastion, with everything around them.
    uplink: f64,
    /// MiB that the controller held at most; 0 where there is none.
    controller: f64,
    /// The same of the agent that held most.
    agent: f64,
    /// MiB that left it in a run before this one.
    before: f64,
    /// Seconds from the first host that began to the last one.
    spread: f64,
}

fn median(all: &[Measured]) -> Measured {
    let mut sorted = all.to_vec();
    sorted.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    sorted[sorted.len() / 2]
}

/// Hosts behind slow links.
struct Site<'a> {
    rig: &'a Rig,
    archive: &'a Path,
    rate: u32,
    home: &'a Path,
}

/// Reads what is loaded, and notes when it began and when it had all.
const DOCKER: &str = "#!/bin/sh
case \" $* \" in *' load '*)
  date +%s.%N > /root/load-began
  cat > /dev/null
  grep VmHWM /proc/$PPID/status > /root/load-memory
  date +%s.%N > /root/load-ended
  exit 0;;
esac
exec /usr/bin/docker \"$@\"
";

/// The agent's folder on the disk that Docker's is on.
const DISK: &str = "mkdir -p /var/lib/docker/omsctl /var/lib/omsctl
mountpoint -q /var/lib/omsctl || mount --bind /var/lib/docker/omsctl /var/lib/omsctl";

impl Site<'_> {
    fn set_up(&self) -> Result<(), Failure> {
        for node in self.rig.nodes() {
            node.write_file("/usr/local/bin/docker", DOCKER)?;
            node.exec(["chmod", "0755", "/usr/local/bin/docker"])?.ok()?;
            // The root of a rig's host may be a file system of this machine's own user space, which no real host has.
            node.exec(["sh", "-c", DISK])?.ok()?;
        }
        shaped::shape(self.rig, self.rate)?;
        let archive = self.archive.display().to_string();
        self.rig.write_inventory(
            &self.rig.host_lines(self.rig.nodes().len()),
            &[("oms_image_archive", &archive)],
        )?;
        // Agents are put there and the archive is read once, before any clock runs.
        self.omsctl(&["plan"])?.wait()?;
        Ok(())
    }

    fn sent(&self) -> Result<f64, Failure> {
        shaped::sent(self.rig).map(in_mib)
    }

    fn omsctl(&self, arguments: &[&str]) -> Result<Child, Failure> {
        Ok(shaped::omsctl(self.rig, self.home, arguments).spawn()?)
    }

    /// Nothing of the image is on any host.
    fn forget(&self) -> Result<(), Failure> {
        for node in self.rig.nodes() {
            node.exec(["sh", "-c", "rm -rf /var/lib/omsctl/content /root/load-*"])?.ok()?;
        }
        Ok(())
    }

    /// One rollout, which ends when Docker turns out not to have the image.
    fn apply(&self, more: &[&str], kill_after: Option<Duration>) -> Result<Measured, Failure> {
        self.forget()?;
        self.measured(more, kill_after)
    }

    fn measured(&self, more: &[&str], kill_after: Option<Duration>) -> Result<Measured, Failure> {
        let before = self.sent()?;
        let applying = self.omsctl(&[&["apply", "--yes"], more].concat())?;
        let mut counted: Vec<&Node> = self.rig.nodes().iter().collect();
        if let Some(after) = kill_after {
            self.wait_for_the_first()?;
            std::thread::sleep(after);
            let victim = counted.remove(counted.len() / 2);
            victim.exec(["pkill", "-KILL", "-f", "omsctl-agent.* serve "])?;
        }
        let controller = waited_for(applying)?;
        let uplink = self.sent()? - before;
        let noted = |node: &Node, name: &str| node.read_file(&format!("/root/load-{name}")).ok();
        let stamp = |node: &Node, name: &str| -> Option<f64> { noted(node, name)?.trim().parse().ok() };
        let began: Vec<f64> = self.rig.nodes().iter().filter_map(|node| stamp(node, "began")).collect();
        let last = began.iter().copied().fold(0.0, f64::max);
        let began = began.into_iter().fold(f64::MAX, f64::min);
        let ended: Vec<f64> = counted.iter().filter_map(|node| stamp(node, "ended")).collect();
        let wanted = if more.contains(&"--limit") { 1 } else { counted.len() };
        if ended.len() != wanted {
            return Err(format!("{} of {wanted} hosts got the image", ended.len()).into());
        }
        let memory = |node: &&Node| shaped::most_memory_in(&noted(node, "memory")?);
        let agent = in_mib(counted.iter().filter_map(memory).max().unwrap_or(0));
        let seconds = ended.into_iter().fold(0.0, f64::max) - began;
        Ok(Measured { seconds, uplink, controller, agent, before: 0.0, spread: last - began })
    }

    /// Until some host receives.
    fn wait_for_the_first(&self) -> Result<(), Failure> {
        let began = Instant::now();
        while self.rig.nodes()[0].read_file("/root/load-began").is_err() {
            if began.elapsed() > Duration::from_mins(1) {
                return Err("no host began to receive".into());
            }
        }
        Ok(())
    }

    /// From the first beginning to the end of a second run, after a first one whose controller was killed.
    fn second_run(&self, after: Duration) -> Result<Measured, Failure> {
        self.forget()?;
        let before = self.sent()?;
        let mut first = self.omsctl(&["apply", "--yes"])?;
        self.wait_for_the_first()?;
        std::thread::sleep(after);
        first.kill()?;
        first.wait()?;
        let before = self.sent()? - before;
        Ok(Measured { before, ..self.measured(&[], None)? })
    }

    fn scp(&self) -> Result<Measured, Failure> {
        let (before, began) = (self.sent()?, Instant::now());
        let config = self.rig.state_folder().join("ssh_config");
        let mut copies = Vec::new();
        for node in self.rig.nodes() {
            let mut copy = Command::new("scp");
            copy.arg("-q")
                .arg("-F")
                .arg(&config)
                .arg(self.archive)
                .arg(format!("{}:/root/load-copied", node.name()));
            copies.push(copy.stdin(Stdio::null()).spawn()?);
        }
        for mut copy in copies {
            if !copy.wait()?.success() {
                return Err("scp failed".into());
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        let uplink = self.sent()? - before;
        self.forget()?;
        Ok(Measured { seconds, uplink, controller: 0.0, agent: 0.0, before: 0.0, spread: 0.0 })
    }
}

#[expect(clippy::cast_precision_loss, reason = "for reading")]
fn in_mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}

/// To its end; the MiB that it held at most.
fn waited_for(mut child: Child) -> Result<f64, Failure> {
    let mut most = 0;
    while child.try_wait()?.is_none() {
        most = shaped::most_memory(&child).unwrap_or(0).max(most);
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(in_mib(most))
}

/// `docker save` of an image of one layer of random bytes.
fn archive(folder: &Path, size: u32) -> Result<PathBuf, Failure> {
    let source = folder.join("image");
    fs::create_dir_all(source.join("layer"))?;
    let layer = source.join("layer/layer.tar");
    output(
        "dd",
        &[
            "if=/dev/urandom",
            &format!("of={}", layer.display()),
            "bs=1M",
            &format!("count={size}"),
            "status=none",
        ],
    )?;
    let digest = sha256(&layer)?;
    let configuration = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{digest}")] },
    })
    .to_string();
    let unnamed = source.join("configuration");
    fs::write(&unnamed, configuration)?;
    let id = sha256(&unnamed)?;
    fs::rename(unnamed, source.join(format!("{id}.json")))?;
    let manifest = json!([{
        "Config": format!("{id}.json"),
        "RepoTags": [OmsImage::Script.reference()],
        "Layers": ["layer/layer.tar"],
    }]);
    fs::write(source.join("manifest.json"), manifest.to_string())?;
    let archive = folder.join("image.tar");
    output("tar", &["-C", &source.display().to_string(), "-cf", &archive.display().to_string(), "."])?;
    fs::remove_dir_all(source)?;
    Ok(archive)
}

fn sha256(file: &Path) -> Result<String, Failure> {
    let sum = output("sha256sum", &[&file.display().to_string()])?;
    Ok(sum.split_whitespace().next().ok_or("sha256sum said nothing")?.to_owned())
}
