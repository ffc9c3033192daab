//! The names of the deployment variables, and reading one of a host as the kind it should be. A refusal never shows a
//! password.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use crate::ansible::{AnsibleInventory, Resolved, Variable, Vault, resolve};
use crate::config::key;
use crate::problem::{Place, Problem, ProblemCode, Problems, nearest};
use crate::sources::Sources;

/// The `oms_*` variables of design.md section 1.
const DEPLOYMENT_VARIABLES: [&str; 26] = [
    "oms_image_archive",
    "oms_image",
    "oms_registry_user",
    "oms_registry_password",
    "oms_container_name",
    "oms_mount_path",
    "oms_logs_dir",
    "oms_store_dir",
    "oms_run_dir",
    "oms_config_file",
    "oms_https_cert_mount",
    "oms_https_key_mount",
    "oms_host_ip",
    "oms_https_cert",
    "oms_https_key",
    "oms_init_by",
    "oms_init_order",
    "oms_restart_policy",
    "oms_vip_provider",
    "oms_vip_address",
    "oms_vip_interface",
    "oms_vip_router_id",
    "oms_tsdb_host",
    "oms_tsdb_archive",
    "oms_tsdb_dir",
    "oms_relay_port",
];

/// A problem for each `oms_*` name that neither omsctl nor config.yaml has.
pub(super) fn check_names(inventory: &AnsibleInventory, problems: &mut Problems) {
    let groups = inventory.group_names().filter_map(|group| inventory.own_variables(group));
    let hosts = inventory.host_names().filter_map(|host| inventory.host_variables(host));
    let mut told: BTreeSet<(&Place, &str)> = BTreeSet::new();
    for (name, variable) in groups.chain(hosts).flatten() {
        let known = DEPLOYMENT_VARIABLES.contains(&name.as_str()) || key(name).is_some();
        if !name.starts_with("oms_") || known || !told.insert((&variable.place, name.as_str())) {
            continue;
        }
        let candidates =
            DEPLOYMENT_VARIABLES.into_iter().chain(crate::config::KEYS.iter().map(|key| key.name));
        problems.push(
            Problem::error(ProblemCode::UnknownVariable, format!("there is no variable `{name}`"))
                .at(&variable.place)
                .key(name)
                .nearest(nearest(name, candidates.filter(|name| name.starts_with("oms_"))))
                .hint(
                    "names that begin with oms_ belong to omsctl; give a variable of your own another prefix",
                ),
        );
    }
}

/// `<…>` from a template. A password may really look like that.
fn is_open(name: &str, text: &str) -> bool {
    text.starts_with('<') && text.ends_with('>') && !name.contains("pass")
}

/// A value and where it is written.
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// The variables of one host, and where to report to.
pub(super) struct HostVariables<'run> {
    pub(super) host: &'run str,
    pub(super) variables: &'run BTreeMap<String, Variable>,
    pub(super) sources: &'run Sources,
    pub(super) vault: &'run Vault,
    pub(super) problems: &'run mut Problems,
}

impl HostVariables<'_> {
    /// The value of the first of the names that is set, templates resolved; null counts as not set.
    fn resolved(&mut self, names: &[&'static str]) -> Option<(&'static str, At<Resolved>)> {
        let (name, variable) =
            names.iter().find_map(|name| self.variables.get(*name).map(|found| (*name, found)))?;
        match resolve(name, variable, self.variables, self.host, self.vault) {
            Ok(resolved) if resolved.value == Value::Null => None,
            Ok(value) => Some((name, At { value, place: variable.place.clone() })),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// A refusal of what was written.
    pub(super) fn refuse(&mut self, name: &str, place: &Place, found: Option<&str>, allowed: &str) {
        let mut problem =
            Problem::error(ProblemCode::VariableValue, format!("`{name}` has a value that cannot be used"))
                .at(place)
                .key(name)
                .allowed(allowed);
        problem.found = found.map(|found| found.chars().take(200).collect());
        self.problems.push(problem);
    }

    /// Text that may be a secret; empty counts as not set.
    pub(super) fn text(&mut self, names: &[&'static str]) -> Option<At<String>> {
        let (name, at) = self.resolved(names)?;
        match at.value.text() {
            Some(text) if text.is_empty() => None,
            Some(text) if is_open(name, &text) => {
                self.problems.push(
                    Problem::error(ProblemCode::OpenPlace, format!("`{name}` is still to be filled in"))
                        .at(&at.place)
                        .key(name)
                        .found(text)
                        .hint("write the real value"),
                );
                None
            }
            Some(value) => Some(At { value, place: at.place }),
            None => {
                self.refuse(name, &at.place, Some("a list or a mapping"), "text");
                None
            }
        }
    }

    /// One of a closed list of words.
    pub(super) fn choice<T: Copy>(&mut self, name: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let at = self.text(&[name])?;
        let found = choices.iter().find(|(word, _)| at.value.eq_ignore_ascii_case(word));
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let problem = Problem::error(
                ProblemCode::VariableValue,
                format!("`{name}` has a value that cannot be used"),
            )
            .at(&at.place)
            .key(name)
            .found(&at.value)
            .allowed(words.join(", "))
            .nearest(nearest(&at.value, words.iter().copied()).map(str::to_owned));
            self.problems.push(problem);
        }
        found.map(|(_, value)| *value)
    }

    /// A number that is not secret, within the range.
    pub(super) fn number(
        &mut self,
        names: &[&'static str],
        range: std::ops::RangeInclusive<u16>,
    ) -> Option<u16> {
        let at = self.text(names)?;
        let number = at.value.trim().parse::<u16>().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let allowed = format!("a whole number from {} to {}", range.start(), range.end());
            self.refuse(names[0], &at.place, Some(&at.value), &allowed);
        }
        number
    }

    /// What Ansible takes for a boolean.
    pub(super) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        let at = self.text(&[name])?;
        match at.value.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" | "t" | "1" => Some(true),
            "false" | "no" | "off" | "n" | "f" | "0" => Some(false),
            _ => {
                self.refuse(name, &at.place, Some(&at.value), "true or false");
                None
            }
        }
    }

    /// A file on the bastion that can be read; relative to the working directory, `~` is the home.
    pub(super) fn local_file(&mut self, names: &[&'static str]) -> Option<PathBuf> {
        let at = self.text(names)?;
        let path = self.sources.absolute(std::path::Path::new(&at.value));
        let failure = match std::fs::File::open(&path) {
            Ok(_) if path.is_file() => None,
            Ok(_) => Some("it is not a file".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = failure {
            self.problems.push(
                Problem::error(
                    ProblemCode::LocalFile,
                    format!("the file of `{}` cannot be read: {why}", names[0]),
                )
                .at(&at.place)
                .key(names[0])
                .found(path.display().to_string())
                .hint("the path is one of this machine, relative to the folder in which omsctl runs"),
            );
            return None;
        }
        Some(path)
    }
}
