//! Why no plan is made. Every refusal says what was found, what was wanted, and what to do now; nothing was changed.

use std::net::IpAddr;
use std::path::PathBuf;

use omsctl_proto::{CheckResult, CheckStatus, ErrorCode, ErrorReport, NodeName};

use crate::ports::MetaDbError;

/// One reason not to begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{node}: oms_host_ip is {address}, and no interface of the host has it")]
    AddressNotOnHost { node: NodeName, address: IpAddr, has: Vec<IpAddr> },
    #[error("{node}: the address by which OMS knows the host cannot be told")]
    AddressUnknown { node: NodeName, reason: String, has: Vec<IpAddr> },
    #[error("{} have one address: {address}", list(nodes))]
    AddressTwice { address: IpAddr, nodes: Vec<NodeName> },
    #[error("cm_nodes of config.yaml lists {address}, and no host of the inventory has it")]
    ListedNodeUnknown { address: IpAddr, place: Option<String> },

    #[error("{node}: Docker does not answer")]
    Docker { node: NodeName, cause: String },
    #[error("the archive {} was not read", path.display())]
    ArchiveUnread { path: PathBuf },
    #[error("the file {} was not read", path.display())]
    CertificateUnread { path: PathBuf },
    #[error("{node}: {what}")]
    Certificate { node: NodeName, what: String, way: &'static str },
    #[error("{node}: the tag of {reference} does not tell the version of OMS")]
    InitialiserUnknown { node: NodeName, reference: String },

    #[error("the MetaDB cannot be read, so nobody knows whose cluster it holds")]
    MetaDbUnread { cause: Option<MetaDbError>, way: Option<&'static str> },
    #[error("the MetaDB holds another cluster")]
    AnotherCluster { holds: Vec<String> },
    #[error("{address} belongs to the cluster, and no host of the inventory has it")]
    HostNotInInventory { address: String, listed_by: Vec<String> },
    #[error("the cluster has a region{} with cm_location {code}, and the inventory has none", called(region))]
    RegionNotInInventory { region: String, code: String, cm_url: String },
    #[error("the default region has cm_location {is}, the files want it to be {region} with {wants}")]
    AnotherDefault { is: String, wants: u8, region: String },
    #[error("cm_url of a running cluster changes{}: it is {old}, the files say {new}", in_region(region))]
    CmUrlMoves { region: String, old: String, new: String, nodes: Vec<NodeName> },
    #[error("cm_url cannot be moved now: {what}")]
    CannotMove { what: String, way: String },
    #[error("the password of the MetaDB cannot be changed now: {what}")]
    CannotRotate { what: String, way: String },
    #[error("{}{what} of an initialised cluster never changes: it is {old}, the files say {new}", at(node.as_ref()))]
    Immutable { node: Option<NodeName>, what: String, old: String, new: String },
    #[error("the cluster runs OMS {runs}, the wanted image is {wants}")]
    Upgrade { runs: String, wants: String },
    #[error("OMS cannot be upgraded from {from} to {to}: {why}")]
    UpgradePath { from: String, to: String, why: String },
    #[error("HA is on, and would build anew elsewhere what stops with its host")]
    HighAvailabilityOn,
    #[error("the cluster is between two versions: {} on {wants}, {} not", list(after), list(before))]
    Unfinished { wants: String, before: Vec<NodeName>, after: Vec<NodeName> },
    #[error("{}: a change of {key} takes more than a new config.yaml", list(nodes))]
    TakesMore { nodes: Vec<NodeName>, key: String, old: String, new: String, way: String },
    #[error("{node} is outside --limit and is being initialised")]
    InitialisationElsewhere { node: NodeName, proof: String },

    #[error("{node}: {what}")]
    Unfit { node: NodeName, what: String, way: String },
    #[error("nobody would be left who serves{}", in_region(region))]
    Outage { region: String, nodes: Vec<NodeName>, way: String },

    #[error("{node} shall run the time-series database, does not yet, and is not part of this")]
    TsdbAway { node: NodeName, reader: NodeName, why: String, way: String },
    #[error("the plan breaks a rule of its own: {rule}")]
    Rule { rule: String },
}

/// All reasons at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(_0))]
pub struct Refusals(pub Vec<Refusal>);

impl Refusal {
    /// The host it is about; `None` for the whole cluster.
    pub fn node(&self) -> Option<&NodeName> {
        match self {
            Self::AddressNotOnHost { node, .. }
            | Self::AddressUnknown { node, .. }
            | Self::Docker { node, .. }
            | Self::Certificate { node, .. }
            | Self::InitialiserUnknown { node, .. }
            | Self::Unfit { node, .. } => Some(node),
            Self::Immutable { node, .. } => node.as_ref(),
            Self::AddressTwice { .. }
            | Self::ListedNodeUnknown { .. }
            | Self::ArchiveUnread { .. }
            | Self::CertificateUnread { .. }
            | Self::MetaDbUnread { .. }
            | Self::AnotherCluster { .. }
            | Self::HostNotInInventory { .. }
            | Self::RegionNotInInventory { .. }
            | Self::AnotherDefault { .. }
            | Self::CmUrlMoves { .. }
            | Self::CannotMove { .. }
            | Self::CannotRotate { .. }
            | Self::Upgrade { .. }
            | Self::UpgradePath { .. }
            | Self::HighAvailabilityOn
            | Self::Unfinished { .. }
            | Self::TakesMore { .. }
            | Self::InitialisationElsewhere { .. }
            | Self::Outage { .. }
            | Self::TsdbAway { .. }
            | Self::Rule { .. } => None,
        }
    }

    /// With code, causes and remedy, as it is shown anywhere.
    pub fn report(&self) -> ErrorReport {
        let mut report = ErrorReport::new(self.code(), self.to_string());
        report.causes = self.causes();
        report.hint(self.hint())
    }

    /// As a failed row of `check`.
    pub fn check(&self, name: &str) -> CheckResult {
        CheckResult {
            node: self.node().cloned(),
            name: name.to_owned(),
            status: CheckStatus::Fail,
            expected: self.expected().to_owned(),
            found: self.report().one_line(),
            fix: self.hint(),
        }
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::AddressNotOnHost { .. }
            | Self::AddressUnknown { .. }
            | Self::AddressTwice { .. }
            | Self::ListedNodeUnknown { .. }
            | Self::TakesMore { .. }
            | Self::Unfit { .. }
            | Self::Outage { .. } => ErrorCode::Container,
            Self::Docker { .. } => ErrorCode::Docker,
            Self::ArchiveUnread { .. }
            | Self::Upgrade { .. }
            | Self::UpgradePath { .. }
            | Self::Unfinished { .. } => ErrorCode::Image,
            Self::CertificateUnread { .. } | Self::Certificate { .. } => ErrorCode::File,
            Self::InitialiserUnknown { .. } | Self::InitialisationElsewhere { .. } => {
                ErrorCode::Initialisation
            }
            Self::MetaDbUnread { .. }
            | Self::AnotherCluster { .. }
            | Self::HostNotInInventory { .. }
            | Self::HighAvailabilityOn
            | Self::RegionNotInInventory { .. }
            | Self::AnotherDefault { .. }
            | Self::CmUrlMoves { .. }
            | Self::CannotMove { .. }
            | Self::CannotRotate { .. }
            | Self::Immutable { .. } => ErrorCode::Metadb,
            Self::TsdbAway { .. } => ErrorCode::Tsdb,
            Self::Rule { .. } => ErrorCode::Internal,
        }
    }

    fn causes(&self) -> Vec<String> {
        match self {
            Self::AddressNotOnHost { has, .. } => vec![has_addresses(has)],
            Self::AddressUnknown { reason, has, .. } => vec![reason.clone(), has_addresses(has)],
            Self::ListedNodeUnknown { place, .. } => {
                place.iter().map(|at| format!("listed at {at}")).collect()
            }
            Self::Docker { cause, .. } => vec![cause.clone()],
            Self::MetaDbUnread { cause, .. } => cause.iter().map(ToString::to_string).collect(),
            Self::AnotherCluster { holds } => holds.clone(),
            Self::HostNotInInventory { listed_by, .. } => vec![format!("listed by {}", listed_by.join(", "))],
            Self::RegionNotInInventory { cm_url, .. } => vec![format!("its cm_url is {cm_url}")],
            Self::TakesMore { old, new, .. } => vec![format!("it is {old}, the files say {new}")],
            Self::InitialisationElsewhere { proof, .. } => vec![proof.clone()],
            Self::TsdbAway { why, reader, .. } => {
                vec![why.clone(), format!("OMS on {reader} would be told of it and restart for ever")]
            }
            Self::Outage { nodes, .. } => vec![format!("healthy now: {}", list(nodes))],
            Self::AddressTwice { .. }
            | Self::ArchiveUnread { .. }
            | Self::CertificateUnread { .. }
            | Self::Certificate { .. }
            | Self::InitialiserUnknown { .. }
            | Self::AnotherDefault { .. }
            | Self::CmUrlMoves { .. }
            | Self::CannotMove { .. }
            | Self::CannotRotate { .. }
            | Self::Immutable { .. }
            | Self::Upgrade { .. }
            | Self::UpgradePath { .. }
            | Self::HighAvailabilityOn
            | Self::Unfinished { .. }
            | Self::Unfit { .. }
            | Self::Rule { .. } => Vec::new(),
        }
    }

    /// What should be there instead.
    fn expected(&self) -> &'static str {
        match self {
            Self::AddressNotOnHost { .. } | Self::AddressUnknown { .. } => "an address of the host",
            Self::AddressTwice { .. } => "another address for each host",
            Self::ListedNodeUnknown { .. } | Self::HostNotInInventory { .. } => {
                "every host of the cluster has a line in the inventory"
            }
            Self::RegionNotInInventory { .. } => "every region of the cluster has a group in the inventory",
            Self::CmUrlMoves { .. } => "the cm_url that cluster_info has",
            Self::CannotRotate { .. } => "every host of the inventory takes part",
            Self::CannotMove { .. } => "every host of the region stands while cm_url moves",
            Self::AnotherDefault { .. } => "the default region that the cluster has",
            Self::Docker { .. } => "Docker answers",
            Self::ArchiveUnread { .. } | Self::CertificateUnread { .. } => "a readable file",
            Self::Certificate { .. } => "a certificate with its key",
            Self::InitialiserUnknown { .. } => "oms_init_by, or a tag with a version",
            Self::MetaDbUnread { .. } => "the MetaDB answers",
            Self::AnotherCluster { .. } => "empty databases, or this cluster",
            Self::Immutable { .. } => "what the cluster was initialised with",
            Self::Upgrade { .. } => "the version that the cluster runs",
            Self::UpgradePath { .. } => "a path that OMS's manuals know",
            Self::HighAvailabilityOn => "HA is off",
            Self::Unfinished { .. } => "one version on all hosts",
            Self::TakesMore { .. } => "keys that a new config.yaml can change",
            Self::InitialisationElsewhere { .. } => "no initialisation outside --limit",
            Self::Unfit { .. } => "an initialised container of OMS",
            Self::Outage { .. } => "a healthy host that stays",
            Self::TsdbAway { .. } => "the time-series database serves, or is brought up first",
            Self::Rule { .. } => "a plan that keeps its rules",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::AddressNotOnHost { node, .. } | Self::AddressUnknown { node, .. } => {
                format!("set oms_host_ip of {node} to an address that the other hosts reach it by")
            }
            Self::AddressTwice { .. } => "give each host its own ansible_host or oms_host_ip".to_owned(),
            Self::ListedNodeUnknown { .. } => {
                "add the host's line to the inventory, or take the address out of \
                 cm_nodes (omsctl writes the list itself)"
                    .to_owned()
            }
            Self::Docker { .. } => {
                "install or start Docker there (`systemctl start docker`), or leave the host \
                 out with --keep-going"
                    .to_owned()
            }
            Self::ArchiveUnread { .. } => "see the message about the archive above".to_owned(),
            Self::CertificateUnread { .. } => "make it readable for who runs omsctl".to_owned(),
            Self::Certificate { way, .. } => (*way).to_owned(),
            Self::InitialiserUnknown { .. } => {
                "set oms_init_by to `script` (up to OMS 4.2.10) or `self` (from \
                 4.2.11 on)"
                    .to_owned()
            }
            Self::MetaDbUnread { way, .. } => {
                way.unwrap_or("mend what `omsctl check` shows as metadb_login, then run this again").to_owned()
            }
            Self::AnotherCluster { .. } => {
                "use other database names in config.yaml; if these hosts shall join \
                 that cluster, add --join-metadb"
                    .to_owned()
            }
            Self::HostNotInInventory { address, .. } => format!(
                "put its line back into the inventory; to take the host out of the cluster: \
                 `omsctl remove {address}` while its line is there. If a host of the inventory has that address and \
                 does not answer now, set its oms_host_ip"
            ),
            Self::RegionNotInInventory { .. } => {
                "put its group back into the inventory, with its hosts and its cm_location; if another inventory has \
                 that region on purpose, add --join-metadb"
                    .to_owned()
            }
            Self::AnotherDefault { region, .. } => format!(
                "set cm_is_default=false in the group variables of {region} (the manual's template for one more region \
                 says true), and leave it true where it was"
            ),
            Self::CmUrlMoves { nodes, .. } => format!(
                "put the former value back; or move it as the manual has it: `omsctl apply --move-cm-url` stops OMS on {}, \
                 takes the former one out of cluster_info (what was there is in the history), and initialises OMS again in \
                 new containers there, before other hosts are added",
                list(nodes)
            ),
            Self::Immutable { .. } => "put the former value back".to_owned(),
            Self::Upgrade { .. } => {
                "`omsctl upgrade` changes the version of a cluster; or name the image that \
                 it runs"
                    .to_owned()
            }
            Self::UpgradePath { .. } => {
                "upgrade to a version in between first, with its image, or read the manual of the wanted one".to_owned()
            }
            Self::HighAvailabilityOn => {
                "turn ha.config off in the console or by `omsctl ha disable --write-metadb`, and on afterwards".to_owned()
            }
            Self::Unfinished { .. } => {
                "`omsctl upgrade` goes on to the new version, `omsctl rollback` goes back to the former one".to_owned()
            }
            Self::TakesMore { way, .. }
            | Self::Unfit { way, .. }
            | Self::Outage { way, .. }
            | Self::CannotRotate { way, .. }
            | Self::CannotMove { way, .. }
            | Self::TsdbAway { way, .. } => way.clone(),
            Self::InitialisationElsewhere { .. } => {
                "run this again without --limit: the schema step runs on one host at a time".to_owned()
            }
            Self::Rule { .. } => "this is a bug of omsctl: nothing was changed; please report it with \
                 `omsctl plan --format json`"
                .to_owned(),
        }
    }
}

impl Refusals {
    pub fn reports(&self) -> Vec<ErrorReport> {
        self.0.iter().map(Refusal::report).collect()
    }
}

fn has_addresses(has: &[IpAddr]) -> String {
    if has.is_empty() {
        return "the host shows no address".to_owned();
    }
    let has: Vec<String> = has.iter().map(ToString::to_string).collect();
    format!("the host has {}", has.join(", "))
}

fn at(node: Option<&NodeName>) -> String {
    node.map(|node| format!("{node}: ")).unwrap_or_default()
}

fn called(region: &str) -> String {
    if region.is_empty() { String::new() } else { format!(" {region}") }
}

fn in_region(region: &str) -> String {
    if region.is_empty() { String::new() } else { format!(" in the region {region}") }
}

fn list(nodes: &[NodeName]) -> String {
    nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ")
}

fn lines(refusals: &[Refusal]) -> String {
    refusals.iter().map(|refusal| refusal.report().one_line()).collect::<Vec<_>>().join("\n")
}
