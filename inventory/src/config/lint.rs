//! What must hold between keys, between regions, and between config.yaml and the inventory (research/oms.md 2.2). One
//! small function per rule; each adds its problems and none stops the others.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::ports::ports;
use super::versions::{Version, keys_of_version};
use crate::model::{OmsConfig, Region, TsdbService};
use crate::problem::{Place, Problem, ProblemCode, Problems};

/// What is known of a host's address before anybody has asked the host.
#[derive(Debug, Clone)]
pub(crate) struct NodeAddresses {
    pub(crate) name: String,
    /// `oms_host_ip`, else a literal `ansible_host` that is not loopback.
    pub(crate) address: Option<IpAddr>,
}

/// A region with the places of its values and the addresses of its hosts.
pub(crate) struct RegionToCheck<'run> {
    pub(crate) region: &'run Region,
    pub(crate) nodes: Vec<NodeAddresses>,
    /// Where each key of the region is written.
    pub(crate) places: BTreeMap<&'static str, Place>,
    /// The keys whose value could be read; rules look at no others.
    pub(crate) valid: BTreeSet<&'static str>,
    /// The lowest of its hosts' images; `None` when no image tells.
    pub(crate) version: Option<Version>,
    /// config.yaml as a whole, for keys that are written nowhere.
    pub(crate) file: Place,
}

impl RegionToCheck<'_> {
    pub(super) fn config(&self) -> &OmsConfig {
        &self.region.config
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.valid.contains(key)
    }

    /// Written and refused: nothing more is to be said about it.
    fn is_refused(&self, key: &str) -> bool {
        self.places.contains_key(key) && !self.has(key)
    }

    fn at(&self, key: &str) -> Place {
        self.places.get(key).unwrap_or(&self.file).clone()
    }

    pub(super) fn problem(&self, code: ProblemCode, key: &str, message: impl Into<String>) -> Problem {
        Problem::error(code, message).at(&self.at(key)).key(key)
    }
}

