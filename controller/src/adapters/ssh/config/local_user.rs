//! Who runs omsctl, as far as ssh_config's tokens ask.

use std::path::{Path, PathBuf};

/// The operator on the bastion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalUser {
    pub name: String,
    pub uid: u32,
    pub home: PathBuf,
}

impl LocalUser {
    /// From `/etc/passwd` and `HOME`. Read here, not by libc: a static glibc must not load NSS modules.
    pub(crate) fn current() -> Self {
        let uid = rustix::process::getuid().as_raw();
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let (name, home) = entry(&passwd, uid).unwrap_or_default();
        let environment = |variable: &str| std::env::var(variable).ok().filter(|value| !value.is_empty());
        let name =
            if name.is_empty() { environment("USER").unwrap_or_else(|| uid.to_string()) } else { name };
        let home = environment("HOME").unwrap_or(home);
        Self { name, uid, home: PathBuf::from(if home.is_empty() { "/".to_owned() } else { home }) }
    }

    /// `~` and `~/…` become the home folder; everything else stays.
    pub(crate) fn expand_home(&self, path: &str) -> PathBuf {
        match path.strip_prefix('~') {
            Some("") => self.home.clone(),
            Some(rest) if rest.starts_with('/') => self.home.join(rest.trim_start_matches('/')),
            _ => Path::new(path).to_owned(),
        }
    }
}

fn entry(passwd: &str, uid: u32) -> Option<(String, String)> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2)?.parse() == Ok(uid))
            .then(|| Some((fields[0].to_owned(), (*fields.get(5)?).to_owned())))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_passwd_entry_and_the_home_folder() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/fish\n";
        assert_eq!(entry(passwd, 1000), Some(("ann".to_owned(), "/home/ann".to_owned())));
        assert_eq!(entry(passwd, 7), None);
        let user = LocalUser { name: "ann".to_owned(), uid: 1000, home: "/home/ann".into() };
        assert_eq!(user.expand_home("~/.ssh/id"), Path::new("/home/ann/.ssh/id"));
        assert_eq!(user.expand_home("~bob/x"), Path::new("~bob/x"));
        assert_eq!(user.expand_home("/x"), Path::new("/x"));
    }
}
