//! Story: each check of the preflight, made to fail on a real host and made to pass again; and what `--fix` mends. What the
//! hosts of a rig share, such as their kernel, is in `other_machines`.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};
use system_tests::rig::{META_PASSWORD, Node, OmsImage};

use super::operator::Operator;
use super::outcome::Outcome;
use super::stage::{CONTAINER, Stage};

/// A state of a host that no check likes, until dropped.
pub(super) struct Wrong<'a> {
    node: &'a Node,
    undo: &'a str,
}

impl<'a> Wrong<'a> {
    pub(super) fn make(node: &'a Node, script: &str, undo: &'a str) -> Self {
        // From here on, so that half a script is undone too.
        let wrong = Self { node, undo };
        node.exec(["sh", "-ec", script]).unwrap().ok().unwrap();
        wrong
    }
}

impl Drop for Wrong<'_> {
    fn drop(&mut self) {
        self.node.exec(["sh", "-c", self.undo]).ok();
    }
}

/// All rows of this name, of a host or of the cluster as a whole; a host has one for each of its disks.
fn rows(checked: &Outcome, node: Option<&str>, name: &str) -> Vec<Value> {
    let document = checked.json();
    let rows = document["checks"].as_array().unwrap().iter();
    rows.filter(|row| row["name"] == name && row["node"].as_str().filter(|node| !node.is_empty()) == node)
        .cloned()
        .collect()
}

#[track_caller]
pub(super) fn row(checked: &Outcome, node: Option<&str>, name: &str) -> Value {
    let found = rows(checked, node, name).pop();
    found.unwrap_or_else(|| panic!("no row {name} of {node:?} in {}", checked.stdout))
}

/// Host, row, its status and a part of what it found; then what makes it so and what undoes it.
type Case<'a> = (usize, &'a str, &'a str, &'a str, &'a str, &'a str);

const OBAGENT: &str = "cp $(readlink -f /usr/bin/python3) /tmp/ob_monagent
    setsid /tmp/ob_monagent -m http.server 8088 >/dev/null 2>&1 </dev/null &
    until ss -H -ltn sport = :8088 | grep -q .; do sleep 0.1; done";
const STRANGER: &str = "setsid python3 -m http.server 17001 >/dev/null 2>&1 </dev/null &
    until ss -H -ltn sport = :17001 | grep -q .; do sleep 0.1; done";
const OTHER_OMS: &str =
    "tar ch /bin/sleep $(ldd /bin/sleep | grep -o '/[^ ]*') 2>/dev/null | docker import - tiny:1
    docker run -d --name oms_obd -v /tmp/obd:/home/ds/store tiny:1 /bin/sleep 600";
const SAME_ID: &str =
    "cp /etc/machine-id /tmp/machine-id; echo 0123456789abcdef0123456789abcdef >/etc/machine-id";
const OWN_ID: &str = "mv /tmp/machine-id /etc/machine-id";
const FIREWALL: &str = "cp /bin/sleep /tmp/firewalld; setsid /tmp/firewalld 600 >/dev/null 2>&1 </dev/null &";
const RECYCLE: &str = "mount -t tmpfs tmpfs /proc/sys/net/ipv4; echo 1 >/proc/sys/net/ipv4/tcp_tw_recycle";

