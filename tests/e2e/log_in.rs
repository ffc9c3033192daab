//! Story: ways into a host, and those that must stay shut. As strict as `ssh`, and says what to do.

use std::fs;

use system_tests::rig::User;

use super::checks::Wrong;
use super::evidence::{assert_lawful, assert_nothing_left, assert_registered};
use super::operator::Operator;
use super::secrets::Watch;
use super::stage::Stage;

const SUDO_PASSWORD: &str = "sudo-secret-1";

#[test]
fn an_unknown_host_key_is_refused_until_accepted() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let known = operator.path("known_hosts");
    // Debian's own configuration has names hashed.
    let arguments =
        format!("-o UserKnownHostsFile={} -o HashKnownHosts=no -o IdentitiesOnly=yes", known.display());
    operator.inventory(&stage, &stage.host_lines(2), &[("ansible_ssh_common_args", &arguments)]);

    let refused = operator.apply().exits(4).tells(&["--accept-new", "SHA256:"]);
    assert_eq!(refused.of_node("node1")["error"]["code"], "host_key", "{}", refused.stdout);
    assert!(!known.exists() || fs::read_to_string(&known).unwrap().is_empty(), "nothing is remembered");

    operator.run(&["check", "--accept-new", "--format", "json"]).exits(0);
    let remembered = fs::read_to_string(&known).unwrap();
    for node in &stage.usual()[..2] {
        assert!(remembered.contains(node.address()), "{remembered}");
    }
    operator.check().exits(0);
    // A key that changed is never accepted.
    let swapped = remembered
        .replace(stage.host(1).address(), "1.2.3.4")
        .replace(stage.host(2).address(), stage.host(1).address());
    fs::write(&known, swapped).unwrap();
    let changed = operator.run(&["check", "--accept-new", "--format", "json", "--limit", "node1"]);
    assert_ne!(changed.code, 0, "{}", changed.stdout);
    changed.tells(&["known_hosts"]);
}

#[test]
fn a_wrong_key_is_told() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let wrong = stage.wrong_key().display().to_string();
    operator.inventory(&stage, &stage.host_lines(2), &[("ansible_ssh_private_key_file", &wrong)]);
    let refused = operator.apply().exits(4).tells(&["root", "id_ed25519_wrong"]);
    assert_eq!(refused.of_node("node2")["error"]["code"], "authentication", "{}", refused.stdout);
    let checked = operator.check();
    assert_ne!(checked.code, 0);
    assert!(
        checked.failed_checks().contains(&("node1".to_owned(), "connect".to_owned())),
        "{}",
        checked.stdout
    );
}

#[test]
fn sudo_without_its_password_is_told() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    operator.inventory(
        &stage,
        &stage.host_lines(1),
        &[("ansible_user", User::Dba.name()), ("ansible_become", "true")],
    );
    let refused = operator.apply().exits(4).tells(&["sudo", "ansible_become_password", "-K"]);
    assert_eq!(refused.of_node("node1")["error"]["code"], "become", "{}", refused.stdout);
    assert_nothing_left(&stage.nodes()[..1]);

    let wrong =
        [("ansible_user", "dba"), ("ansible_become", "true"), ("ansible_become_password", "nonsense")];
    operator.inventory(&stage, &stage.host_lines(1), &wrong);
    operator.apply().exits(4).tells(&["sudo"]);
}

#[test]
fn three_users_three_ways_one_cluster() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let mut lines = stage.host_lines(3);
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    lines[1].variables.extend([variable("ansible_user", "ops"), variable("ansible_become", "true")]);
    lines[2].variables.extend([
        variable("ansible_user", "dba"),
        variable("ansible_become", "true"),
        variable("ansible_become_password", SUDO_PASSWORD),
    ]);
    operator.inventory(&stage, &lines, &[]);
    operator.check().exits(0);

    let watch = Watch::begin(&[SUDO_PASSWORD]);
    operator.apply().exits(0);
    watch.saw_no_secret();

    assert_registered(&stage, stage.usual());
    assert_lawful(&stage);
    assert_nothing_left(stage.usual());
}

