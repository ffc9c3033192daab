//! One case from an empty rig to a verdict.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::SweepError;
use super::applying::Told;
use super::bastion::Bastion;
use super::case::Case;
use super::fault::{Fault, Ready};
use super::lawful::{in_the_event_file, in_the_history, in_the_record};
use super::moment::Heard;
use super::scene::Scene;
use super::state::{State, differences, observe};
use crate::left::left_on;
use crate::rig::{Node, Rig};
use crate::wreckage;

/// An undisturbed rollout takes some ten seconds.
const COMES_WITHIN: Duration = Duration::from_mins(2);

/// A rig to sweep on.
#[derive(Debug)]
pub struct Sweep<'a> {
    rig: &'a Rig,
    hosts: &'a [Node],
    bastion: Bastion,
}

/// What a scene's rollout tells and leaves when nothing disturbs it.
#[derive(Debug)]
pub struct Undisturbed {
    pub scene: Scene,
    pub recording: Vec<Heard>,
    state: State,
}

/// How a case ended.
#[derive(Debug)]
pub struct Verdict {
    /// What was not as it has to be; empty when the case has passed.
    pub reasons: Vec<String>,
    /// Exit status of the command that was struck; `None` when it was killed.
    pub struck: Option<i32>,
    pub took: Duration,
    told: Vec<Told>,
}

impl Verdict {
    /// Of a case that the rig itself broke off.
    pub fn unjudged(reason: String) -> Self {
        Self { reasons: vec![reason], struck: None, took: Duration::ZERO, told: Vec::new() }
    }
}

impl<'a> Sweep<'a> {
    /// On the first `count` hosts of a rig; `folder` becomes the bastion's disk.
    pub fn on(rig: &'a Rig, count: usize, folder: PathBuf, program: PathBuf) -> Result<Self, SweepError> {
        let hosts = rig.nodes().get(..count);
        let hosts = hosts.ok_or_else(|| SweepError::Other(format!("the rig has less than {count} hosts")))?;
        Ok(Self { rig, hosts, bastion: Bastion::mount(folder, program)? })
    }

    /// Answers the number of the last record that belongs to what was before.
    fn prepare(&self, scene: Scene) -> Result<u64, SweepError> {
        scene.prepare(self.rig, self.hosts, &self.bastion)?;
        Ok(self.rig.judge()?.iter().map(|record| record.id).max().unwrap_or(0))
    }

    /// The scene's rollout without any fault; an error when even that is not as it has to be.
    pub fn undisturbed(&self, scene: Scene) -> Result<Undisturbed, SweepError> {
        let mark = self.prepare(scene)?;
        let told = self.bastion.apply()?;
        let state = observe(self.rig, self.hosts, &self.bastion)?;
        let mut wrong = Vec::new();
        if told.code != Some(0) {
            let last = told.lines.last().map_or("", String::as_str);
            wrong.push(format!("exit {:?}: {} {last}", told.code, told.complaints));
        }
        wrong.extend(self.unlawful((scene, mark), false, std::slice::from_ref(&told))?);
        wrong.extend(self.history()?);
        if wrong.is_empty() {
            Ok(Undisturbed { scene, recording: told.heard, state })
        } else {
            Err(SweepError::Other(format!("the undisturbed rollout: {}", wrong.join("; "))))
        }
    }

    /// One case: the rollout, the fault, another `apply`, a last one that finds nothing to do.
    pub fn run(&self, case: &Case, undisturbed: &Undisturbed) -> Result<Verdict, SweepError> {
        let mark = self.prepare(case.scene)?;
        let began = Instant::now();
        let host = self.rig.node(&case.moment.host)?;
        let ready = Ready::make(case.fault, host, self.hosts)?;
        let mut applying = self.bastion.start_apply()?;
        let reached = applying.hear(&case.moment.event, COMES_WITHIN)?;
        if reached {
            // The moment is a time after the event: there is no condition to wait for.
            std::thread::sleep(Duration::from_millis(case.moment.later_ms));
            ready.strike(&self.bastion, &mut applying)?;
        }
        let struck = applying.end()?;
        self.bastion.free_disk()?;
        let again = self.bastion.apply()?;
        let last = self.bastion.apply()?;
        let mut reasons = exits(case, &struck, &again, &last);
        if !reached {
            reasons.insert(0, "the rollout ended before the moment came".to_owned());
        }
        let code = struck.code;
        let told = vec![struck, again, last];
        reasons.extend(differences(&undisturbed.state, &observe(self.rig, self.hosts, &self.bastion)?));
        reasons.extend(self.unlawful((case.scene, mark), case.fault.stops_container(), &told)?);
        // A full disk takes events away, and omsctl says so.
        if case.fault != Fault::FullDisk {
            reasons.extend(self.history()?);
        }
        Ok(Verdict { reasons, struck: code, took: began.elapsed(), told })
    }