/// All rules over all regions.
pub(crate) fn check_regions(regions: &[RegionToCheck<'_>], problems: &mut Problems) {
    let hosts = regions.iter().map(|region| region.nodes.len()).sum();
    for region in regions {
        if region.has("cm_url") {
            cm_url_host(region, hosts, problems);
            cm_url_port(region, problems);
        }
        database_names(region, problems);
        ports(region, problems);
        keys_of_version(region, problems);
        tsdb(region, problems);
        meta_user(region, problems);
        listed_nodes(region, regions, problems);
    }
    if let [region] = regions {
        only_region_is_default(region, problems);
    }
    if regions.len() > 1 {
        one_default(regions, problems);
        unique(regions, "cm_location", |config| config.cm_location.to_string(), problems);
        unique(regions, "drc_cm_heartbeat_db", |config| config.heartbeat_db.clone(), problems);
        shared(regions, problems);
        regions_have_names(regions, problems);
        one_region_per_address(regions, problems);
    }
}

/// Loopback or one node: nobody else reaches the CM, and scaling out later takes surgery in the database.
fn cm_url_host(region: &RegionToCheck<'_>, hosts: usize, problems: &mut Problems) {
    let host = &region.config().cm_url.host;
    let address = host.parse::<IpAddr>().ok();
    let loopback = address.is_some_and(|address| address.is_loopback() || address.is_unspecified())
        || host == "localhost";
    let node =
        region.nodes.iter().find(|node| node.name == *host || (address.is_some() && node.address == address));
    let message = match node {
        _ if address.is_some_and(|address| address.is_unspecified()) => {
            format!("`cm_url` points to {host}, which is no host's address")
        }
        _ if loopback => "`cm_url` points to the loopback address, where no other host reaches it".to_owned(),
        Some(node) => format!("`cm_url` points to one node, {}", node.name),
        None => return,
    };
    let several = if loopback { hosts > 1 } else { region.nodes.len() > 1 };
    let mut problem =
        region.problem(ProblemCode::CmUrl, "cm_url", message).found(&region.config().cm_url.text);
    problem = problem.hint(if several {
        "use a virtual address or a name in front of all CM nodes, such as http://oms.example.com:8088"
    } else {
        "it works with one host; a second one needs a virtual address or a name here"
    });
    if !several {
        problem.severity = crate::Severity::Warning;
    }
    problems.push(problem);
}

/// 8088 is the CM, 8089 the console; they are mixed up all the time.
fn cm_url_port(region: &RegionToCheck<'_>, problems: &mut Problems) {
    let config = region.config();
    let port = config.cm_url.port_or_default();
    if port == 8089 || port == config.ports.nginx.number {
        let message = format!("`cm_url` has the port of the console, {port}");
        problems.push(
            region
                .problem(ProblemCode::CmUrl, "cm_url", message)
                .found(&config.cm_url.text)
                .allowed(format!("the port of the CM, {}", config.ports.cm.number)),
        );
    } else if port != config.ports.cm.number {
        let message = format!("`cm_url` has port {port}, and the CM listens on {}", config.ports.cm.number);
        let mut problem = region.problem(ProblemCode::CmUrl, "cm_url", message).found(&config.cm_url.text);
        problem.severity = crate::Severity::Warning;
        problems.push(problem.hint(format!(
            "right only where the virtual address maps the port; else write port {}, or set `cm_server_port`",
            config.ports.cm.number
        )));
    }
}

fn database_names(region: &RegionToCheck<'_>, problems: &mut Problems) {
    let config = region.config();
    let names = [
        ("drc_rm_db", &config.rm_db),
        ("drc_cm_db", &config.cm_db),
        ("drc_cm_heartbeat_db", &config.heartbeat_db),
    ];
    for (index, (key, name)) in names.iter().enumerate().filter(|(_, (key, _))| region.has(key)) {
        if let Some((other, _)) = names[..index].iter().find(|(_, before)| before.eq_ignore_ascii_case(name))
        {
            let message = format!("`{key}` and `{other}` name the same database");
            problems.push(
                region
                    .problem(ProblemCode::DatabaseNames, key, message)
                    .found(name.as_str())
                    .allowed("three different names, such as oms_rm, oms_cm and oms_cm_hb"),
            );
        }
    }
}

fn tsdb(region: &RegionToCheck<'_>, problems: &mut Problems) {
    let tsdb = &region.config().tsdb;
    let has_port = |url: &str| {
        url.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    let message = match &tsdb.url {
        Some(url) if url.contains("://") => Some("`tsdb_url` is written without a scheme"),
        Some(url) if !has_port(url) => Some("`tsdb_url` has no port"),
        Some(_) | None => None,
    };
    if let (Some(message), Some(url)) = (message, &tsdb.url) {
        let problem = region.problem(ProblemCode::Tsdb, "tsdb_url", message);
        problems.push(problem.found(url).allowed("ADDRESS:8086"));
    }
    if !tsdb.is_enabled() {
        return;
    }
    let missing = [
        ("tsdb_service", tsdb.service.is_none(), "INFLUXDB; OMS's own default, CERESDB, is not supported"),
        ("tsdb_url", tsdb.url.is_none(), "ADDRESS:8086"),
        ("tsdb_username", tsdb.username.is_none(), "the user of the time series database"),
        ("tsdb_password", tsdb.password.is_none(), "its password"),
    ];
    for (key, _, allowed) in
        missing.into_iter().filter(|(key, missing, _)| *missing && !region.is_refused(key))
    {
        let message = format!("`{key}` is missing while `tsdb_enabled` is true");
        let problem = region.problem(ProblemCode::Tsdb, "tsdb_enabled", message).allowed(allowed);
        problems.push(problem.key(key).hint(format!("write `{key}: …`, or `tsdb_enabled: false`")));
    }
    if tsdb.service == Some(TsdbService::Ceresdb) {
        let problem = region.problem(ProblemCode::Tsdb, "tsdb_service", "OMS does not support CERESDB");
        problems.push(problem.found("CERESDB").allowed("INFLUXDB"));
    }
}

fn meta_user(region: &RegionToCheck<'_>, problems: &mut Problems) {
    let user = &region.config().meta.user;
    if user.contains("@sys#") || user.ends_with("@sys") {
        let message =
            "`oms_meta_user` is a user of OceanBase's sys tenant, which is no place for OMS's databases";
        let mut problem = region.problem(ProblemCode::ConfigValue, "oms_meta_user", message).found(user);
        problem.severity = crate::Severity::Warning;
        problems.push(problem.hint("make a tenant for OMS and write user@tenant#cluster"));
    }
}

/// A host that `cm_nodes` lists and the inventory lacks would be dropped from the cluster.
fn listed_nodes(region: &RegionToCheck<'_>, regions: &[RegionToCheck<'_>], problems: &mut Problems) {
    let Some(listed) = &region.config().listed_nodes else { return };
    // A list that several regions inherit from the file may name the hosts of all of them.
    let shared = regions.iter().filter(|other| other.places.get("cm_nodes") == region.places.get("cm_nodes"));
    let nodes: Vec<&NodeAddresses> = shared.flat_map(|region| &region.nodes).collect();
    let strangers: Vec<&IpAddr> =
        listed.iter().filter(|listed| !nodes.iter().any(|node| node.address == Some(**listed))).collect();
    // Hosts whose address only the host itself can tell may be meant.
    let undecided = nodes.iter().filter(|node| node.address.is_none()).count();
    if strangers.len() <= undecided {
        return;
    }
    for stranger in strangers {
        let message = format!("`cm_nodes` lists {stranger}, and the inventory has no host with that address");
        problems.push(region.problem(ProblemCode::CmNodes, "cm_nodes", message).found(stranger.to_string()).hint(
            "add the host to the inventory (or oms_host_ip to its line), or delete it here if it never was part of the cluster; `omsctl remove HOST` takes a running host out",
        ));
    }
}

/// Another inventory may have the default region.
fn only_region_is_default(region: &RegionToCheck<'_>, problems: &mut Problems) {
    if region.config().is_default || !region.has("cm_is_default") {
        return;
    }
    let message = "the only region is not the default region";
    let mut problem = region.problem(ProblemCode::Regions, "cm_is_default", message);
    problem.severity = crate::Severity::Warning;
    problems.push(problem.hint(
        "write `cm_is_default: true`, unless another inventory with the same MetaDB has the default region",
    ));
}

fn one_default(regions: &[RegionToCheck<'_>], problems: &mut Problems) {
    let defaults: Vec<_> = regions.iter().filter(|region| region.config().is_default).collect();
    if defaults.len() == 1 || regions.iter().any(|region| region.is_refused("cm_is_default")) {
        return;
    }
    let names: Vec<_> = regions.iter().map(|region| region.region.name.as_str()).collect();
    let hint =
        "set `cm_is_default=true` in one region's group variables and `cm_is_default=false` in the others";
    if defaults.is_empty() {
        let message = "no region is the default region";
        let problem = regions[0].problem(ProblemCode::Regions, "cm_is_default", message);
        problems.push(problem.found(format!("regions {}", names.join(", "))).hint(hint));
        return;
    }
    for region in &defaults[1..] {
        let (this, first) = (&region.region.name, &defaults[0].region.name);
        let message = format!("the regions `{first}` and `{this}` are both the default region");
        problems.push(region.problem(ProblemCode::Regions, "cm_is_default", message).hint(hint));
    }
}

fn unique(
    regions: &[RegionToCheck<'_>],
    key: &'static str,
    value: impl Fn(&OmsConfig) -> String,
    problems: &mut Problems,
) {
    for (index, region) in regions.iter().enumerate() {
        let this = value(region.config());
        let same =
            |other: &&RegionToCheck<'_>| other.has(key) && value(other.config()).eq_ignore_ascii_case(&this);
        if let Some(other) = regions[..index].iter().find(same).filter(|_| region.has(key)) {
            let (name, before) = (&region.region.name, &other.region.name);
            let message = format!("the regions `{before}` and `{name}` have the same `{key}`");
            let problem = region.problem(ProblemCode::Regions, key, message).found(this);
            problems.push(problem.hint(format!("set another `{key}` in the group variables of `{name}`")));
        }
    }
}

/// The MetaDB, two of its databases and the time series database are one for all regions.
fn shared(regions: &[RegionToCheck<'_>], problems: &mut Problems) {
    type Part = fn(&OmsConfig) -> String;
    let parts: [(&str, Part); 11] = [
        ("oms_meta_host", |config| config.meta.host.clone()),
        ("oms_meta_port", |config| config.meta.port.to_string()),
        ("oms_meta_user", |config| config.meta.user.clone()),
        ("oms_meta_password", |config| config.meta.password.expose().to_owned()),
        ("drc_rm_db", |config| config.rm_db.clone()),
        ("drc_cm_db", |config| config.cm_db.clone()),
        ("tsdb_enabled", |config| config.tsdb.is_enabled().to_string()),
        ("tsdb_service", |config| config.tsdb.service.map_or("", TsdbService::as_str).to_owned()),
        ("tsdb_url", |config| config.tsdb.url.clone().unwrap_or_default()),
        ("tsdb_username", |config| config.tsdb.username.clone().unwrap_or_default()),
        ("tsdb_password", |config| secret(config.tsdb.password.as_ref())),
    ];
    for (key, value) in parts {
        for region in &regions[1..] {
            let readable = !region.is_refused(key) && !regions[0].is_refused(key);
            if readable && value(region.config()) != value(regions[0].config()) {
                let (this, first) = (&region.region.name, &regions[0].region.name);
                let message = format!("`{key}` differs between the regions `{first}` and `{this}`");
                let problem = region.problem(ProblemCode::Regions, key, message);
                problems.push(problem.hint("it must be the same in all regions: leave it to config.yaml"));
            }
        }
    }
}

fn secret(secret: Option<&omsctl_proto::Secret>) -> String {
    secret.map(|secret| secret.expose().to_owned()).unwrap_or_default()
}

/// The manual asks for both; only its Chinese pages say that the second one is what people read.
fn regions_have_names(regions: &[RegionToCheck<'_>], problems: &mut Problems) {
    type Name = fn(&OmsConfig) -> bool;
    let names: [(&str, Name, &str); 2] = [
        ("cm_region", |config| config.cm_region.is_none(), "cm_region=cn-jiangsu"),
        (
            "cm_region_cn",
            |config| config.cm_region_cn.is_none(),
            "cm_region_cn=cn-jiangsu; it is what OMS's Chinese pages show, and may be the same as `cm_region`",
        ),
    ];
    for region in regions {
        for (key, _, example) in
            names.into_iter().filter(|(key, missing, _)| missing(region.config()) && !region.is_refused(key))
        {
            let name = &region.region.name;
            let message = format!("the region `{name}` needs `{key}` when there are several");
            let problem = region.problem(ProblemCode::MissingKey, "cm_location", message).key(key);
            problems.push(
                problem
                    .hint(format!("set it beside `cm_location` in the group variables, such as {example}")),
            );
        }
    }
}

fn one_region_per_address(regions: &[RegionToCheck<'_>], problems: &mut Problems) {
    for (index, region) in regions.iter().enumerate() {
        let Some(listed) = &region.config().listed_nodes else { continue };
        for other in &regions[..index] {
            if other.places.get("cm_nodes") == region.places.get("cm_nodes") {
                continue;
            }
            let also =
                other.config().listed_nodes.iter().flatten().filter(|address| listed.contains(address));
            for address in also {
                let (this, first) = (&region.region.name, &other.region.name);
                let message = format!("`cm_nodes` of the regions `{first}` and `{this}` both list {address}");
                problems.push(
                    region.problem(ProblemCode::CmNodes, "cm_nodes", message).found(address.to_string()),
                );
            }
        }
    }
}