#[test]
fn sudo_that_wants_a_terminal() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let mut lines = stage.host_lines(3);
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for (line, user) in lines.iter_mut().zip(["root", "ops", "dba"]) {
        line.variables.extend([variable("ansible_user", user), variable("ansible_become", "true")]);
    }
    lines[2].variables.push(variable("ansible_become_password", SUDO_PASSWORD));
    operator.inventory(&stage, &lines, &[]);
    let file = "/etc/sudoers.d/requiretty";
    for node in stage.usual() {
        node.write_file(file, "Defaults requiretty\n").unwrap();
        node.exec(["chmod", "0440", file]).unwrap().ok().unwrap();
    }
    let refused = stage.host(2).ssh_as(User::Ops, ["sudo", "-n", "true"]).unwrap();
    let applied = operator.apply();
    for node in stage.usual() {
        node.exec(["rm", file]).unwrap().ok().unwrap();
    }
    assert!(refused.stderr.contains("must have a tty"), "{refused:?}");
    applied.exits(0);
    assert_registered(&stage, stage.usual());
    assert_lawful(&stage);
    assert_nothing_left(stage.usual());
}

/// As inetd does it: one process a connection, which is its standard input and output.
const TINYSSHD: &str = r#"tinysshd-makekey /tmp/tiny
    cat >/tmp/inetd.py <<'END'
import socket, subprocess
listener = socket.create_server(("0.0.0.0", 2222))
while True:
    near, _ = listener.accept()
    with open("/tmp/tiny.log", "ab") as log:
        subprocess.Popen(["tinysshd", "-v", "/tmp/tiny"], stdin=near, stdout=near, stderr=log)
    near.close()
END
    setsid python3 /tmp/inetd.py >/dev/null 2>&1 </dev/null &
    timeout 30 sh -c 'until ss -H -ltn sport = :2222 | grep -q .; do sleep 0.1; done'"#;
const NO_TINYSSHD: &str =
    "pkill -f /tmp/inetd.py; pkill -x tinysshd; rm -rf /tmp/tiny /tmp/tiny.log /tmp/inetd.py";

#[test]
fn a_server_that_opens_one_channel_a_connection() {
    let stage = Stage::bare();
    let operator = Operator::new(&stage);
    let node = stage.host(1);
    let tinysshd = Wrong::make(node, TINYSSHD, NO_TINYSSHD);
    let keys = node.exec(["tinysshd-printkey", "/tmp/tiny"]).unwrap().ok().unwrap().stdout;
    let key = keys.lines().find(|line| line.starts_with("ssh-ed25519")).unwrap();
    let known = operator.write("known_hosts", format!("[{}]:2222 {key}\n", node.address()));
    let arguments = format!("-o UserKnownHostsFile={known} -o IdentitiesOnly=yes");
    let variables = [("ansible_ssh_common_args", arguments.as_str()), ("ansible_port", "2222")];
    operator.inventory(&stage, &stage.host_lines(1), &variables);
    operator.check().exits(0);
    operator.apply().exits(0);
    operator.plan().exits(0).plans(&[("node1", &[])]);
    // More connections than commands, and each of them was logged in to.
    let log = node.read_file("/tmp/tiny.log").unwrap();
    let (connections, log_ins) =
        (log.matches("connection from").count(), log.matches("auth: root: ssh-ed25519").count());
    assert!(connections > 3 && connections == log_ins, "{log}");
    drop(tinysshd);
    assert_registered(&stage, &stage.nodes()[..1]);
    assert_lawful(&stage);
    assert_nothing_left(&stage.nodes()[..1]);
}

#[test]
fn where_no_program_may_run_the_agent_goes_elsewhere_and_says_so() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    operator.inventory(&stage, &stage.host_lines(1), &[]);
    let node = stage.host(1);
    let mount = "mkdir -p /var/lib/omsctl /tmp/x; mount -t tmpfs -o noexec tmpfs /var/lib/omsctl; \
                 mount -t tmpfs -o noexec tmpfs /tmp; mount -t tmpfs -o noexec tmpfs /home";
    node.exec(["sh", "-ec", mount]).unwrap().ok().unwrap();
    let applied = operator.apply();
    let found = node.exec(["ls", "/opt/omsctl/bin"]).unwrap();
    node.exec(["sh", "-c", "umount -l /home /tmp /var/lib/omsctl; rm -r /opt/omsctl"]).unwrap();
    applied.exits(0).tells(&["the agent is in /opt/omsctl/bin (/var/lib/omsctl/bin: ", "Permission denied"]);
    assert!(found.stdout.contains("omsctl-agent-"), "{found:?}");
}
