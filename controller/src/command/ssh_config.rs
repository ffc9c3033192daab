//! `omsctl ssh-config HOST`: what `ssh -G` prints for a host, and what of it omsctl does not honour. Needs no inventory.

use std::collections::BTreeMap;

use omsctl_inventory::{Connection, ConnectionMethod, ProblemCode};
use omsctl_proto::NodeName;
use serde::Serialize;

use super::{World, inputs, look};
use crate::cli::{Format, SshConfigRequest};
use crate::exit::Exit;
use crate::ports::{Become, HostTarget, Method, NotHonoured, SshListing};

/// For programs: every keyword with all its values.
#[derive(Debug, Serialize)]
struct Document<'a> {
    host: &'a str,
    settings: BTreeMap<&'a str, Vec<&'a str>>,
    not_honoured: Vec<Unused<'a>>,
    warnings: &'a [String],
}

#[derive(Debug, Serialize)]
struct Unused<'a> {
    keyword: &'a str,
    value: &'a str,
    place: &'a str,
}

/// Contacts nobody, and runs the commands of `Match exec`, as ssh does.
pub fn ssh_config(world: &World, request: &SshConfigRequest) -> Exit {
    let target = match target(world, &request.host) {
        Ok(target) => target,
        Err(exit) => return exit,
    };
    let listing = match world.ssh.of(&target) {
        Ok(listing) => listing,
        Err(problems) => {
            for problem in &problems {
                world.out.message(&format!("error: {problem}"));
            }
            return Exit::Usage;
        }
    };
    let written = match world.globals.format {
        Format::Human => human(world, &listing),
        Format::Json => world.out.document(&document(&request.host, &listing)),
        Format::Jsonl => world.out.line(&document(&request.host, &listing)),
    };
    if written.is_ok() { Exit::Done } else { Exit::Failed }
}

fn human(world: &World, listing: &SshListing) -> std::io::Result<()> {
    let lines = listing.settings.iter().map(|(keyword, value)| format!("{keyword} {value}\n"));
    world.out.result(&lines.collect::<String>())?;
    for NotHonoured { keyword, value, place } in &listing.not_honoured {
        world.out.message(&format!("not honoured: {keyword} {value} ({place})"));
    }
    for warning in &listing.warnings {
        world.out.message(&format!("warning: {warning}"));
    }
    Ok(())
}

fn document<'a>(host: &'a str, listing: &'a SshListing) -> Document<'a> {
    let mut settings: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (keyword, value) in &listing.settings {
        settings.entry(keyword).or_default().push(value);
    }
    let unused = |NotHonoured { keyword, value, place }: &'a NotHonoured| Unused { keyword, value, place };
    let not_honoured = listing.not_honoured.iter().map(unused).collect();
    Document { host, settings, not_honoured, warnings: &listing.warnings }
}

/// As the inventory says it, when there is one that names the host; else the name alone.
fn target(world: &World, name: &str) -> Result<HostTarget, Exit> {
    let mut sources = inputs::sources(world);
    sources.limit = None;
    let hosts = match omsctl_inventory::load_connections(&sources) {
        Ok((hosts, _)) => hosts,
        Err(problems) => {
            let missing = problems.0.iter().all(|problem| problem.code == ProblemCode::InventoryMissing);
            if !missing || !sources.inventories.is_empty() {
                return Err(inputs::refuse(world, &problems));
            }
            Vec::new()
        }
    };
    match hosts.into_iter().find(|host| host.name.as_str() == name) {
        Some(host) => Ok(named(world, &host.name, host.connection)),
        None => Ok(HostTarget {
            node: NodeName::new("host").map_err(|_| Exit::Failed)?,
            address: name.to_owned(),
            port: None,
            user: None,
            password: None,
            private_key_file: None,
            ssh_arguments: Vec::new(),
            escalation: Become::default(),
            method: Method::Ssh,
        }),
    }
}

fn named(world: &World, name: &NodeName, connection: Connection) -> HostTarget {
    if connection.method == ConnectionMethod::Local {
        world.out.message(&format!("note: {name} is this bastion itself: ansible_connection=local, no SSH"));
    }
    look::target_of(world, name, connection)
}