const CASES: [Case<'_>; 14] = [
    (
        1,
        "paths",
        "fail",
        "/data/oms/config.yaml is a directory",
        "mkdir -p /data/oms/config.yaml",
        "rm -r /data/oms",
    ),
    (
        1,
        "disk",
        "fail",
        "free inodes on /data/oms/oms_store",
        "mkdir -p /data/oms/oms_store; mount -t tmpfs -o size=2g,nr_inodes=200 tmpfs /data/oms/oms_store",
        "umount /data/oms/oms_store; rmdir /data/oms/oms_store",
    ),
    (1, "tcp_tw_recycle", "fail", "1", RECYCLE, "umount /proc/sys/net/ipv4"),
    (
        2,
        "disk_docker",
        "fail",
        "free",
        "mount -t tmpfs -o size=50m tmpfs /var/lib/docker",
        "umount /var/lib/docker",
    ),
    (2, "ports", "fail", "8088 is held by ob_monagent", OBAGENT, "pkill -x ob_monagent; rm /tmp/ob_monagent"),
    (2, "port_ranges", "warn", "17001 is held by python3", STRANGER, "pkill -f 'http.server 17001'"),
    (2, "machine_id", "warn", "node3 has the same one", SAME_ID, OWN_ID),
    (3, "machine_id", "warn", "node2 has the same one", SAME_ID, OWN_ID),
    (
        3,
        "disk_agent",
        "fail",
        "free on",
        "mount -t tmpfs -o size=40m tmpfs /var/lib/omsctl",
        "umount -l /var/lib/omsctl",
    ),
    (3, "other_oms", "fail", "oms_obd (tiny:1) runs", OTHER_OMS, "docker rm -f oms_obd; docker rmi tiny:1"),
    (
        3,
        "leftovers",
        "warn",
        "not empty: /data/oms/oms_run",
        "mkdir -p /data/oms/oms_run; touch /data/oms/oms_run/old",
        "rm -r /data/oms",
    ),
    (3, "firewall", "warn", "firewalld is at work", FIREWALL, "pkill -x firewalld; rm /tmp/firewalld"),
    (
        3,
        "time_zone",
        "warn",
        "Europe/Berlin",
        "if [ -e /etc/timezone ]; then cp /etc/timezone /tmp/zone; fi; echo Europe/Berlin >/etc/timezone",
        "rm /etc/timezone; if [ -e /tmp/zone ]; then mv /tmp/zone /etc/timezone; fi",
    ),
    // The address is that of the first host.
    (
        2,
        "reach of node1",
        "fail",
        "does not reach node2",
        "iptables -I INPUT -p tcp --dport 9000 -s FIRST -j REJECT",
        "iptables -D INPUT -p tcp --dport 9000 -s $(iptables -S INPUT | sed -n 's/.*-s \\([0-9.]*\\).*9000.*/\\1/p') -j REJECT",
    ),
];

#[test]
fn each_row_fails_and_passes() {
    let stage = Stage::bare();
    let operator = Operator::new(&stage);
    let good = operator.check().exits(0);
    let first = stage.host(1).address().to_owned();
    let of = |case: &Case<'_>| match case.1.split_once(" of ") {
        Some((name, node)) => (node.to_owned(), name.to_owned()),
        None => (stage.host(case.0).name().to_owned(), case.1.to_owned()),
    };
    let wrong: Vec<_> = CASES
        .iter()
        .map(|(host, _, _, _, script, undo)| {
            Wrong::make(stage.host(*host), &script.replace("FIRST", &first), undo)
        })
        .collect();
    let bad = operator.check().exits(3);
    drop(wrong);
    let again = operator.check().exits(0);
    for case in &CASES {
        let (node, name) = of(case);
        let found = rows(&bad, Some(&node), &name);
        let found = found.iter().find(|row| row["found"].as_str().unwrap().contains(case.3));
        let found = found.unwrap_or_else(|| panic!("{name} of {node} in {}", bad.stdout));
        assert_eq!(found["status"], case.2, "{found}");
        assert_ne!(found["fix"], "", "{found}");
        for found in [&good, &again].into_iter().flat_map(|outcome| rows(outcome, Some(&node), &name)) {
            // The machine of the rig may have less room than OMS's advice, and enough.
            let advised = name == "disk" && found["status"] == "warn";
            assert!(advised || found["status"] == "pass", "{found}");
        }
    }
}

