//! Lists of key algorithms as `HostKeyAlgorithms` writes them: names, wildcards, and `+`, `-`, `^` against the default.

use std::collections::HashSet;

use super::pattern::{matches, matches_list};

/// What OpenSSH knows, in the order of `ssh -Q HostKeyAlgorithms`; DSA, which it gave up, is left out.
const ALL: [&str; 19] = [
    "ssh-ed25519",
    "ssh-ed25519-cert-v01@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
    "ssh-rsa-cert-v01@openssh.com",
    "rsa-sha2-256",
    "rsa-sha2-256-cert-v01@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-512-cert-v01@openssh.com",
];

/// `KEX_DEFAULT_PK_ALG`: of host keys and of the keys to log in with.
pub(super) const DEFAULT: [&str; 16] = [
    "ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
];

/// `SSH_ALLOWED_CA_SIGALGS`: of signatures under certificates.
pub(super) const DEFAULT_AUTHORITIES: [&str; 8] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
];

/// Names of key types that ssh takes too, and that stand for no algorithm.
const TYPES: [&str; 6] = ["ed25519", "ed25519-sk", "ecdsa", "ecdsa-sk", "rsa", "dsa"];

/// The first name that is none and matches none.
pub(super) fn unknown(list: &str) -> Option<&str> {
    if list.starts_with('-') {
        return None;
    }
    let list = list.strip_prefix(['+', '^']).unwrap_or(list);
    if list.is_empty() {
        return Some(list);
    }
    let known = |name: &str| {
        let pattern = name.strip_prefix('!').unwrap_or(name);
        pattern.starts_with("ssh-dss")
            || TYPES.contains(&name.to_ascii_lowercase().as_str())
            || ALL.iter().any(|known| matches(pattern, known))
    };
    // As ssh: what follows an empty name is not looked at.
    list.split(',').take_while(|name| !name.is_empty()).find(|name| !known(name))
}

/// The names that a list stands for. `certificates`: those of certificates are among them. The error says what is wrong.
pub(super) fn assemble(
    list: &str,
    default: &[&'static str],
    certificates: bool,
) -> Result<Vec<&'static str>, String> {
    if let Some(removed) = list.strip_prefix('-') {
        let kept = default.iter().filter(|name| !matches_list(removed.split(','), name));
        return Ok(kept.copied().collect());
    }
    let wanted = list.strip_prefix(['+', '^']).unwrap_or(list);
    if wanted.split(',').any(|name| name.starts_with('!')) {
        return Err(format!("{list:?} takes a name away with '!'; that takes a '-' before the list"));
    }
    let all = || ALL.iter().filter(|name| certificates || !name.contains("-cert-"));
    let named = wanted.split(',').flat_map(|wanted| all().filter(move |name| matches(wanted, name)));
    let mut found: Vec<&'static str> = match list.as_bytes().first() {
        Some(b'+') => default.iter().chain(named).copied().collect(),
        Some(b'^') => named.chain(default).copied().collect(),
        _ => named.copied().collect(),
    };
    let mut seen = HashSet::new();
    found.retain(|name| seen.insert(*name));
    if found.is_empty() { Err(format!("{list:?} names no algorithm that there is")) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_put_together_as_ssh_does() {
        let check = |list: &str, expected: &[&str]| {
            let found = assemble(list, &["ssh-ed25519", "rsa-sha2-512"], true).unwrap();
            assert_eq!(found, expected, "{list}");
        };
        check("rsa-sha2-256,ssh-ed25519", &["rsa-sha2-256", "ssh-ed25519"]);
        check("+rsa-sha2-256,ssh-ed25519", &["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"]);
        check("^rsa-sha2-*2", &["rsa-sha2-512", "ssh-ed25519"]);
        check("-rsa*", &["ssh-ed25519"]);
        check("-*", &[]);
        assert!(assemble("!ssh-ed25519", &[], true).is_err());
        assert!(assemble("*-cert-*", &[], false).is_err());
    }

    #[test]
    fn names_that_there_are_not_are_found() {
        assert_eq!(unknown("ssh-ed25519,nonsense"), Some("nonsense"));
        assert_eq!(unknown("+"), Some(""));
        for fine in ["*", "!rsa*", "-nonsense", "RSA,ssh-rsa", "^ecdsa*"] {
            assert_eq!(unknown(fine), None, "{fine}");
        }
    }
}
