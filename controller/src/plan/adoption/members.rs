//! Who belongs to the cluster, by the hosts' own `cm_nodes` and by the MetaDB: an inventory without one of them would be
//! one that drops it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use omsctl_proto::{ErrorCode, ErrorReport};

use super::super::situation::is_address;
use super::SeenHost;
use super::reading::{GoneHost, ReadHost, ReadRegion, Reading, value};
use crate::ports::{MetaDbError, MetaDbFacts};

/// Two names of one machine.
pub(super) fn same_machine(seen: &[SeenHost]) -> Vec<ErrorReport> {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for host in seen {
        names.entry(&host.facts.host_id).or_default().push(host.node.as_str());
    }
    let twice = names.into_values().filter(|names| names.len() > 1);
    let told = twice.map(|names| {
        let what = format!("{} are one machine", names.join(" and "));
        ErrorReport::new(ErrorCode::Container, what).hint("give each machine once")
    });
    told.collect()
}

/// Two containers with one `OMS_HOST_IP`.
pub(super) fn same_address(hosts: &[ReadHost]) -> Vec<ErrorReport> {
    let mut names: BTreeMap<IpAddr, Vec<&str>> = BTreeMap::new();
    for host in hosts {
        names
            .entry(match host.address {
                Some(address) => address.to_canonical(),
                None => continue,
            })
            .or_default()
            .push(host.node().as_str());
    }
    let twice = names.into_iter().filter(|(_, names)| names.len() > 1);
    let told = twice.map(|(address, names)| {
        let what = format!("{} have one OMS_HOST_IP: {address}", names.join(" and "));
        ErrorReport::new(ErrorCode::Container, what)
            .hint("it is OMS's identity of a host: make the container of all but one anew with that host's own address")
    });
    told.collect()
}

/// Members that were not given; and those that are gone, with the region that each was in.
pub(super) fn missing(
    reading: &Reading,
    metadb: Option<&Result<MetaDbFacts, MetaDbError>>,
    gone: &[IpAddr],
) -> (Vec<ErrorReport>, Vec<GoneHost>) {
    let read = metadb.and_then(|read| read.as_ref().ok());
    let mut refusals = Vec::new();
    let mut told: Vec<GoneHost> = Vec::new();
    let mut listed = strangers(reading, read);
    for address in gone.iter().collect::<std::collections::BTreeSet<_>>() {
        let known: Vec<String> = listed.keys().filter(|text| is_address(text, *address)).cloned().collect();
        if known.is_empty() {
            let what = format!("{address} is given as gone, and is no member without a host");
            refusals.push(
                ErrorReport::new(ErrorCode::Container, what)
                    .cause(
                        "neither cm_nodes of the given hosts nor the MetaDB has it, or its host is given too",
                    )
                    .hint("leave --gone away"),
            );
        } else {
            told.push(GoneHost { address: *address, region: region_of(reading, read, *address) });
        }
        listed.retain(|text, _| !known.contains(text));
    }
    refusals.extend(listed.into_iter().map(|(address, by)| {
        let what = format!("{address} belongs to the cluster, and is none of the hosts that were given");
        ErrorReport::new(ErrorCode::Container, what)
            .cause(format!("listed by {}", by.join(", ")))
            .hint(format!("give its host too; when that never comes back: --gone {address}"))
    }));
    // The hosts of such a region are told already, as far as the MetaDB has them.
    if refusals.is_empty() {
        refusals.extend(regions_left_out(reading, read));
    }
    (refusals, told)
}

/// Addresses that no given host has, each with who lists it.
fn strangers(reading: &Reading, metadb: Option<&MetaDbFacts>) -> BTreeMap<String, Vec<String>> {
    let mut listed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for host in &reading.hosts {
        for address in host.listed.iter().filter(|address| !is_adopted(reading, address)) {
            listed.entry(address.clone()).or_default().push(format!("cm_nodes of {}", host.node()));
        }
    }
    for row in metadb.iter().flat_map(|metadb| &metadb.hosts) {
        if !is_adopted(reading, &row.ip) {
            let by = format!("the MetaDB, where it is {}", row.status);
            listed.entry(row.ip.clone()).or_default().push(by);
        }
    }
    listed
}

