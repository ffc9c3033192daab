//! `omsctl rollback`: the new version stops everywhere, the databases are made anew from the dump, and the containers that
//! were set aside run again. Before the new version has started anywhere, it is a start of the former containers.

use omsctl_inventory::Host;
use omsctl_proto::{Action, DumpFacts, Facts, Gate, MetaDbProof, Role, Step};

use super::{
    aside, everybody, high_availability, is_kept, leader, login, newest_dump, secrets, unread_metadb,
};
use crate::plan::findings::how_it_ended;
use crate::plan::image;
use crate::plan::lifecycle::{self, fit_to_stop, is_of_oms, proved, step, unfit};
use crate::plan::output::{NodeSteps, Plan};
use crate::plan::planner;
use crate::plan::refusal::{Refusal, Refusals};
use crate::plan::situation::Situation;

pub(in crate::plan) fn plan(situation: Situation<'_>, mut refusals: Vec<Refusal>) -> Result<Plan, Refusals> {
    refusals.extend(everybody(situation));
    refusals.extend(unread_metadb(situation));
    refusals.extend(high_availability(situation));
    let Some(leader) = leader(situation) else { return Ok(Plan::default()) };
    let Some(dump) = newest_dump(situation) else {
        // An upgrade that was cut off before its dump has only stopped OMS.
        let stopped = |host: &Host| situation.container(&host.name).is_some_and(|found| !found.running);
        if refusals.is_empty() && situation.deployment.hosts.iter().any(stopped) {
            return lifecycle::start(situation);
        }
        let what =
            "it keeps no dump of an upgrade in /var/lib/omsctl/dumps, so there is nothing to go back to";
        refusals.push(unfit(
            leader,
            what.to_owned(),
            "the dump lies on the first host of the default region",
        ));
        return Err(Refusals(refusals));
    };
    let touched = situation.deployment.hosts.iter().any(|host| is_touched(situation, host, dump));
    let back = Back { situation, dump, restores: touched && dump.restored.is_none() };
    let mut plan = Plan::default();
    for host in &situation.deployment.hosts {
        match back.host(host, host.name == leader.name) {
            Ok(steps) => plan.nodes.push(steps),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if back.restores {
        plan.warnings.push(format!(
            "the databases become what they were at {}: what OMS wrote into them since is lost",
            dump.taken
        ));
    }
    plan.secrets_add(secrets(situation));
    planner::finished(plan, refusals, situation)
}

/// The new version was made there.
fn is_touched(situation: Situation<'_>, host: &Host, dump: &DumpFacts) -> bool {
    is_kept(situation, host, dump) || situation.facts(&host.name).is_some_and(|facts| is_new(facts, dump))
}

fn is_new(facts: &Facts, dump: &DumpFacts) -> bool {
    let images = image::images_of(&facts.docker);
    facts.container.as_ref().is_some_and(|container| image::runs_in(&dump.next, container, images))
}

struct Back<'a> {
    situation: Situation<'a>,
    dump: &'a DumpFacts,
    restores: bool,
}

impl Back<'_> {
    fn host(&self, host: &Host, is_leader: bool) -> Result<NodeSteps, Refusal> {
        let situation = self.situation;
        let gone = || unfit(host, "it does not answer".to_owned(), "mend the way to it");
        let facts = situation.facts(&host.name).ok_or_else(gone)?;
        let name = host.settings.container_name.clone();
        let kept = is_kept(situation, host, self.dump);
        let mut steps = Vec::new();
        if let Some(container) = &facts.container {
            if kept || is_new(facts, self.dump) {
                // Its initialisation is cut off: the databases are made anew.
                is_of_oms(host, container)?;
                let set_aside = Some(format!("{name}-{}", situation.goal.run));
                let why = "it is of the version that is left; it stays on the host";
                steps.push(step(why, Action::StopContainer { name: name.clone(), set_aside }));
            } else if container.running && self.restores {
                fit_to_stop(host, container)?;
                let why = "no host may run OMS while the databases are restored";
                steps.push(step(why, Action::StopContainer { name: name.clone(), set_aside: None }));
            }
        }
        if is_leader && self.restores {
            let why = format!("the new version may have changed them since {}", self.dump.taken);
            let action = Action::RestoreDatabases { run: self.dump.run.clone(), login: login()? };
            steps.push(Step { gate: Some(Gate::Stopped), ..step(why, action) });
        }
        if let Some(start) = self.start(host, facts, kept)? {
            let start = Step { gate: Some(Gate::Databases), ..start };
            steps.extend(proved(situation, host, start));
        }
        let register = (!steps.is_empty()).then(|| "the container starts".to_owned());
        let (role, proof) = (Role::Existing, MetaDbProof::Registered);
        Ok(NodeSteps { node: host.name.clone(), role, steps, proof, register })
    }

    /// The former container runs again.
    fn start(&self, host: &Host, facts: &Facts, kept: bool) -> Result<Option<Step>, Refusal> {
        let name = host.settings.container_name.clone();
        if kept {
            let aside = aside(host, self.dump);
            let why = format!("it was set aside as {aside}");
            return Ok(Some(step(why, Action::RestoreContainer { name, aside })));
        }
        let Some(container) = facts.container.as_ref().filter(|_| !is_new(facts, self.dump)) else {
            let what = format!("its former container {} is not there", aside(host, self.dump));
            let way = "`omsctl remove` takes the host out; go back, and `omsctl apply` adds it anew";
            return Err(unfit(host, what, way));
        };
        if container.running && !self.restores {
            return Ok(None);
        }
        let why = if container.running { "it is stopped before".to_owned() } else { how_it_ended(container) };
        Ok(Some(step(why, Action::StartContainer { name })))
    }
}
