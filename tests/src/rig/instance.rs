//! Who is who: the names and addresses of one instance, and the network they live in.

use std::path::Path;
use std::time::Duration;

use super::engine::{docker, docker_ok, inspect};
use super::layout::{Layout, digest};
use super::process::Program;
use super::{RigError, subnet, until};

/// More hosts than this do not fit between the addresses of the services.
pub(super) const MOST_NODES: usize = 32;

const OWNER: &str = "omsctl.rig.state";

/// One rig on this machine.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) layout: Layout,
    /// Begins the name of every container, volume and network of this instance.
    pub(super) prefix: String,
    /// The first three octets of its network.
    pub(super) octets: String,
}

impl Instance {
    /// The instance when it is up.
    pub(super) fn find(name: &str) -> Result<Option<Self>, RigError> {
        let layout = Layout::of(name)?;
        for prefix in prefixes(name, &layout)? {
            if owner(&prefix)?.as_deref() == layout.state.to_str() {
                let subnet =
                    inspect("network", &prefix, "{{(index .IPAM.Config 0).Subnet}}")?.unwrap_or_default();
                let octets = subnet.rsplit_once('.').map(|(octets, _)| octets.to_owned());
                let octets =
                    octets.ok_or(RigError::Unreadable { what: "the network's subnet", text: subnet })?;
                return Ok(Some(Self { layout, prefix, octets }));
            }
        }
        Ok(None)
    }

    /// The instance, its network made when it is not there.
    pub(super) fn find_or_create(name: &str) -> Result<Self, RigError> {
        if let Some(found) = Self::find(name)? {
            return Ok(found);
        }
        let layout = Layout::of(name)?;
        let mut prefix = String::new();
        for candidate in prefixes(name, &layout)? {
            if owner(&candidate)?.is_none() {
                prefix = candidate;
                break;
            }
        }
        if prefix.is_empty() {
            return Err(RigError::Usage(format!("both names for `{name}` are taken by other folders' rigs")));
        }
        let octets = create_network(&prefix, &layout.state)?;
        Ok(Self { layout, prefix, octets })
    }

    pub(super) fn address(&self, last: usize) -> String {
        format!("{}.{last}", self.octets)
    }

    pub(super) fn node_address(&self, number: usize) -> String {
        self.address(10 + number)
    }

    pub(super) fn balancer_address(&self) -> String {
        self.address(250)
    }

    pub(super) fn metadb_address(&self) -> String {
        self.address(240)
    }

    pub(super) fn mariadb_address(&self) -> String {
        self.address(241)
    }

    pub(super) fn container(&self, role: &str) -> String {
        format!("{}-{role}", self.prefix)
    }

    /// Arguments of `docker run` that every container of the instance has.
    pub(super) fn common_arguments(&self, role: &str, address: &str) -> Vec<String> {
        vec![
            format!("--name={}", self.container(role)),
            format!("--hostname={role}"),
            format!("--network={}", self.prefix),
            format!("--network-alias={role}"),
            format!("--ip={address}"),
            format!("--label=omsctl.rig={}", self.prefix),
        ]
    }

    /// The numbers of the hosts that exist, running or not, in order.
    pub(super) fn node_numbers(&self) -> Result<Vec<usize>, RigError> {
        let mut numbers: Vec<usize> = self
            .listed("ps")?
            .iter()
            .filter_map(|name| name.strip_prefix(&format!("{}-node", self.prefix))?.parse().ok())
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The names of the instance's containers (`ps`) or volumes (`volume`).
    fn listed(&self, kind: &str) -> Result<Vec<String>, RigError> {
        let filter = format!("label=omsctl.rig={}", self.prefix);
        let arguments = match kind {
            "ps" => vec!["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"],
            _ => vec!["volume", "ls", "--filter", &filter, "--format", "{{.Name}}"],
        };
        Ok(docker_ok(arguments)?.stdout.lines().map(str::to_owned).collect())
    }

    /// A volume with the instance's label, so that `down` finds it.
    pub(super) fn volume(&self, role: &str) -> Result<String, RigError> {
        let name = self.container(role);
        docker_ok(["volume", "create", "--label", &format!("omsctl.rig={}", self.prefix), &name])?;
        Ok(name)
    }

    /// Removes a container and its volumes.
    pub(super) fn remove(&self, role: &str) -> Result<(), RigError> {
        let name = self.container(role);
        docker(["rm", "--force", "--volumes", &name])?;
        let own = |volume: &&String| volume.starts_with(&format!("{name}-"));
        for volume in self.listed("volume")?.iter().filter(own) {
            docker_ok(["volume", "rm", "--force", volume])?;
        }
        Ok(())
    }

    /// Removes everything of the instance from this machine's Docker.
    pub(super) fn destroy(&self) -> Result<(), RigError> {
        for container in self.listed("ps")? {
            docker_ok(["rm", "--force", "--volumes", &container])?;
        }
        for volume in self.listed("volume")? {
            docker_ok(["volume", "rm", "--force", &volume])?;
        }
        until("the network is unused", Duration::from_secs(10), || {
            docker(["network", "rm", &self.prefix]).is_ok_and(|output| output.success()).then_some(())
        })
    }
}

/// The usual name first; a second one for a folder that comes when another has taken the first.
fn prefixes(name: &str, layout: &Layout) -> Result<[String; 2], RigError> {
    let folder = digest(&[&layout.state.to_string_lossy()], &[])?;
    Ok([format!("omsctl-{name}"), format!("omsctl-{name}-{}", &folder[..6])])
}

/// The state folder that a network belongs to; `Some("")` for a network that is no rig's.
fn owner(prefix: &str) -> Result<Option<String>, RigError> {
    inspect("network", prefix, &format!("{{{{index .Labels \"{OWNER}\"}}}}"))
}

fn create_network(prefix: &str, state: &Path) -> Result<String, RigError> {
    let ids = docker_ok(["network", "ls", "--quiet"])?.stdout;
    let template = "{{range .IPAM.Config}}{{.Subnet}} {{end}}";
    let mut used =
        docker_ok(["network", "inspect", "--format", template].into_iter().chain(ids.split_whitespace()))?
            .stdout;
    used.push_str(&Program::new("ip").args(["-4", "route"]).run()?.stdout);
    let seed = u8::from_str_radix(&digest(&[&state.to_string_lossy()], &[])?[..2], 16).unwrap_or(1);
    let octets = subnet::choose(&used, seed)
        .ok_or_else(|| RigError::Usage("every candidate network of this machine is in use".to_owned()))?;
    docker_ok([
        "network",
        "create",
        &format!("--subnet={octets}.0/24"),
        &format!("--label={OWNER}={}", state.display()),
        &format!("--label=omsctl.rig={prefix}"),
        prefix,
    ])?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_fixed() {
        let layout = Layout::of("demo").unwrap();
        let instance = Instance { layout, prefix: "omsctl-demo".into(), octets: "10.77.9".into() };
        assert_eq!(instance.node_address(1), "10.77.9.11");
        assert_eq!(instance.balancer_address(), "10.77.9.250");
        assert_eq!(instance.container("node2"), "omsctl-demo-node2");
    }

    #[test]
    fn two_folders_have_two_second_names() {
        let of = |state: &str| {
            prefixes("demo", &Layout { state: state.into(), ..Layout::of("demo").unwrap() }).unwrap()
        };
        assert_eq!(of("/a")[0], "omsctl-demo");
        assert_ne!(of("/a")[1], of("/b")[1]);
    }
}
