//! `omsctl ssh-config`, the program: with and without an inventory, for people and for programs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use super::original::{Answer, listing};

const CONFIG: &str = "\
Host alias
  HostName %h.example.net
  User file
  IdentityFile ~/.ssh/from_file
  ForwardAgent yes
Host *
  ProxyJump bastion
  ConnectTimeout 1m30s
  Ciphers aes256-ctr
";

const INVENTORY: &str = "\
[oms]
n1 ansible_host=alias ansible_port=2222 ansible_user=root ansible_ssh_private_key_file=/etc/hostname

[oms:vars]
ansible_ssh_common_args='-o ConnectTimeout=7 -v'
";

fn omsctl(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_omsctl"));
    command.current_dir(folder).arg("ssh-config").args(arguments).args(["--ssh-config", "config"]);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("XDG_STATE_HOME", folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What ssh prints, as lines, of the keywords that are among ours.
fn expected(folder: &Path, arguments: &[&str], host: &str, ours: &str) -> Vec<String> {
    let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
    let Answer::Listed(theirs) = listing(&folder.join("config"), &arguments, host, &BTreeMap::new()) else {
        panic!("ssh refuses it")
    };
    let keywords: Vec<&str> = ours.lines().filter_map(|line| line.split(' ').next()).collect();
    let lines = theirs.iter().filter(|(keyword, _)| keywords.contains(&keyword.as_str()));
    let mut lines: Vec<String> = lines
        .flat_map(|(keyword, values)| values.iter().map(move |value| format!("{keyword} {value}")))
        .collect();
    lines.sort();
    lines
}

fn sorted(ours: &str) -> Vec<String> {
    let mut lines: Vec<String> = ours.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn without_an_inventory_it_prints_what_ssh_prints() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config"), CONFIG).unwrap();
    let output = omsctl(folder.path(), &["alias"]);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    assert_eq!(sorted(&stdout), expected(folder.path(), &[], "alias", &stdout));
    assert!(stdout.contains("proxyjump bastion\n") && stdout.contains("connecttimeout 90\n"), "{stdout}");
    assert_eq!(
        stderr,
        "not honoured: forwardagent yes (config:5)\nnot honoured: ciphers aes256-ctr (config:9)\n"
    );
}

#[test]
fn what_the_inventory_says_counts_like_options_of_ssh() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config"), CONFIG).unwrap();
    std::fs::write(folder.path().join("inventory.ini"), INVENTORY).unwrap();
    let output = omsctl(folder.path(), &["n1"]);
    let stdout = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let options =
        ["-o", "Port=2222", "-o", "User=root", "-o", "IdentityFile=/etc/hostname", "-o", "ConnectTimeout=7"];
    assert_eq!(sorted(&stdout), expected(folder.path(), &options, "alias", &stdout));

    let output = omsctl(folder.path(), &["n1", "--format", "json"]);
    let document: String = text(&output.stdout);
    for part in [
        "\"host\": \"n1\"",
        "\"connecttimeout\": [",
        "\"keyword\": \"forwardagent\"",
        "\"place\": \"config:5\"",
    ] {
        assert!(document.contains(part), "{part} in {document}");
    }
}

#[test]
fn every_mistake_is_told_and_nothing_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config"), "Port x\nMatch final\nHostnam y\nUser\n").unwrap();
    let output = omsctl(folder.path(), &["alias"]);
    let stderr = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{stderr}");
    for part in [
        "config:1: port \"x\"",
        "config:3: there is no keyword \"hostnam\" (is it hostname?)",
        "config:4: user has no value",
    ] {
        assert!(stderr.contains(part), "{part} in {stderr}");
    }
    std::fs::write(folder.path().join("config"), "CanonicalizeHostname yes\n").unwrap();
    let output = omsctl(folder.path(), &["alias"]);
    let stderr = text(&output.stderr);
    assert_eq!(stderr, "error: config:1: omsctl does not honour canonicalizehostname yes\n");
    assert_eq!(output.status.code(), Some(2));
}
