//! What the planner gives: the steps of every host, what has to travel beside them, and what to tell. Data and views
//! of that data only.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;

use omsctl_proto::{
    ErrorReport, Fingerprint, Gate, GateRow, GateTable, InitOrder, MetaDbProof, NodeName, NodePlan,
    PlannedStep, Role, RunId, Secret, SecretName, Step, StepId,
};

/// Everything that a rollout does, and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Every selected host that can be planned, in the order of the deployment; without steps where nothing differs.
    pub nodes: Vec<NodeSteps>,
    /// The order in which the schema gate is offered: exactly the hosts that have that gate.
    pub schema_order: Vec<NodeName>,
    /// `oms_init_order: sequential`: the schema gate passes on when its holder is healthy, not before.
    pub sequential: bool,
    /// What the secret names in the steps mean, for each host.
    pub secrets: BTreeMap<NodeName, BTreeMap<SecretName, Secret>>,
    /// Selected hosts that did not answer.
    pub unreachable: BTreeMap<NodeName, ErrorReport>,
    /// Selected hosts that `--keep-going` leaves out, and why.
    pub left_out: BTreeMap<NodeName, ErrorReport>,
    /// Hosts that leave the cluster and will never answer again, with what the MetaDB lists of them.
    pub forgotten: BTreeMap<NodeName, IpAddr>,
    /// Databases that go when no container is left, in this order.
    pub dropped: Vec<String>,
    /// Worth telling the operator, and no reason to stop.
    pub warnings: Vec<String>,
}

/// The part of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSteps {
    pub node: NodeName,
    pub role: Role,
    /// The agent's steps.
    pub steps: Vec<Step>,
    /// What the MetaDB has to show after its last step.
    pub proof: MetaDbProof,
    /// Why it has to show that; `None` when it does so already.
    pub register: Option<String>,
}

impl Plan {
    /// The total of steps, registrations included.
    pub fn changes(&self) -> usize {
        self.nodes.iter().map(|node| node.planned().len()).sum::<usize>()
            + self.forgotten.len()
            + self.dropped.len()
    }

    /// The hosts that have something to do, in the order of the schema gate.
    pub fn busy(&self) -> Vec<&NodeSteps> {
        let mut nodes: Vec<&NodeSteps> = self.nodes.iter().filter(|node| !node.is_empty()).collect();
        let place = |node: &NodeSteps| self.schema_order.iter().position(|name| *name == node.node);
        nodes.sort_by_key(|node| place(node).unwrap_or(usize::MAX));
        nodes
    }

    /// What all hosts of the rollout are told about its gates.
    pub fn table(
        &self,
        max_failures: Option<NonZeroUsize>,
        cm_url: Option<String>,
        goal: Fingerprint,
    ) -> GateTable {
        GateTable {
            hosts: self.busy().into_iter().map(NodeSteps::row).collect(),
            init_order: if self.sequential { InitOrder::Sequential } else { InitOrder::Staggered },
            max_failures,
            cm_url,
            goal,
        }
    }

    /// Every host with its steps as they are announced, those included that only leave the MetaDB.
    pub fn announced(&self) -> Vec<(NodeName, Vec<PlannedStep>)> {
        let forgotten = self.forgotten.iter().map(|(node, address)| {
            let why = format!("it is gone for good, and the MetaDB lists {address}");
            (node.clone(), vec![PlannedStep { id: StepId::Deregister, why, gate: None }])
        });
        self.nodes.iter().map(|node| (node.node.clone(), node.planned())).chain(forgotten).collect()
    }

    /// More of what a host needs and its steps only name.
    pub(super) fn secrets_add(&mut self, secrets: Option<(NodeName, BTreeMap<SecretName, Secret>)>) {
        if let Some((node, secrets)) = secrets {
            self.secrets.entry(node).or_default().extend(secrets);
        }
    }

    pub fn node(&self, name: &NodeName) -> Option<&NodeSteps> {
        self.nodes.iter().find(|node| node.node == *name)
    }
}

impl NodeSteps {
    /// Nothing differs on this host.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.register.is_none()
    }

    /// The steps as they are announced, the controller's own included.
    pub fn planned(&self) -> Vec<PlannedStep> {
        let own =
            self.register.iter().map(|why| PlannedStep { id: self.proving(), why: why.clone(), gate: None });
        let steps = self.steps.iter();
        steps
            .map(|step| PlannedStep { id: step.id(), why: step.why.clone(), gate: step.gate })
            .chain(own)
            .collect()
    }

    /// What the agent of this host is given.
    pub fn node_plan(&self, run: &RunId, command: &str, table: &GateTable) -> NodePlan {
        NodePlan {
            run: run.clone(),
            node: self.node.clone(),
            command: command.to_owned(),
            steps: self.steps.clone(),
            table: table.clone(),
        }
    }

    /// The controller's own step at the end.
    fn proving(&self) -> StepId {
        match self.proof {
            MetaDbProof::Registered | MetaDbProof::LoggedIn | MetaDbProof::Nothing => StepId::Register,
            MetaDbProof::Removed => StepId::Deregister,
        }
    }

    fn row(&self) -> GateRow {
        GateRow {
            node: self.node.clone(),
            role: self.role,
            gates: self.steps.iter().filter_map(|step| step.gate).collect(),
            proof: self.proof,
            serves_tsdb: self.step(StepId::ServeTsdb).is_some(),
        }
    }

    pub fn has_gate(&self, gate: Gate) -> bool {
        self.steps.iter().any(|step| step.gate == Some(gate))
    }

    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id() == id)
    }
}
