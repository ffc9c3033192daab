//! Story: what the hosts of a rig share, made to differ: kernel, processors, memory, `SELinux`, cgroups, SSH host keys, and
//! the MetaDB's version and clock. The hosts have one kernel, but each has its own mounts, and every agent is a child of sshd.
//!
//! One row is left to the unit tests: `clock_hosts`. The agent is static and reads the clock from memory that the kernel
//! maps into it (vDSO): there is no system call to turn away, no library to replace, and time namespaces leave the time of
//! day alone. Setting a host's clock would set that of all of them, and of this machine.

use std::process::Command;

use system_tests::rig::{META_PASSWORD, META_USER};

use super::checks::{Wrong, row};
use super::operator::Operator;
use super::outcome::Outcome;
use super::stage::Stage;

/// Host, row, and what it is when that is made wrong and when it is made right.
type Case = (usize, &'static str, (&'static str, &'static str), &'static str);

const CASES: [Case; 5] = [
    (1, "kernel", ("fail", "2.6."), "."),
    (1, "cpu", ("warn", "1 CPUs"), "16 CPUs"),
    (1, "memory", ("warn", "4.0 GiB"), "64.0 GiB"),
    (2, "selinux", ("warn", "enforcing"), "permissive"),
    (2, "cgroup", ("warn", "cgroup v2"), "cgroup v1"),
];

/// sshd starts itself anew for each connection, so what lies over it counts from the next log-in on.
const OLD_AND_SMALL: &str = r#"cp -a /usr/sbin/sshd /usr/sbin/sshd.own
    printf '#!/bin/sh\nexec setarch --uname-2.6 taskset -c 0 /usr/sbin/sshd.own "$@"\n' >/tmp/sshd.other
    chmod 755 /tmp/sshd.other; mount --bind /tmp/sshd.other /usr/sbin/sshd
    echo 'MemTotal: 4194304 kB' >/tmp/meminfo; mount --bind /tmp/meminfo /proc/meminfo"#;

/// A filter turns `sched_getaffinity` (204) away, so that the processors are counted in a file; and that can be another one.
const LARGE: &str = r#"cp -a /usr/sbin/sshd /usr/sbin/sshd.own
    cat >/tmp/sshd.other <<'END'
#!/usr/bin/python3
import ctypes, os, struct, sys
lines = [(0x20, 0, 0, 0), (0x15, 0, 1, 204), (0x06, 0, 0, 0x00050026), (0x06, 0, 0, 0x7FFF0000)]
text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(lines), ctypes.addressof(text)))
if ctypes.CDLL(None).prctl(22, 2, program, 0, 0):
    sys.exit("no filter")
os.execv("/usr/sbin/sshd.own", ["/usr/sbin/sshd.own"] + sys.argv[1:])
END
    chmod 755 /tmp/sshd.other; mount --bind /tmp/sshd.other /usr/sbin/sshd
    echo 0-15 >/tmp/online; mount --bind /tmp/online /sys/devices/system/cpu/online
    echo 'MemTotal: 67108864 kB' >/tmp/meminfo; mount --bind /tmp/meminfo /proc/meminfo"#;

const OWN_MACHINE: &str =
    "umount /usr/sbin/sshd; umount /proc/meminfo; umount /sys/devices/system/cpu/online 2>/dev/null
    rm -f /usr/sbin/sshd.own /tmp/sshd.other /tmp/meminfo /tmp/online";

const ENFORCING: &str = "mount -t tmpfs tmpfs /sys/fs; mkdir /sys/fs/selinux /sys/fs/cgroup
    echo 1 >/sys/fs/selinux/enforce; touch /sys/fs/cgroup/cgroup.controllers";
const PERMISSIVE: &str = "mount -t tmpfs tmpfs /sys/fs; mkdir -p /sys/fs/selinux /sys/fs/cgroup/memory
    echo 0 >/sys/fs/selinux/enforce";
const OWN_SYSTEM: &str = "umount /sys/fs";

#[track_caller]
fn is(checked: &Outcome, node: Option<&str>, name: &str, status: &str, found: &str) {
    let row = row(checked, node, name);
    assert_eq!(row["status"], status, "{row}");
    assert!(row["found"].as_str().unwrap().contains(found), "{row}");
    assert_eq!(row["fix"].as_str().unwrap().is_empty(), status == "pass", "{row}");
}

fn failed(checked: &Outcome) -> Vec<(String, String)> {
    checked.failed_checks()
}

#[test]
fn another_kernel_with_less_of_everything() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let (one, two) = (stage.host(1), stage.host(2));
    let wrong = [Wrong::make(one, OLD_AND_SMALL, OWN_MACHINE), Wrong::make(two, ENFORCING, OWN_SYSTEM)];
    let bad = operator.check().exits(3);
    drop(wrong);
    let right = [Wrong::make(one, LARGE, OWN_MACHINE), Wrong::make(two, PERMISSIVE, OWN_SYSTEM)];
    let good = operator.check().exits(0);
    drop(right);
    for (host, name, (status, found), found_right) in CASES {
        let node = Some(stage.host(host).name());
        is(&bad, node, name, status, found);
        is(&good, node, name, "pass", found_right);
    }
    // The other rows hold, and so do the other hosts.
    assert_eq!(failed(&bad), [("node1".to_owned(), "kernel".to_owned())]);
    is(&bad, Some("node2"), "kernel", "pass", ".");
    is(&bad, Some("node1"), "selinux", "pass", "not used");
    is(&operator.check().exits(0), Some("node1"), "selinux", "pass", "not used");
}

