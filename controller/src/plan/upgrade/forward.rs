//! `omsctl upgrade`: every host loads the image and stops, the leader dumps the databases, and then each gets a container
//! of the new version that is initialised. Run again, it goes on where the hosts are; nothing that was dumped is dumped
//! again once the new version has started anywhere.

use std::collections::{BTreeMap, BTreeSet};

use omsctl_inventory::Host;
use omsctl_proto::{Action, DumpFacts, DumpSpec, Facts, Gate, HEARTBEAT_SEQUENCE, RunId, Step, StepId};

use super::paths::{self, Path};
use super::{everybody, high_availability, is_kept, leader, login, newest_dump, secrets, unread_metadb};
use crate::plan::checks::row;
use crate::plan::config::ConfigFinding;
use crate::plan::container::other_differences;
use crate::plan::gates::{self, Draft};
use crate::plan::image;
use crate::plan::lifecycle::{fit_to_stop, step, unfit};
use crate::plan::output::Plan;
use crate::plan::planner;
use crate::plan::refusal::{Refusal, Refusals};
use crate::plan::situation::{Situation, may_be_initialised};
use crate::plan::steps;
use crate::plan::version::OmsVersion;
use crate::plan::wanted::{AGENT_FOLDER, wanted};

/// What remains free on the disk of the dump, in bytes.
const RESERVE: u64 = 1024 * 1024 * 1024;

/// What of the way a host has behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// Its container is of another image.
    Before,
    /// The former container is set aside, and no other is there yet.
    Between,
    /// Its container is of the wanted image.
    After,
}

pub(in crate::plan) fn plan(
    situation: Situation<'_>,
    mut refusals: Vec<Refusal>,
    warnings: Vec<String>,
) -> Result<Plan, Refusals> {
    refusals.extend(everybody(situation));
    refusals.extend(unread_metadb(situation));
    refusals.extend(high_availability(situation));
    refusals.extend(planner::cluster(situation));
    if !refusals.is_empty() {
        return Err(Refusals(refusals));
    }
    let begun = begun(situation);
    let stands: BTreeMap<_, _> = situation
        .deployment
        .hosts
        .iter()
        .map(|host| (host.name.clone(), stands(situation, host, begun)))
        .collect();
    if stands.values().all(|stands| *stands == Some(Stands::After)) {
        // What is left is what any rollout does.
        return planner::as_the_files_say(situation, Vec::new(), warnings);
    }
    let mut upgrade = Upgrade { situation, begun, plan: Plan { warnings, ..Plan::default() }, refusals };
    upgrade.judge_versions();
    let mut drafts = Vec::new();
    for host in &situation.deployment.hosts {
        drafts.extend(upgrade.draft(host, stands.get(&host.name).copied().flatten()));
    }
    upgrade.finish(drafts)
}

/// The dump of an upgrade to the same image that has not come to its end.
pub(super) fn begun(situation: Situation<'_>) -> Option<&DumpFacts> {
    let leader = leader(situation)?;
    let (wanted, _) = image::wanted(&leader.settings.image, situation.observed).ok()?;
    let dump = newest_dump(situation).filter(|dump| dump.next == wanted && dump.restored.is_none())?;
    let mut hosts = situation.deployment.hosts.iter();
    hosts.any(|host| is_kept(situation, host, dump)).then_some(dump)
}

/// `None` when the host has no container, and none was set aside.
fn stands(situation: Situation<'_>, host: &Host, begun: Option<&DumpFacts>) -> Option<Stands> {
    let facts = situation.facts(&host.name)?;
    match &facts.container {
        Some(container) => {
            let (wanted, _) = image::wanted(&host.settings.image, situation.observed).ok()?;
            let is_new = image::runs_in(&wanted, container, image::images_of(&facts.docker));
            Some(if is_new { Stands::After } else { Stands::Before })
        }
        None => begun.filter(|dump| is_kept(situation, host, dump)).map(|_| Stands::Between),
    }
}

struct Upgrade<'a> {
    situation: Situation<'a>,
    begun: Option<&'a DumpFacts>,
    plan: Plan,
    refusals: Vec<Refusal>,
}

