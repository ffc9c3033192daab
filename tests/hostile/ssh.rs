//! What SSH goes by, whoever wrote it: `ssh_config` and `known_hosts`.

use std::collections::HashMap;
use std::path::Path;

use omsctl_controller::adapters::ssh::{
    ConfigFiles, Destination, Environment, KnownHosts, LocalUser, Tables, list,
};

/// What applies to some hosts when this is the `ssh_config`; the problems of the first that has any.
pub(crate) fn ssh_config(bytes: &[u8]) -> Option<String> {
    let local = LocalUser {
        name: "ann".to_owned(),
        uid: 1000,
        home: "/home/ann".into(),
        machine: "bastion".to_owned(),
        // Nothing of Match exec is to run here.
        environment: Environment(HashMap::from([("SHELL".to_owned(), "/no/such/shell".to_owned())])),
        tables: Tables::default(),
    };
    let text = String::from_utf8_lossy(bytes);
    let config = match ConfigFiles::parse(&text, "config", &local) {
        Ok(config) => config,
        Err(errors) => return Some(told(&errors.to_string())),
    };
    for host in ["n1", "n2.example.net", "10.0.0.1"] {
        let destination = Destination { host: host.to_owned(), ..Destination::default() };
        match list(&destination, &config, &local) {
            Ok(listing) => assert!(listing.settings.len() > 20, "every keyword has a value"),
            Err(errors) => return Some(told(&errors.to_string())),
        }
    }
    None
}

fn told(problem: &str) -> String {
    assert!(problem.starts_with("config:"), "{problem:?} has no place");
    problem.to_owned()
}

/// How many lines list some names when this is the `known_hosts`.
pub(crate) fn known_hosts(bytes: &[u8]) -> usize {
    let known = KnownHosts::parse(Path::new("known_hosts"), &String::from_utf8_lossy(bytes));
    ["n1", "[n1]:2222", "n2.example.net"].iter().map(|name| known.lines_of(name).len()).sum()
}

/// Configurations to begin with.
pub(crate) fn configurations() -> Vec<Vec<u8>> {
    [
        "Host n1 !n2 *.example.net\n  HostName %h.example.net\n  Port 2222\n  User root\n  IdentityFile ~/.ssh/%n-%r\n\
         Host *\n  ProxyJump u@a:1,ssh://b:22\n  ConnectTimeout 1m30s\n  UserKnownHostsFile ~/a \"b c\" %C\n",
        "Match host 10.* user root !exec \"test %h = x\" final\n  HostKeyAlgorithms ^rsa-*,ssh-ed25519\nMatch all\n\
         \x20 ProxyCommand nc %h %p # x\nIgnoreUnknown Use*\nUseThat yes\nStrictHostKeyChecking=accept-new\n",
        "Include none*\nGlobalKnownHostsFile none\nIdentityAgent ${SHELL}/x\nCertificateFile \"a\\\"b\"\nHostKeyAlias X\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// Lists of known hosts to begin with.
pub(crate) fn lists() -> Vec<Vec<u8>> {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    let hashed = "|1|RrOwvzdrvGJL+Sczq+PXsdo0GxE=|vo+kt7wIFrQh4o5EH24gtTJuKGk=";
    [
        format!("n1,[n1]:2222 {key} comment\n# comment\n@revoked * {key}\n"),
        format!("{hashed} {key}\n@cert-authority *.example.net,!bad.example.net {key}\n"),
    ]
    .map(String::into_bytes)
    .to_vec()
}
