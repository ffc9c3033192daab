//! Kernel settings, `SELinux` and firewall managers, by their files. Reads only.

use std::fs::read_to_string;

use omsctl_proto::{SelinuxMode, SystemFacts};

use super::proc_net;

pub(super) fn read() -> SystemFacts {
    let text = |path| read_to_string(path).ok();
    let processes = proc_net::processes();
    let names = processes.iter().filter_map(|process| read_to_string(process.join("comm")).ok());
    SystemFacts {
        tcp_tw_recycle: text("/proc/sys/net/ipv4/tcp_tw_recycle").map(|value| value.trim() != "0"),
        selinux: text("/sys/fs/selinux/enforce").and_then(|value| mode(&value)),
        firewalls: firewalls(names, &text("/etc/ufw/ufw.conf").unwrap_or_default()),
    }
}

fn mode(enforce: &str) -> Option<SelinuxMode> {
    match enforce.trim() {
        "1" => Some(SelinuxMode::Enforcing),
        "0" => Some(SelinuxMode::Permissive),
        _ => None,
    }
}

/// firewalld is a daemon; ufw only a file that says whether its rules are loaded at boot.
fn firewalls(mut processes: impl Iterator<Item = String>, ufw: &str) -> Vec<String> {
    let daemon = processes.any(|name| name.trim() == "firewalld").then(|| "firewalld".to_owned());
    let enabled = ufw.lines().any(|line| line.trim().eq_ignore_ascii_case("enabled=yes"));
    daemon.into_iter().chain(enabled.then(|| "ufw".to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_understood() {
        assert_eq!(mode("1"), Some(SelinuxMode::Enforcing));
        assert_eq!(mode("0\n"), Some(SelinuxMode::Permissive));
        let names = ["sshd\n", "firewalld\n"].map(str::to_owned);
        assert_eq!(firewalls(names.into_iter(), "# x\nENABLED=yes\nLOGLEVEL=low\n"), ["firewalld", "ufw"]);
        assert_eq!(firewalls(std::iter::empty(), "ENABLED=no\n"), Vec::<String>::new());
    }
}