/// That of a host whose `cm_nodes` has the address, else that of its group in the MetaDB, else the first.
fn region_of(reading: &Reading, metadb: Option<&MetaDbFacts>, address: IpAddr) -> usize {
    let lists = |index: &usize| {
        let host = reading.hosts.get(*index);
        host.is_some_and(|host| host.listed.iter().any(|text| is_address(text, address)))
    };
    let group = || {
        let row = metadb?.hosts.iter().find(|row| is_address(&row.ip, address))?;
        let location = metadb?.resource_groups.get(&row.resource_group?)?;
        let of_region =
            |region: &ReadRegion| value(&region.keys, "cm_location").as_deref() == Some(location.trim());
        reading.regions.iter().position(of_region)
    };
    let by_hosts = reading.regions.iter().position(|region| region.hosts.iter().any(&lists));
    by_hosts.or_else(group).unwrap_or_default()
}

fn regions_left_out(reading: &Reading, metadb: Option<&MetaDbFacts>) -> Vec<ErrorReport> {
    let is_there = |code: Option<u8>| {
        let locations = reading.regions.iter().filter_map(|region| value(&region.keys, "cm_location"));
        locations.into_iter().any(|text| text.parse().ok() == code)
    };
    let rows = metadb.iter().flat_map(|metadb| &metadb.clusters).filter(|row| !is_there(row.location()));
    let told = rows.map(|row| {
        let what =
            format!("the cluster has a region with cm_location {}, and no given host is of it", row.code);
        ErrorReport::new(ErrorCode::Metadb, what)
            .cause(format!("its cm_url is {}", row.cm_url))
            .hint("give the hosts of that region too")
    });
    told.collect()
}

fn is_adopted(reading: &Reading, address: &str) -> bool {
    reading.hosts.iter().filter_map(|host| host.address).any(|own| is_address(address, own))
}

/// What does not keep the hosts from being adopted.
pub(super) fn warnings(reading: &Reading, metadb: Option<&Result<MetaDbFacts, MetaDbError>>) -> Vec<String> {
    let gone = reading.gone.iter().map(|gone| {
        let (address, name) = (gone.address, gone.name());
        format!(
            "{address} gets the line {name}, and the cluster counts on it until `omsctl remove {name} --give-up {name}`"
        )
    });
    let mut warnings: Vec<String> = gone.collect();
    for region in &reading.regions {
        let members: Vec<&ReadHost> =
            region.hosts.iter().filter_map(|index| reading.hosts.get(*index)).collect();
        for host in &members {
            let lacks = members.iter().filter_map(|member| member.address);
            let lacks = lacks.filter(|address| !host.listed.iter().any(|text| is_address(text, *address)));
            let lacks: Vec<String> = lacks.map(|address| address.to_string()).collect();
            if !lacks.is_empty() {
                warnings.push(format!(
                    "{}: cm_nodes lacks {}, of the same region; `omsctl plan` shows the repair",
                    host.node(),
                    lacks.join(", ")
                ));
            }
        }
    }
    for host in &reading.hosts {
        let node = host.node();
        match host.address {
            Some(address) if host.seen.facts.addresses.iter().any(|own| own.to_canonical() == address) => {}
            Some(address) => warnings.push(format!(
                "{node}: OMS_HOST_IP is {address}, and no interface of the host has it: `omsctl plan` refuses that"
            )),
            None => warnings.push(format!(
                "{node}: the container has no OMS_HOST_IP, so nobody knows which row of the MetaDB is this host"
            )),
        }
    }
    match metadb {
        Some(Ok(_)) => {}
        Some(Err(error)) => warnings.push(format!(
            "the MetaDB cannot be read, so members may be missing without being noticed: {error}"
        )),
        None => warnings.push(
            "config.yaml does not say where the MetaDB is, so members may be missing without being noticed"
                .to_owned(),
        ),
    }
    warnings
}
