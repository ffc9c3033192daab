//! Who runs omsctl, and where: what `ssh_config` asks of the machine.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The operator on the bastion, as ssh would find them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalUser {
    pub name: String,
    pub uid: u32,
    /// Of `/etc/passwd`; ssh never looks at `HOME`.
    pub home: PathBuf,
    /// As `gethostname(2)` tells it.
    pub machine: String,
    pub environment: Environment,
    /// `/etc/passwd`, `/etc/group` and `/etc/services`, as texts.
    pub tables: Tables,
}

/// The variables of this process. Not shown by `Debug`: there may be secrets among them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(pub HashMap<String, String>);

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Environment({} variables)", self.0.len())
    }
}

/// The machine's tables. Read here, not by libc: a static glibc must not load NSS modules.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tables {
    pub users: String,
    pub groups: String,
    pub services: String,
}

impl fmt::Debug for Tables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tables")
    }
}

impl LocalUser {
    /// From the machine's tables; without an entry there, from `USER` and `HOME`.
    pub fn current() -> Self {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        let tables = Tables {
            users: read("/etc/passwd"),
            groups: read("/etc/group"),
            services: read("/etc/services"),
        };
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let environment: HashMap<String, String> = std::env::vars_os().filter_map(text).collect();
        let uid = rustix::process::getuid().as_raw();
        let variable = |name: &str, or: &str| {
            environment.get(name).filter(|value| !value.is_empty()).cloned().unwrap_or_else(|| or.to_owned())
        };
        let (name, home) = entry(&tables.users, uid)
            .unwrap_or_else(|| (variable("USER", &uid.to_string()), variable("HOME", "/")));
        let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let environment = Environment(environment);
        Self { name, uid, home: PathBuf::from(home), machine, environment, tables }
    }

    /// The name of this machine up to its first dot.
    pub(super) fn short_machine(&self) -> &str {
        self.machine.split('.').next().unwrap_or_default()
    }

    /// `~` and `~/…` become the home folder, `~user` another one's; everything else stays.
    pub(super) fn expand_tilde(&self, path: &str) -> Result<String, String> {
        let Some(rest) = path.strip_prefix('~') else { return Ok(path.to_owned()) };
        let (user, inside) = rest.split_once('/').unwrap_or((rest, ""));
        let home = match user {
            "" => self.home.to_string_lossy().into_owned(),
            user => home_of(&self.tables.users, user).ok_or_else(|| format!("there is no user {user}"))?,
        };
        let slash = if home.ends_with('/') { "" } else { "/" };
        Ok(format!("{home}{slash}{}", inside.trim_start_matches('/')))
    }

    /// `~` as far as it can be told, for files that the inventory names.
    pub(crate) fn expand_home(&self, path: &str) -> PathBuf {
        let expanded = self.expand_tilde(path).unwrap_or_else(|_| path.to_owned());
        Path::new(expanded.trim_end_matches(|c| c == '/' && path == "~")).to_owned()
    }

    /// `${VARIABLE}` becomes its value; one that is not set is an error.
    pub(super) fn expand_variables(&self, text: &str) -> Result<String, String> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, remaining) =
                after.split_once('}').ok_or_else(|| format!("${{ is not closed in {text:?}"))?;
            let value = self
                .environment
                .0
                .get(name)
                .filter(|_| !name.is_empty())
                .ok_or_else(|| format!("${{{name}}} is not set"))?;
            expanded.push_str(before);
            expanded.push_str(value);
            rest = remaining;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// The port of a TCP service.
    pub(super) fn service(&self, name: &str) -> Option<u16> {
        self.tables.services.lines().find_map(|line| {
            let mut words = line.split('#').next()?.split_ascii_whitespace();
            let official = words.next()?;
            let port = words.next()?.strip_suffix("/tcp")?.parse().ok()?;
            (official == name || words.any(|alias| alias == name)).then_some(port)
        })
    }

    /// Whether nobody but this user is in the group.
    pub(super) fn has_group_alone(&self, gid: u32) -> bool {
        let alone = self.tables.users.lines().all(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            fields.get(3).and_then(|field| field.parse().ok()) != Some(gid)
                || fields.first() == Some(&self.name.as_str())
        });
        let group = self.tables.groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let group =
            group.into_iter().find(|fields| fields.get(2).and_then(|field| field.parse().ok()) == Some(gid));
        let members = group.and_then(|fields| fields.get(3).copied());
        alone && members.is_some_and(|members| members.is_empty() || members == self.name)
    }

    #[cfg(test)]
    pub(crate) fn for_tests(home: impl Into<PathBuf>) -> Self {
        Self {
            name: "ann".to_owned(),
            uid: 1000,
            home: home.into(),
            machine: "bastion.example".to_owned(),
            environment: Environment::default(),
            tables: Tables {
                users: "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/fish\n".to_owned(),
                groups: "ann:x:1000:\nstaff:x:50:ann,bob\n".to_owned(),
                services: "ssh\t22/tcp # secure\nhttp 80/tcp www\n".to_owned(),
            },
        }
    }
}

fn entry(users: &str, uid: u32) -> Option<(String, String)> {
    users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2)?.parse() == Ok(uid))
            .then(|| Some((fields[0].to_owned(), (*fields.get(5)?).to_owned())))?
    })
}

fn home_of(users: &str, name: &str) -> Option<String> {
    users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        if fields[0] == name { fields.get(5).map(|home| (*home).to_owned()) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_tables_are_read() {
        let user = LocalUser::for_tests("/home/ann");
        assert_eq!(entry(&user.tables.users, 1000), Some(("ann".to_owned(), "/home/ann".to_owned())));
        assert_eq!(entry(&user.tables.users, 7), None);
        assert_eq!((user.service("www"), user.service("ssh"), user.service("x")), (Some(80), Some(22), None));
        assert!(user.has_group_alone(1000) && !user.has_group_alone(50) && !user.has_group_alone(9));
        assert_eq!(user.short_machine(), "bastion");
    }

    #[test]
    fn homes_and_variables() {
        let mut user = LocalUser::for_tests("/home/ann");
        assert_eq!(user.expand_tilde("~//.ssh/id").as_deref(), Ok("/home/ann/.ssh/id"));
        assert_eq!(user.expand_tilde("~root/x").as_deref(), Ok("/root/x"));
        assert_eq!(user.expand_tilde("~").as_deref(), Ok("/home/ann/"));
        assert_eq!(user.expand_tilde("~nobody/x"), Err("there is no user nobody".to_owned()));
        assert_eq!(user.expand_home("~"), Path::new("/home/ann"));
        assert_eq!(user.expand_home("/x"), Path::new("/x"));
        user.environment.0.insert("A".to_owned(), "1".to_owned());
        assert_eq!(user.expand_variables("x${A}y$A").as_deref(), Ok("x1y$A"));
        for bad in ["${B}", "${}", "${A"] {
            assert!(user.expand_variables(bad).is_err(), "{bad}");
        }
        assert!(!format!("{user:?}").contains('1') || !format!("{user:?}").contains("\"A\""));
    }
}
