//! The texts of inventory.ini and config.yaml. Decides nothing.

use std::fmt::Write as _;

use omsctl_inventory::{FoundKey, KeyScope, host_line};
use omsctl_proto::Secret;

use super::container::reference;
use super::reading::{ReadHost, ReadRegion, Reading};
use super::variables::{ADDRESS, Variable, shared};
use super::{Adopted, AdoptedHost};

const INVENTORY: &str =
    "# Written by `omsctl adopt` from what was found on the hosts. It is yours from now on.\n";
const CONFIG: &str = "\
# Written by `omsctl adopt` from what was found on the hosts. It is yours from now on, and it holds passwords.
# cm_nodes: omsctl fills it in from the inventory.
";

const VARIABLES: &str = "
[oms:vars]
# A host that is added has its Docker pull oms_image. Where there is no registry, put
# oms_image_archive=FILE of this image in its place.
";

/// Both texts; `variables` are those of each host.
pub(super) fn texts(
    reading: Reading,
    variables: &[Vec<Variable>],
    certificates: Vec<(String, Secret)>,
) -> Adopted {
    let inventory = Secret::new(inventory(&reading, variables));
    let config = Secret::new(config(&reading));
    let hosts = reading.regions.iter().flat_map(|region| {
        let group = (reading.regions.len() > 1).then(|| region.name.clone());
        members(&reading, region).map(move |(_, host)| adopted(host, group.clone()))
    });
    let hosts: Vec<AdoptedHost> = hosts.collect();
    Adopted { inventory, config, certificates, hosts, warnings: reading.warnings }
}

fn members<'a>(
    reading: &'a Reading,
    region: &'a ReadRegion,
) -> impl Iterator<Item = (usize, &'a ReadHost)> + use<'a> {
    region.hosts.iter().filter_map(|index| Some((*index, reading.hosts.get(*index)?)))
}

fn adopted(host: &ReadHost, region: Option<String>) -> AdoptedHost {
    let found = host.container();
    AdoptedHost {
        node: host.node().clone(),
        address: host.address,
        region,
        container: host.seen.container.clone(),
        image: found.map(|found| reference(found, &host.seen.facts).0).unwrap_or_default(),
        running: found.is_some_and(|found| found.running),
    }
}

/// Keys that the regions share, in the manual's order: all of them when there is one region.
fn is_common(reading: &Reading, key: &FoundKey) -> bool {
    let [_, others @ ..] = reading.regions.as_slice() else { return true };
    let same =
        |region: &ReadRegion| region.keys.iter().any(|other| other.name() == key.name() && other.same(key));
    match key.scope() {
        _ if others.is_empty() => true,
        KeyScope::Cluster => true,
        KeyScope::Region => false,
        KeyScope::Either => others.iter().all(same),
    }
}

fn config(reading: &Reading) -> String {
    let keys = reading.regions.first().map_or(&[][..], |region| &region.keys);
    let lines = keys.iter().filter(|key| is_common(reading, key)).filter_map(FoundKey::config_line);
    lines.fold(CONFIG.to_owned(), |text, line| text + line.expose())
}

fn inventory(reading: &Reading, variables: &[Vec<Variable>]) -> String {
    let every: Vec<&[Variable]> = variables.iter().map(Vec::as_slice).collect();
    let common = shared(&every);
    let mut text = INVENTORY.to_owned();
    let one = reading.regions.len() == 1;
    for (place, region) in reading.regions.iter().enumerate() {
        let of_region: Vec<&[Variable]> =
            region.hosts.iter().filter_map(|index| variables.get(*index)).map(Vec::as_slice).collect();
        let of_region = if one { Vec::new() } else { shared(&of_region) };
        let group = if one { "oms" } else { region.name.as_str() };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n[{group}]");
        for (index, host) in members(reading, region) {
            let own = variables.get(index).into_iter().flatten();
            let own = own.filter(|variable| !common.contains(variable) && !of_region.contains(variable));
            let line: Vec<Variable> = host.seen.connection.iter().chain(own).cloned().collect();
            let _ = writeln!(text, "{}", host_line(host.node().as_str(), &line));
        }
        for gone in reading.gone.iter().filter(|gone| gone.region == place) {
            let address = gone.address.to_string();
            let way = [("ansible_host", address.clone()), (ADDRESS, address)];
            // As the first of its neighbours.
            let own = region.hosts.first().and_then(|index| variables.get(*index)).into_iter().flatten();
            let own = own.filter(|variable| {
                variable.0 != ADDRESS && !common.contains(variable) && !of_region.contains(variable)
            });
            let line: Vec<Variable> = way.into_iter().chain(own.cloned()).collect();
            let _ = writeln!(text, "{}", host_line(&gone.name(), &line));
        }
        if !one {
            let _ = writeln!(text, "\n[{group}:vars]");
            for key in region.keys.iter().filter(|key| !is_common(reading, key)) {
                let _ = key.variable_line().map(|line| writeln!(text, "{}", line.expose()));
            }
            variable_lines(&mut text, of_region.iter().filter(|variable| !common.contains(variable)));
        }
    }
    if !one {
        let names = reading.regions.iter().map(|region| region.name.as_str());
        let _ = writeln!(text, "\n[oms:children]\n{}", names.collect::<Vec<_>>().join("\n"));
    }
    text.push_str(VARIABLES);
    variable_lines(&mut text, common.iter());
    text
}

fn variable_lines<'a>(text: &mut String, variables: impl Iterator<Item = &'a Variable>) {
    for (name, value) in variables {
        let _ = writeln!(text, "{}", omsctl_inventory::variable_line(name, value));
    }
}
