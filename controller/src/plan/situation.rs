//! What is wanted and what was seen, side by side, with the questions that several parts of the planner ask of both.

use std::collections::BTreeMap;
use std::net::IpAddr;

use omsctl_inventory::{Deployment, Host, OmsConfig, Region};
use omsctl_proto::{ContainerFacts, ErrorCode, ErrorReport, Facts, InitState, NodeName};

use super::input::{Goal, Observed};
use crate::ports::MetaDbFacts;

/// The whole input with the addresses resolved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) observed: &'a Observed,
    pub(super) goal: &'a Goal,
    pub(super) addresses: &'a BTreeMap<NodeName, IpAddr>,
}

impl<'a> Situation<'a> {
    pub(super) fn facts(self, node: &NodeName) -> Option<&'a Facts> {
        self.observed.facts.get(node).and_then(|facts| facts.as_ref().ok())
    }

    /// What the host answered, or why it did not.
    pub(super) fn answer(self, node: &NodeName) -> Result<&'a Facts, ErrorReport> {
        match self.observed.facts.get(node) {
            Some(Ok(facts)) => Ok(facts),
            Some(Err(error)) => Err(error.clone()),
            None => Err(ErrorReport::new(ErrorCode::Unreachable, "the host was not asked")),
        }
    }

    pub(super) fn container(self, node: &NodeName) -> Option<&'a ContainerFacts> {
        self.facts(node).and_then(|facts| facts.container.as_ref())
    }

    pub(super) fn metadb(self) -> Option<&'a MetaDbFacts> {
        self.observed.metadb.as_ref().and_then(|facts| facts.as_ref().ok())
    }

    pub(super) fn config(self, host: &Host) -> Option<&'a OmsConfig> {
        self.region(host).map(|region| &region.config)
    }

    pub(super) fn region(self, host: &Host) -> Option<&'a Region> {
        self.deployment.region(&host.region)
    }

    /// The names of OMS's databases.
    pub(super) fn databases(self) -> std::collections::BTreeSet<String> {
        let regions = self.deployment.regions.iter().map(|region| &region.config);
        regions.flat_map(|config| [&config.rm_db, &config.cm_db, &config.heartbeat_db]).cloned().collect()
    }

    /// Addresses of the region's hosts in inventory order; a host without a known address is missing here.
    pub(super) fn nodes_of(self, region: &Region) -> Vec<IpAddr> {
        region.hosts.iter().filter_map(|node| self.addresses.get(node).copied()).collect()
    }

    /// Some host of this inventory has the address.
    pub(super) fn is_ours(self, address: &str) -> bool {
        self.addresses.values().any(|own| is_address(address, *own))
    }

    /// Hosts whose container is initialised, is about to be, or may be: a stopped one cannot be asked.
    pub(super) fn members(self) -> impl Iterator<Item = &'a Host> {
        self.deployment
            .hosts
            .iter()
            .filter(move |host| self.container(&host.name).is_some_and(may_be_initialised))
    }
}

/// Nothing that an initialised container depends on may change under it.
pub(super) fn may_be_initialised(container: &ContainerFacts) -> bool {
    match container.initialisation.state {
        InitState::Succeeded | InitState::Running | InitState::CannotTell => true,
        InitState::NotBegun | InitState::Failed | InitState::Interrupted => false,
    }
}

/// The host does work for the cluster right now.
pub(super) fn serves(container: &ContainerFacts) -> bool {
    container.running && container.initialisation.state == InitState::Succeeded
}

/// It serves, and OMS itself says that all is well.
pub(super) fn is_healthy(container: &ContainerFacts) -> bool {
    serves(container) && container.health.as_ref().is_some_and(|health| health.healthy)
}

/// One address in two notations is one address.
pub(super) fn is_address(text: &str, address: IpAddr) -> bool {
    text.trim().parse::<IpAddr>().map(|parsed| parsed.to_canonical()) == Ok(address.to_canonical())
}
