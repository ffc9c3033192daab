//! Random inventories from a seed: nasty, and mostly valid. Each module makes one part, and says by name what it put in.

mod files;
mod ini;
mod limits;
mod literals;
mod names;
mod vault;
mod yaml;

use fastrand::Rng;

use crate::case::{Case, Text};

/// What must occur among some hundred cases.
pub(crate) const FEATURES: &[&str] = &[
    "ini",
    "ini: children",
    "ini: vars",
    "ini: comment",
    "ini: quoted value",
    "ini: odd line",
    "literal: number",
    "literal: string",
    "literal: collection",
    "literal: constant",
    "literal: broken",
    "name: range",
    "name: range with step",
    "name: padded range",
    "name: letters",
    "name: port",
    "name: IPv6",
    "name: localhost",
    "name: odd",
    "yaml",
    "yaml: children",
    "yaml: merge",
    "yaml: flow",
    "yaml: tag",
    "yaml: odd shape",
    "json",
    "host list",
    "folder",
    "several sources",
    "group_vars",
    "host_vars",
    "vars folder",
    "vars: JSON",
    "vault: file",
    "vault: inventory",
    "vault: value",
    "vault: label",
    "vault: wrong password",
    "limit: exclude",
    "limit: intersect",
    "limit: wildcard",
    "limit: regular expression",
    "limit: subscript",
];

/// The passwords of Ansible Vault in the cases.
pub(crate) const PASSWORDS: [&str; 2] = ["one", "zwei ü"];

/// What all cases are made from.
#[derive(Debug)]
pub(crate) struct Generator {
    /// Texts that Ansible Vault encrypted, each with one of [`PASSWORDS`].
    pub(crate) vaulted: Vec<String>,
}

impl Generator {
    /// The case of a seed, the same at every run.
    pub(crate) fn case(&self, seed: u64) -> Case {
        let mut maker = Maker {
            rng: Rng::with_seed(seed),
            case: Case { seed, ..Case::default() },
            hosts: Vec::new(),
            groups: Vec::new(),
            vaulted: &self.vaulted,
        };
        maker.names();
        maker.sources();
        maker.limits();
        maker.vault();
        maker.case
    }
}

/// A case under way.
pub(super) struct Maker<'all> {
    rng: Rng,
    case: Case,
    /// Names that the case uses again and again, so that they meet.
    hosts: Vec<String>,
    groups: Vec<String>,
    vaulted: &'all [String],
}

impl Maker<'_> {
    fn feature(&mut self, name: &'static str) {
        debug_assert!(FEATURES.contains(&name), "{name} is in the list");
        self.case.features.insert(name);
    }

    /// True once in so many times.
    fn once_in(&mut self, times: u32) -> bool {
        self.rng.u32(0..times) == 0
    }

    fn up_to(&mut self, most: usize) -> usize {
        self.rng.usize(0..=most)
    }

    fn pick<'list, T: ?Sized>(&mut self, list: &[&'list T]) -> &'list T {
        list[self.rng.usize(0..list.len())]
    }

    fn host(&mut self) -> String {
        self.hosts[self.rng.usize(0..self.hosts.len())].clone()
    }

    fn group(&mut self) -> String {
        self.groups[self.rng.usize(0..self.groups.len())].clone()
    }

    fn file(&mut self, name: impl Into<String>, text: String) {
        self.case.files.insert(name.into(), Text { text, ..Text::default() });
    }
}
