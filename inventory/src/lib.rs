//! What the operator writes: Ansible inventory, OMS's config.yaml and the `oms_*` variables. Reads, resolves and
//! checks them; all problems at once, each with its place. Contacts nobody and changes nothing.

mod ansible;
mod model;
mod problem;
mod sources;
mod yaml;

pub use ansible::{AnsibleInventory, Variable};
pub use model::*;
pub use problem::{Place, Problem, ProblemCode, Problems, Severity};
pub use sources::{DEFAULT_INVENTORIES, MAX_FILE_BYTES, Sources};

/// Reads the inventory alone, as `omsctl inventory` needs it: no config.yaml, templates raw. The second value holds
/// warnings.
pub fn load_inventory(sources: &Sources) -> Result<(AnsibleInventory, Vec<Problem>), Problems> {
    let mut problems = Problems::default();
    let inventory = ansible::load(sources, &mut problems);
    problems.sort();
    if problems.has_errors() { Err(problems) } else { Ok((inventory, problems.0)) }
}