    /// What the stand-in, the event files, the history and the hosts have to complain about.
    fn unlawful(
        &self,
        (scene, mark): (Scene, u64),
        interrupts: bool,
        told: &[Told],
    ) -> Result<Vec<String>, SweepError> {
        let warned = told.iter().any(|told| {
            told.complaints.contains("interrupt") || told.lines.iter().any(|line| line.contains("interrupt"))
        });
        let wanted = |(place, host): (usize, &'a Node)| (host.address(), scene.initialisations(place));
        let hosts: Vec<(&str, usize)> = self.hosts.iter().enumerate().map(wanted).collect();
        let mut records = self.rig.judge()?;
        records.retain(|record| record.id > mark);
        let mut wrong = in_the_record(&records, &hosts, interrupts, warned);
        for host in self.hosts {
            for (run, text) in event_files(host)? {
                wrong.extend(in_the_event_file(&format!("{}, {run}", host.name()), &text));
            }
            let left = left_on(host)?;
            if !left.is_empty() {
                wrong.push(format!("left on {}: {left}", host.name()));
            }
        }
        Ok(wrong)
    }

    /// Complaints about the bastion's own history: every writer's numbers have no gap.
    fn history(&self) -> Result<Vec<String>, SweepError> {
        let listed = self.bastion.run(&["history", "--format", "json"])?;
        let document: Value = serde_json::from_str(&listed.lines.join("\n")).unwrap_or_default();
        let Some(runs) = document["runs"].as_array() else {
            return Ok(vec![format!("no history: {}", listed.complaints)]);
        };
        let mut wrong = Vec::new();
        for run in runs.iter().filter_map(|run| run["run"].as_str()) {
            let shown = self.bastion.run(&["show", run, "--format", "jsonl"])?;
            wrong.extend(in_the_history(run, &shown.events().collect::<Vec<_>>()));
        }
        Ok(wrong)
    }

    /// Keeps what a failed case has to tell.
    pub fn keep(&self, verdict: &Verdict, folder: &Path) -> Result<(), SweepError> {
        fs::create_dir_all(folder).map_err(SweepError::file(folder))?;
        for (number, told) in verdict.told.iter().enumerate() {
            let write = |name: &str, text: &str| {
                let path = folder.join(format!("apply-{}.{name}", number + 1));
                fs::write(&path, text).map_err(SweepError::file(&path))
            };
            write("events.jsonl", &(told.lines.join("\n") + "\n"))?;
            write("stderr.txt", &told.complaints)?;
        }
        let path = folder.join("reasons.txt");
        fs::write(&path, verdict.reasons.join("\n\n")).map_err(SweepError::file(&path))?;
        wreckage::collect_into(self.rig, folder);
        Ok(())
    }
}

/// Complaints about the ends of the three commands.
fn exits(case: &Case, struck: &Told, again: &Told, last: &Told) -> Vec<String> {
    let mut wrong = Vec::new();
    for (told, which) in [(struck, "first"), (again, "second"), (last, "last")] {
        if told.hung {
            wrong.push(format!("the {which} apply did not end"));
        }
        if told.complaints.contains("panicked") {
            wrong.push(format!("the {which} apply panicked: {}", told.complaints));
        }
    }
    if case.fault.is_survived() && struck.code != Some(0) {
        wrong.push(format!("the apply that was struck ended with {:?}: {}", struck.code, struck.complaints));
    }
    if again.code != Some(0) {
        wrong.push(format!("the next apply ended with {:?}: {}", again.code, again.complaints));
    }
    if last.code != Some(0) || last.result() != "unchanged" {
        wrong.push(format!(
            "the last apply ended with {:?}, {}: {}",
            last.code,
            last.result(),
            last.complaints
        ));
    }
    wrong
}

/// Of every run on a host; a run without one has an empty text.
fn event_files(host: &Node) -> Result<Vec<(String, String)>, SweepError> {
    let runs = host.exec(["ls", "/var/lib/omsctl/runs"])?.stdout;
    runs.lines()
        .map(|run| {
            let text = host.exec(["cat", &format!("/var/lib/omsctl/runs/{run}/events.jsonl")])?.stdout;
            Ok((run.to_owned(), text))
        })
        .collect()
}
