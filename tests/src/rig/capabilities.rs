//! Which arguments a host container needs on this machine: plain `--privileged`, or its parts where the machine lacks
//! a capability and Docker could not grant them all (see `research/rig.md`).

use std::path::Path;

/// What Docker 20.10 knows besides `SYS_RESOURCE`; the bits are those of `capabilities(7)`.
const KNOWN: [(u32, &str); 37] = [
    (0, "CHOWN"),
    (1, "DAC_OVERRIDE"),
    (2, "DAC_READ_SEARCH"),
    (3, "FOWNER"),
    (4, "FSETID"),
    (5, "KILL"),
    (6, "SETGID"),
    (7, "SETUID"),
    (8, "SETPCAP"),
    (9, "LINUX_IMMUTABLE"),
    (10, "NET_BIND_SERVICE"),
    (11, "NET_BROADCAST"),
    (12, "NET_ADMIN"),
    (13, "NET_RAW"),
    (14, "IPC_LOCK"),
    (15, "IPC_OWNER"),
    (16, "SYS_MODULE"),
    (17, "SYS_RAWIO"),
    (18, "SYS_CHROOT"),
    (19, "SYS_PTRACE"),
    (20, "SYS_PACCT"),
    (21, "SYS_ADMIN"),
    (22, "SYS_BOOT"),
    (23, "SYS_NICE"),
    (25, "SYS_TIME"),
    (26, "SYS_TTY_CONFIG"),
    (27, "MKNOD"),
    (28, "LEASE"),
    (29, "AUDIT_WRITE"),
    (30, "AUDIT_CONTROL"),
    (31, "SETFCAP"),
    (32, "MAC_OVERRIDE"),
    (33, "MAC_ADMIN"),
    (34, "SYSLOG"),
    (35, "WAKE_ALARM"),
    (36, "BLOCK_SUSPEND"),
    (37, "AUDIT_READ"),
];

/// The arguments of `docker run` that make a container a host with its own Docker.
pub(super) fn arguments() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap_or_default();
    let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    arguments_for(bounding(&status), last.trim().parse().unwrap_or(40), unified)
}

fn bounding(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).unwrap_or_default();
    u64::from_str_radix(line.trim(), 16).unwrap_or(u64::MAX)
}

fn arguments_for(bounding: u64, last: u32, unified: bool) -> Vec<String> {
    let full = (1_u64 << (last + 1)) - 1;
    if bounding & full == full {
        return vec!["--privileged".to_owned()];
    }
    let mut arguments: Vec<String> = [
        "--cap-drop=ALL",
        "--security-opt=seccomp=unconfined",
        "--security-opt=apparmor=unconfined",
        "--device-cgroup-rule=a *:* rwm",
    ]
    .map(str::to_owned)
    .to_vec();
    let held = KNOWN.iter().filter(|(bit, _)| bounding >> bit & 1 == 1);
    arguments.extend(held.map(|(_, name)| format!("--cap-add={name}")));
    if !unified {
        arguments.push("--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw".to_owned());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_machine_uses_the_plain_flag() {
        assert_eq!(arguments_for(0x1ff_ffff_ffff, 40, false), ["--privileged"]);
    }

    #[test]
    fn a_machine_without_a_capability_asks_for_the_others() {
        let arguments = arguments_for(bounding("Name:\tx\nCapBnd:\t000001fffeffffff\n"), 40, false);
        assert!(!arguments.iter().any(|argument| argument.contains("SYS_RESOURCE")));
        assert!(arguments.contains(&"--cap-add=SYS_ADMIN".to_owned()));
        assert!(arguments.contains(&"--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw".to_owned()));
    }

    #[test]
    fn a_unified_hierarchy_is_not_shared_with_the_machine() {
        let arguments = arguments_for(0xff, 40, true);
        assert!(!arguments.iter().any(|argument| argument.starts_with("--volume")));
    }
}
