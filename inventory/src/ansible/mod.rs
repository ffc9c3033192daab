//! Ansible's inventories with Ansible's meaning: INI and YAML, groups, ranges, `group_vars/` and `host_vars/`,
//! precedence, `--limit`. Compared with ansible-core 2.19. It knows nothing of OMS, and reads files but never runs
//! one.

mod data;
mod host_pattern;
mod ini;
mod inventory;
mod limit;
mod loader;
mod output;
mod python_literal;
mod python_number;
mod python_regex;
mod python_string;
mod python_value;
mod shlex;
mod template;
mod vars_files;
mod vault;
mod writing;
mod yaml_inventory;

pub use inventory::{AnsibleInventory, Variable};
pub(crate) use loader::load;
pub(crate) use shlex::{Comments, split};
pub(crate) use template::{Resolved, resolve};
pub(crate) use vault::Vault;
pub use writing::{host_line, variable_line};

#[cfg(test)]
mod fixture_tests;
