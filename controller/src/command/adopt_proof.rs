//! What `omsctl plan` would say of the files that `adopt` has written: the same files, read in the same way, and the same
//! planner, over the ways to the hosts that are open anyway.

use std::collections::{BTreeMap, BTreeSet};

use omsctl_inventory::Deployment;
use omsctl_proto::{Facts, FingerprintKey, NodeName, Secret};

use super::adopt_files::Folder;
use super::adopt_look::{self, Looked};
use super::decide::view;
use super::{World, inputs, look};
use crate::plan::{self, Adopted, Goal, Observed, Purpose};
use crate::report::{PlanView, Proof};

/// Reads the files and plans.
pub(super) async fn plan(
    world: &World,
    folder: &Folder,
    looked: &Looked,
    adopted: &Adopted,
    key: &FingerprintKey,
) -> Proof {
    let mut sources = inputs::sources(world);
    sources.inventories.push(folder.inventory());
    sources.config = folder.config();
    sources.limit = None;
    let deployment = match omsctl_inventory::load(&sources) {
        Ok(loaded) => loaded.deployment,
        Err(problems) => return Proof::NotRead(problems.to_string()),
    };
    let observed = Observed {
        facts: facts(looked, &deployment, key).await,
        metadb: adopt_look::read(&look::reader(world, &deployment), looked).await,
        certificates: certificates(folder, adopted),
        ..Observed::default()
    };
    let goal = Goal {
        purpose: Purpose::Apply,
        allow_outage: false,
        give_up: BTreeSet::new(),
        run: world.new_run(),
        key: key.clone(),
        join_metadb: false,
        move_cm_url: false,
        with_former: false,
        keep_going: true,
        relay: true,
        leave_out: BTreeSet::new(),
    };
    Proof::Planned(match plan::plan(&deployment, &observed, &goal) {
        Ok(plan) => view(&plan),
        Err(refusals) => PlanView { refusals: refusals.reports(), ..PlanView::default() },
    })
}

/// What the planner asks of every host, now that the files say what is wanted.
async fn facts(
    looked: &Looked,
    deployment: &Deployment,
    key: &FingerprintKey,
) -> BTreeMap<NodeName, Result<Facts, omsctl_proto::ErrorReport>> {
    let asking = deployment.hosts.iter().filter_map(|host| {
        let link = looked.survey.links.get(&host.name)?;
        let config = &deployment.region(&host.region)?.config;
        let request = plan::facts_request(host, config, key);
        Some(async move { (host.name.clone(), link.session.facts(request).await) })
    });
    futures::future::join_all(asking).await.into_iter().collect()
}

fn certificates(folder: &Folder, adopted: &Adopted) -> BTreeMap<std::path::PathBuf, Secret> {
    adopted.certificates.iter().map(|(name, text)| (folder.path.join(name), text.clone())).collect()
}
