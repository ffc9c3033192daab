//! What the operator writes: Ansible inventory, OMS's config.yaml and the `oms_*` variables. Reads, resolves and
//! checks them; all problems at once, each with its place. Contacts nobody and changes nothing.

mod ansible;
mod config;
mod deployment;
mod model;
mod problem;
mod sources;
pub mod templates;
mod yaml;

pub use ansible::{AnsibleInventory, Variable, host_line, variable_line};
pub use config::{
    ExistingConfig, ExistingConfigError, FoundKey, KeyChange, KeyEffect, KeyScope, diff, found_keys, mask,
    parse_existing_config, read_as_oms, render_config, secret_values, unknown_keys,
};
pub use model::*;
pub use problem::{Place, Problem, ProblemCode, Problems, Severity};
pub use sources::{DEFAULT_INVENTORIES, MAX_FILE_BYTES, Sources};
pub use yaml::PythonValue;

/// Everything that the files say.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub deployment: Deployment,
    pub inventory: AnsibleInventory,
    /// To be told; none of them stops anything.
    pub warnings: Vec<Problem>,
}

/// Reads inventory and config.yaml. The error holds every problem there is, warnings among them, by place.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let mut problems = Problems::default();
    let inventory = ansible::load(sources, &mut problems);
    let deployment = deployment::resolve(sources, &inventory, &mut problems);
    inventory.vault().hide_in(&mut problems);
    problems.sort();
    match deployment {
        Some(deployment) if !problems.has_errors() => {
            Ok(Loaded { deployment, inventory, warnings: problems.0 })
        }
        _ => Err(problems),
    }
}

/// Reads the inventory alone, as `omsctl inventory` needs it: no config.yaml, templates raw. The second value holds
/// warnings.
pub fn load_inventory(sources: &Sources) -> Result<(AnsibleInventory, Vec<Problem>), Problems> {
    let mut problems = Problems::default();
    let inventory = ansible::load(sources, &mut problems);
    inventory.vault().hide_in(&mut problems);
    problems.sort();
    if problems.has_errors() { Err(problems) } else { Ok((inventory, problems.0)) }
}

/// Reads the inventory alone and says how its OMS hosts are reached, `--limit` applied: for commands that follow what is
/// under way and need no config.yaml. The second value holds warnings.
pub fn load_connections(sources: &Sources) -> Result<(Vec<ConnectTo>, Vec<Problem>), Problems> {
    let mut problems = Problems::default();
    let inventory = ansible::load(sources, &mut problems);
    let hosts = deployment::connections(sources, &inventory, &mut problems);
    inventory.vault().hide_in(&mut problems);
    problems.sort();
    if problems.has_errors() { Err(problems) } else { Ok((hosts, problems.0)) }
}

#[cfg(test)]
mod load_tests;