impl Upgrade<'_> {
    /// The run that names what is set aside.
    fn run(&self) -> &RunId {
        self.begun.map_or(&self.situation.goal.run, |dump| &dump.run)
    }

    fn judge_versions(&mut self) {
        let Some(leader) = leader(self.situation) else { return };
        let Ok((wanted, _)) = image::wanted(&leader.settings.image, self.situation.observed) else { return };
        let to = OmsVersion::of_reference(&wanted.reference);
        let from = self.begun.map_or_else(
            || super::judge::running_version(self.situation),
            |dump| dump.version.as_deref().and_then(OmsVersion::find),
        );
        match (from, to) {
            (Some(from), Some(to)) if from != to => match paths::path(&from, &to) {
                Path::Allowed => {}
                Path::Refused(why) => {
                    let (from, to) = (from.to_string(), to.to_string());
                    self.refusals.push(Refusal::UpgradePath { from, to, why });
                }
                Path::Unknown => self.plan.warnings.push(format!(
                    "OMS's manuals that omsctl knows say nothing of an upgrade from {from} to {to}: read those of {to} \
                     before you go on"
                )),
            },
            (Some(_), Some(_)) => {}
            (from, to) => {
                let known = |version: Option<OmsVersion>| version.map_or("unknown".to_owned(), |v| v.to_string());
                self.plan.warnings.push(format!(
                    "whether this upgrade is allowed cannot be told: from {} to {}",
                    known(from),
                    known(to)
                ));
            }
        }
    }

    fn draft(&mut self, host: &Host, stands: Option<Stands>) -> Option<Draft> {
        match self.try_draft(host, stands) {
            Ok(draft) => Some(draft),
            Err(refusal) => {
                self.refusals.push(refusal);
                None
            }
        }
    }

    fn try_draft(&self, host: &Host, stands: Option<Stands>) -> Result<Draft, Refusal> {
        let situation = self.situation;
        let nothing = || {
            let what = "there is no container to upgrade".to_owned();
            unfit(host, what, "`omsctl apply` with the image that the others run, then upgrade")
        };
        let stands = stands.ok_or_else(nothing)?;
        let facts = situation.facts(&host.name).ok_or_else(nothing)?;
        if let Some(cause) = planner::docker_trouble(&facts.docker) {
            return Err(Refusal::Docker { node: host.name.clone(), cause });
        }
        let region = situation.region(host).ok_or_else(nothing)?;
        let wanted = wanted(situation, host).ok_or_else(nothing)??;
        let mut draft = planner::draft(situation, host, region, facts, wanted);
        match stands {
            Stands::Before => self.before(host, facts, &mut draft)?,
            Stands::Between => self.replace(facts, &mut draft),
            Stands::After if self.begun.is_none() => {
                let what = "its container is of the wanted image already, and no dump of an upgrade is on the first host";
                let way = "somebody began by hand: give it the container of the others back (`docker rename`), then upgrade";
                return Err(unfit(host, what.to_owned(), way));
            }
            Stands::After => wait_before_the_start(facts, &mut draft),
        }
        gates::set_schema(&mut draft);
        if !draft.steps.is_empty() {
            draft.register.get_or_insert_with(|| "the container starts".to_owned());
        }
        Ok(draft)
    }

    /// The former version is there: it is stopped, and nothing but the image differs.
    fn before(&self, host: &Host, facts: &Facts, draft: &mut Draft) -> Result<(), Refusal> {
        let Some(container) = &facts.container else { return Ok(()) };
        fit_to_stop(host, container)?;
        if !may_be_initialised(container) {
            let what =
                format!("OMS is not initialised in its container ({})", container.initialisation.proof);
            return Err(unfit(host, what, "`omsctl apply` with the image that the others run, then upgrade"));
        }
        let mut others = other_differences(&draft.wanted.container, container);
        others.extend(draft.findings.certificates.clone());
        if !matches!(draft.findings.config, ConfigFinding::Same) {
            others.extend(draft.findings.config.why());
        }
        if !others.is_empty() {
            let what = format!("more differs than the image: {}", others.join("; "));
            let way = "one after the other: `omsctl apply` with the image that runs now, then upgrade";
            return Err(unfit(host, what, way));
        }
        self.replace(facts, draft);
        let name = host.settings.container_name.clone();
        let mut stop = Vec::new();
        if container.running {
            let why = "no host may run the former version while the databases are changed";
            stop.push(step(why, Action::StopContainer { name, set_aside: None }));
        }
        if self.begun.is_none() && leader(self.situation).is_some_and(|leader| leader.name == host.name) {
            let dump = self.dump(host, facts, draft)?;
            stop.push(Step { gate: Some(Gate::Stopped), ..dump });
        }
        let at = draft.steps.iter().position(|step| step.gate == Some(Gate::Databases));
        let at = at.unwrap_or(draft.steps.len());
        draft.steps.splice(at..at, stop);
        Ok(())
    }

    /// The image first, so that nobody is stopped for bytes; then the gate, with the file that the container starts from.
    fn replace(&self, facts: &Facts, draft: &mut Draft) {
        let run = self.run().clone();
        for step in &mut draft.steps {
            if let Action::CreateContainer { container, set_aside } = &mut step.action {
                container.is_upgrade = true;
                if let Some(name) = set_aside {
                    *name = format!("{}-{run}", container.name);
                }
            }
        }
        wait_before_the_start(facts, draft);
    }

    fn dump(&self, host: &Host, facts: &Facts, draft: &Draft) -> Result<Step, Refusal> {
        let unread = |cause| Refusal::MetaDbUnread { cause, way: None };
        let contents = match &self.situation.observed.contents {
            Some(Ok(contents)) => contents,
            Some(Err(error)) => return Err(unread(Some(error.clone()))),
            None => return Err(unread(None)),
        };
        let mut databases = BTreeMap::new();
        let mut bytes = 0_u64;
        for name in self.situation.databases() {
            let Some(content) = contents.get(&name).filter(|content| !content.tables.is_empty()) else {
                let what = format!("the database {name} has no tables");
                return Err(unfit(host, what, "is OMS initialised here, and may its account see them?"));
            };
            bytes = bytes.saturating_add(content.bytes);
            databases.insert(name, content.tables.clone());
        }
        let free = facts.disks.get(AGENT_FOLDER).map(|disk| disk.free_bytes);
        let needed = bytes.saturating_add(RESERVE);
        if free.is_some_and(|free| free < needed) {
            let what = format!(
                "{AGENT_FOLDER} has {} free, and the dump of the databases may take {}",
                row::size(free.unwrap_or_default()),
                row::size(bytes)
            );
            return Err(unfit(host, what, "make room there"));
        }
        let sequence = |tables: &BTreeSet<String>| tables.contains(HEARTBEAT_SEQUENCE);
        let purge =
            databases.iter().filter(|(_, tables)| sequence(tables)).map(|(name, _)| name.clone()).collect();
        let container = facts.container.as_ref();
        let why = format!(
            "the only way back is a dump of {}, about {}",
            databases.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
            row::size(bytes)
        );
        let dump = DumpSpec {
            run: self.run().clone(),
            login: login()?,
            programs: container.map(|container| container.image_id.as_str().to_owned()).unwrap_or_default(),
            version: self.situation.metadb().and_then(|metadb| metadb.oms_version.clone()),
            next: draft.wanted.container.image.clone(),
            databases,
            purge,
        };
        Ok(step(why, Action::DumpDatabases { dump }))
    }

    fn finish(mut self, drafts: Vec<Draft>) -> Result<Plan, Refusals> {
        self.plan.schema_order = gates::schema_order(self.situation, &drafts);
        self.plan.sequential = planner::sequential(self.situation.deployment, &drafts);
        if self.begun.is_none() {
            let hosts = self.situation.deployment.hosts.iter();
            let kept: BTreeSet<String> =
                hosts.map(|host| format!("{}-{}", host.settings.container_name, self.run())).collect();
            let kept: Vec<String> = kept.into_iter().collect();
            self.plan.warnings.push(format!(
                "OMS stops on all hosts until the new version runs; the present containers stay there as {}, for \
                 `omsctl rollback`",
                kept.join(", ")
            ));
        }
        let mut plan = planner::accepted(self.plan, drafts);
        plan.secrets_add(secrets(self.situation));
        planner::finished(plan, self.refusals, self.situation)
    }
}

/// Whatever starts OMS waits until all hosts have come so far.
fn wait_before_the_start(facts: &Facts, draft: &mut Draft) {
    let is_load = |step: &Step| matches!(step.id(), StepId::LoadImage);
    draft.steps.sort_by_key(|step| !is_load(step));
    let starts = |step: &Step| {
        gates::starts_container(&step.action) || matches!(step.action, Action::Initialise { .. })
    };
    let Some(first) = draft.steps.iter().position(starts) else { return };
    if let Some(step) = draft.steps.iter_mut().take(first).find(|step| step.id() == StepId::WriteConfig) {
        step.gate = Some(Gate::Databases);
        return;
    }
    let carrier = Step {
        why: "what the container starts from is proved when all hosts have come so far".to_owned(),
        gate: Some(Gate::Databases),
        action: steps::write_config(&draft.wanted, &draft.findings, facts),
    };
    draft.steps.insert(first, carrier);
}