const KEY: &str = "/etc/ssh/ssh_host_ed25519_key";
/// sshd reads its keys for each connection.
const KEEP_KEY: &str = "cp -a /etc/ssh/ssh_host_ed25519_key /tmp/key";
const OWN_KEY: &str = "cat /tmp/key >/etc/ssh/ssh_host_ed25519_key; rm /tmp/key";

#[test]
fn two_machines_with_one_host_key() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let (two, three) = (stage.host(2), stage.host(3));
    let wrong = Wrong::make(three, KEEP_KEY, OWN_KEY);
    three.write_file(KEY, &two.read_file(KEY).unwrap()).unwrap();
    let known = [(stage.host(1), stage.host(1)), (two, two), (three, two)].map(|(host, shows)| {
        let key = shows.read_file(&format!("{KEY}.pub")).unwrap();
        format!("{} {key}", host.address())
    });
    let known = operator.write("known_hosts", known.concat());
    let arguments = format!("-o UserKnownHostsFile={known} -o IdentitiesOnly=yes");
    operator.inventory(&stage, &stage.host_lines(3), &[("ansible_ssh_common_args", &arguments)]);
    let bad = operator.check().exits(0);
    drop(wrong);
    operator.inventory(&stage, &stage.host_lines(3), &[]);
    let good = operator.check().exits(0);
    is(&bad, Some("node2"), "host_key", "warn", "node3 shows the same one");
    is(&bad, Some("node3"), "host_key", "warn", "node2 shows the same one");
    is(&bad, Some("node1"), "host_key", "pass", "SHA256:");
    for node in stage.usual() {
        is(&good, Some(node.name()), "host_key", "pass", "SHA256:");
        is(&bad, Some(node.name()), "same_machine", "pass", "");
    }
}

/// A second server in the container of the rig's MariaDB, gone with this value.
struct Server {
    container: String,
}

const PORT: &str = "3307";
const END: &str = "if [ -s /tmp/other/pid ]; then kill $(cat /tmp/other/pid)
    timeout 60 sh -c 'while [ -e /tmp/other/pid ]; do sleep 0.1; done'; fi";

impl Server {
    fn new(stage: &Stage) -> Self {
        let server = Self { container: stage.mariadb().unwrap().unwrap().container().to_owned() };
        server.run(&format!(
            "{END}
            rm -rf /tmp/other; install -d -o mysql /tmp/other
            mariadb-install-db --user=mysql --datadir=/tmp/other --auth-root-authentication-method=normal >/dev/null"
        ));
        server
    }

    /// Says that it is that version, and has that clock for whoever may not do everything.
    fn start(&self, version: &str, ahead: u32) {
        self.run(&format!(
            "{END}
            setsid mariadbd --user=mysql --datadir=/tmp/other --port={PORT} --bind-address=0.0.0.0 --skip-name-resolve \
                --default-time-zone=+00:00 --socket=/tmp/other/socket --pid-file=/tmp/other/pid --version={version} \
                --init-connect='SET timestamp = UNIX_TIMESTAMP() + {ahead}' >/tmp/other/log 2>&1 </dev/null &
            timeout 60 sh -c 'until mariadb --socket=/tmp/other/socket -e \"SELECT 1\" >/dev/null 2>&1; do sleep 0.1; done'"
        ));
    }

    fn run(&self, script: &str) {
        let output = Command::new("docker").args(["exec", &self.container, "sh", "-ec", script]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let end = format!("{END}; rm -rf /tmp/other");
        Command::new("docker").args(["exec", &self.container, "sh", "-c", &end]).status().ok();
    }
}

#[test]
fn an_old_metadb_with_another_clock() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let server = Server::new(&stage);
    server.start("5.7.25-OceanBase-v1.4.79", 3600);
    let password = META_PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
    let account = format!(
        "CREATE USER {META_USER} IDENTIFIED BY '{password}';
        GRANT ALL ON oms_rm.* TO {META_USER}; GRANT ALL ON oms_cm.* TO {META_USER};
        GRANT ALL ON oms_cm_hb.* TO {META_USER};"
    );
    server.run(&format!("mariadb --socket=/tmp/other/socket <<'END'\n{account}\nEND"));
    let address = stage.mariadb().unwrap().unwrap().address().to_owned();
    operator.config(&stage, &[("oms_meta_host", &address), ("oms_meta_port", PORT)]);
    let bad = operator.check().exits(3);
    assert_eq!(failed(&bad), [(String::new(), "metadb_version".to_owned())]);
    is(&bad, None, "metadb_version", "fail", "OceanBase-v1.4.79");
    is(&bad, None, "metadb_privileges", "pass", "all there");
    server.start("5.7.25-OceanBase-v4.2.1", 0);
    let good = operator.check().exits(0);
    is(&good, None, "metadb_version", "pass", "OceanBase-v4.2.1");
    for node in stage.usual() {
        is(&bad, Some(node.name()), "clock", "warn", " s apart");
        is(&good, Some(node.name()), "clock", "pass", " s apart");
        is(&bad, Some(node.name()), "clock_hosts", "pass", "0.0 s");
    }
}