#[test]
fn what_is_safe_is_mended_when_asked_for() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let (one, two) = (stage.host(1), stage.host(2));
    one.stop_docker().unwrap();
    let _recycle = Wrong::make(two, RECYCLE, "umount /proc/sys/net/ipv4");
    operator.run(&["check", "--fix"]).exits(2).tells(&["no terminal to ask on", "--yes"]);
    operator.check().exits(3);
    let mended = operator.run(&["check", "--fix", "--yes", "--format", "json"]).exits(0);
    mended.tells(&[
        "node1: docker: mended; `systemctl stop docker` there undoes it",
        "node2: tcp_tw_recycle: mended; `sysctl -w net.ipv4.tcp_tw_recycle=1` there undoes it",
    ]);
    one.docker(["version"]).unwrap().ok().unwrap();
    assert_eq!(two.read_file("/proc/sys/net/ipv4/tcp_tw_recycle").unwrap().trim(), "0");
}

#[test]
fn one_machine_under_two_names() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let mut lines = stage.host_lines(2);
    lines[1].name = "another".to_owned();
    lines[1].variables = lines[0].variables.clone();
    operator.inventory(&stage, &lines, &[]);
    let checked = operator.check().exits(3);
    let found = row(&checked, Some("another"), "same_machine");
    assert_eq!(found["status"], "fail", "{found}");
    let found = row(&checked, Some("node1"), "same_machine");
    assert!(found["found"].as_str().unwrap().contains("node1 and another are one machine"), "{found}");
}

#[test]
fn an_address_that_no_interface_has() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let mut lines = stage.host_lines(3);
    lines[2].variables.push(("oms_host_ip".to_owned(), "192.0.2.77".to_owned()));
    operator.inventory(&stage, &lines, &[]);
    let checked = operator.check().exits(3);
    let found = row(&checked, Some("node3"), "oms_host_ip");
    assert_eq!(found["status"], "fail", "{found}");
    assert!(found["found"].as_str().unwrap().contains(stage.host(3).address()), "{found}");
}

#[test]
fn a_certificate_and_a_key_that_do_not_belong_together() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let (certificate, key) = stage.certificate().unwrap();
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let mut rows = Vec::new();
    operator.write(
        "other.key",
        stage.host(1).exec(["openssl", "genpkey", "-algorithm", "ed25519"]).unwrap().stdout,
    );
    for key in [text(&key), text(&operator.path("other.key"))] {
        let variables = [("oms_https_cert", text(&certificate)), ("oms_https_key", key)];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        operator.inventory(&stage, &stage.host_lines(3), &variables);
        rows.push(row(&operator.check(), Some("node2"), "certificate"));
    }
    assert_ne!(rows[0]["status"], "fail", "{}", rows[0]);
    assert_eq!(rows[1]["status"], "fail", "{}", rows[1]);
    assert!(rows[1]["found"].as_str().unwrap().contains("do not belong together"), "{}", rows[1]);
}

#[test]
fn an_account_that_may_only_read() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    assert_eq!(row(&operator.check(), None, "metadb_privileges")["status"], "pass");
    let password = META_PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
    let create =
        format!("CREATE USER IF NOT EXISTS reader IDENTIFIED BY '{password}'; GRANT SELECT ON *.* TO reader");
    stage.metadb_query(&create).unwrap();
    operator.config(&stage, &[("oms_meta_user", "reader")]);
    let checked = operator.check().exits(3);
    let found = row(&checked, None, "metadb_privileges");
    assert_eq!(found["status"], "fail", "{found}");
    assert!(
        found["found"].as_str().unwrap().contains("oms_rm: CREATE, DROP, ALTER, INDEX, INSERT"),
        "{found}"
    );
    assert_eq!(row(&checked, None, "metadb_version")["status"], "pass");
    stage.metadb_query("DROP USER reader").unwrap();
}

#[test]
fn a_metadb_that_lets_nobody_in() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let good = operator.check().exits(0);
    operator.config(&stage, &[("oms_meta_password", "not-this-one")]);
    let bad = operator.check().exits(3);
    for (checked, status) in [(&good, "pass"), (&bad, "fail")] {
        for node in [Some("node1"), Some("node2"), Some("node3")] {
            assert_eq!(row(checked, node, "metadb_login")["status"], status, "{}", checked.stdout);
        }
        assert_eq!(row(checked, None, "metadb")["status"], status, "{}", checked.stdout);
    }
    assert!(!bad.stdout.contains("not-this-one") && !bad.stderr.contains("not-this-one"));
}

#[test]
fn databases_that_hold_another_cluster() {
    let (stage, operator) = Stage::cluster();
    assert_eq!(row(&operator.check().exits(0), None, "cluster")["status"], "pass");
    operator.inventory(&stage, &stage.host_lines(4)[3..], &[]);
    let found = row(&operator.check().exits(3), None, "cluster");
    assert_eq!(found["status"], "fail", "{found}");
    assert!(found["found"].as_str().unwrap().contains("another cluster"), "{found}");
}

#[test]
fn a_virtual_ip_that_no_interface_can_take() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let network = stage.host(1).address().rsplit_once('.').unwrap().0.to_owned();
    let address = format!("{network}.77/24");
    let of = |variables: &[(&str, &str)]| {
        let keepalived = [("oms_vip_provider", "keepalived")];
        operator.inventory(&stage, &stage.host_lines(3), &[&keepalived, variables].concat());
        row(&operator.check(), Some("node2"), "virtual_ip")
    };
    let fits = of(&[("oms_vip_address", &address)]);
    assert_eq!(fits["status"], "pass", "{fits}");
    for wrong in [
        &[("oms_vip_address", address.as_str()), ("oms_vip_interface", "eth77")][..],
        &[("oms_vip_address", "192.0.2.77/24"), ("oms_vip_interface", "eth0")],
    ] {
        let found = of(wrong);
        assert_eq!(found["status"], "fail", "{found}");
        assert_ne!(found["fix"], "", "{found}");
    }
}

#[test]
fn the_cm_is_asked_for_by_each_host_once_it_serves() {
    let (stage, operator) = Stage::cluster();
    let good = operator.check().exits(0);
    for node in stage.usual() {
        assert_eq!(row(&good, Some(node.name()), "cm_url")["status"], "pass");
        assert!(row(&good, Some(node.name()), "reach")["found"].as_str().unwrap().contains("2 hosts"));
        assert!(node.container_id(CONTAINER).unwrap().is_some());
    }
    let block = format!("iptables -I OUTPUT -p tcp --dport 8088 -d {} -j REJECT", stage.balancer_address());
    let wrong = Wrong::make(stage.host(2), &block, "iptables -D OUTPUT 1");
    let checked = operator.check().exits(0);
    drop(wrong);
    assert_eq!(row(&checked, Some("node2"), "cm_url")["status"], "warn", "{}", checked.stdout);
    assert_eq!(row(&checked, Some("node1"), "cm_url")["status"], "pass", "{}", checked.stdout);
}

#[test]
fn an_image_for_another_processor() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    operator.write("arm.tar", archive_for("arm64"));
    let path = operator.path("arm.tar");
    operator.inventory(&stage, &stage.host_lines(3), &[("oms_image_archive", path.to_str().unwrap())]);
    let checked = operator.check().exits(3);
    let found = row(&checked, Some("node1"), "image_architecture");
    assert_eq!(found["status"], "fail", "{found}");
    assert!(found["found"].as_str().unwrap().contains("is for arm64"), "{found}");
}

/// As `docker save` writes it, with one empty layer.
fn archive_for(architecture: &str) -> Vec<u8> {
    let layer = vec![0; 1024];
    let digest = |bytes: &[u8]| {
        Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    };
    let diff_id = format!("sha256:{}", digest(&layer));
    let config = serde_json::json!({
        "architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    });
    let config = config.to_string().into_bytes();
    let name = format!("{}.json", digest(&config));
    let reference = OmsImage::Script.reference();
    let manifest =
        serde_json::json!([{"Config": name, "RepoTags": [reference], "Layers": ["one/layer.tar"]}]);
    let mut archive = tar::Builder::new(Vec::new());
    let manifest = manifest.to_string().into_bytes();
    for (name, content) in [(name.as_str(), config), ("one/layer.tar", layer), ("manifest.json", manifest)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, name, content.as_slice()).unwrap();
    }
    archive.into_inner().unwrap()
}
