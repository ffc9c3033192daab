//! The preflight checks of what surrounds OMS on a host: its system, its neighbours, the other hosts, the MetaDB, the
//! certificate.

use std::path::PathBuf;

use omsctl_inventory::HttpsFiles;
use omsctl_proto::{
    CheckStatus, ErrorCode, ErrorReport, OtherContainer, PortHolder, Secret, SelinuxMode, Unreached,
};

use super::checks::{check, rows};
use crate::plan::fixture::pki::{CERTIFICATE, KEY, OTHER_CERTIFICATE, OTHER_KEY};
use crate::plan::fixture::{ARCHIVE, Cluster, archive, name};
use crate::plan::{ground, passed};
use crate::ports::Grant;

fn stranger(process: &str) -> PortHolder {
    PortHolder { pid: Some(812), process: process.to_owned(), own_container: false }
}

#[test]
fn ports() {
    check(
        |cluster| {
            cluster.facts("n2").ports.insert(8088, stranger("ob_monagent"));
        },
        "ports",
        CheckStatus::Fail,
        "8088 is held by ob_monagent (pid 812)",
    );
    let mut cluster = Cluster::fresh(1);
    cluster.facts("n1").ports.insert(8088, stranger("ob_monagent"));
    let row = rows(&cluster).into_iter().find(|row| row.name == "ports").unwrap();
    assert!(row.fix.contains("obagent"), "{row:?}");
    check(
        |cluster| {
            cluster.facts("n2").ports.insert(17_499, stranger("java"));
        },
        "port_ranges",
        CheckStatus::Warn,
        "17499 is held by java (pid 812)",
    );
}

#[test]
fn the_system() {
    check(
        |cluster| "3.9.1-el6".clone_into(&mut cluster.facts("n2").kernel),
        "kernel",
        CheckStatus::Fail,
        "3.9.1",
    );
    let recycle = |on| move |cluster: &mut Cluster| cluster.facts("n2").system.tcp_tw_recycle = Some(on);
    check(recycle(true), "tcp_tw_recycle", CheckStatus::Fail, "1");
    check(recycle(false), "tcp_tw_recycle", CheckStatus::Pass, "0");
    let selinux = |mode| move |cluster: &mut Cluster| cluster.facts("n2").system.selinux = Some(mode);
    check(selinux(SelinuxMode::Enforcing), "selinux", CheckStatus::Warn, "enforcing");
    check(selinux(SelinuxMode::Permissive), "selinux", CheckStatus::Pass, "permissive");
    check(
        |cluster| cluster.facts("n2").system.firewalls = vec!["firewalld".to_owned()],
        "firewall",
        CheckStatus::Warn,
        "firewalld is at work",
    );
}

#[test]
fn neighbours() {
    fn other(name: &str, running: bool) -> impl FnOnce(&mut Cluster) {
        let other = OtherContainer { name: name.to_owned(), image: "oms:4.2.1".to_owned(), running };
        |cluster: &mut Cluster| cluster.facts("n2").other_containers = vec![other]
    }
    check(other("oms_obd", true), "other_oms", CheckStatus::Fail, "oms_obd (oms:4.2.1) runs");
    check(other("oms_obd", false), "other_oms", CheckStatus::Warn, "oms_obd (oms:4.2.1) is stopped");
    check(other("oms-20260101-000000-abcd", false), "other_oms", CheckStatus::Pass, "none");
    check(
        |cluster| cluster.facts("n2").filled = vec!["/data/oms/oms_store".to_owned()],
        "leftovers",
        CheckStatus::Warn,
        "not empty: /data/oms/oms_store",
    );
    let mut cluster = Cluster::ready(1);
    cluster.facts("n1").filled = vec!["/data/oms/oms_store".to_owned()];
    assert!(!rows(&cluster).iter().any(|row| row.name == "leftovers"), "they are its own");
}

#[test]
fn hosts_reach_each_other() {
    fn unreached(port: u16) -> impl FnOnce(&mut Cluster) {
        let one = |port| Unreached {
            target: format!("10.0.0.1:{port}").parse().unwrap(),
            why: "no answer within 3 s".to_owned(),
        };
        move |cluster: &mut Cluster| {
            cluster.observed.unreached.insert(name("n2"), Ok(vec![one(port), one(16_000)]));
        }
    }
    let found = "does not reach n1 (10.0.0.1) at 8088, 16000: no answer within 3 s";
    check(unreached(8088), "reach", CheckStatus::Fail, found);
    check(unreached(18_000), "reach", CheckStatus::Warn, "n1 (10.0.0.1) at 18000, 16000");
    check(
        |cluster| {
            let error = ErrorReport::new(ErrorCode::Unreachable, "lost");
            cluster.observed.unreached.insert(name("n2"), Err(error));
        },
        "reach",
        CheckStatus::Warn,
        "lost",
    );
    check(|cluster| cluster.observed.unreached.clear(), "reach", CheckStatus::Unknown, "not tried");
    check(|_| {}, "reach", CheckStatus::Pass, "reaches the other host");
}

#[test]
fn hosts_are_tried_where_something_can_answer() {
    let mut cluster = Cluster::fresh(3);
    cluster.facts("n2").ports.insert(8089, stranger("nginx"));
    cluster.facts("n3").ports.insert(9000, PortHolder { own_container: true, ..stranger("java") });
    cluster.unreachable("n1");
    let ground = ground(&cluster.deployment, &cluster.observed);
    let of = |node: &str| &ground.places[&name(node)];
    assert_eq!(of("n2").free, [8088, 9000, 9001, 7100, 16_000, 17_000, 18_000], "not where a stranger is");
    assert_eq!((of("n3").serving.as_slice(), of("n3").free.len()), ([9000].as_slice(), 7));
    assert!(!ground.places.contains_key(&name("n1")) && ground.cm_urls.is_empty());
    let alone = Cluster::fresh(1);
    assert!(crate::plan::ground(&alone.deployment, &alone.observed).places.is_empty());
}

#[test]
fn the_cm_is_asked_for_once_it_may_answer() {
    let mut cluster = Cluster::ready(2);
    let ground = ground(&cluster.deployment, &cluster.observed);
    assert_eq!(ground.cm_urls[&name("n2")], "http://10.0.0.100:8088");
    cluster.observed.cm_urls.insert(name("n2"), Ok((false, "no answer within 5 s".to_owned())));
    cluster.observed.cm_urls.insert(name("n1"), Ok((true, "404".to_owned())));
    let rows = rows(&cluster);
    let status: Vec<_> = rows.iter().filter(|row| row.name == "cm_url").map(|row| row.status).collect();
    assert_eq!(status, [CheckStatus::Pass, CheckStatus::Warn]);
    assert!(passed(&rows), "what leads there may wait for this very rollout");
}

#[test]
fn clocks_are_compared_with_the_median() {
    let mut cluster = Cluster::fresh(3);
    let offsets = [("n1", 200), ("n2", 61_500), ("n3", -300)];
    cluster.observed.clock_offsets_ms = offsets.map(|(node, offset)| (name(node), offset)).into();
    let rows = rows(&cluster);
    let found: Vec<_> = rows.iter().filter(|row| row.name == "clock_hosts").collect();
    let status: Vec<_> = found.iter().map(|row| row.status).collect();
    assert_eq!(status, [CheckStatus::Pass, CheckStatus::Warn, CheckStatus::Pass]);
    assert_eq!(found[1].found, "61.3 s from their median");
}

#[test]
fn the_metadb_is_one_that_oms_can_use() {
    fn version(version: &str) -> impl FnOnce(&mut Cluster) {
        let version = version.to_owned();
        |cluster: &mut Cluster| cluster.metadb().server_version = version
    }
    let row = "metadb_version";
    check(version("5.7.25-OceanBase-v1.4.79"), row, CheckStatus::Fail, "v1.4.79");
    check(version("5.7.25-OceanBase_CE-v4.3.5.0"), row, CheckStatus::Pass, "v4.3.5.0");
    check(version("5.7.25-OceanBase seekdb-v1.4.0.0"), row, CheckStatus::Pass, "seekdb-v1.4.0.0");
    check(version("8.0.36"), row, CheckStatus::Pass, "8.0.36");
    let with_old_oms = |server: &'static str| {
        move |cluster: &mut Cluster| {
            cluster.observed.archives.insert(ARCHIVE.into(), archive("3.3.0"));
            version(server)(cluster);
        }
    };
    check(with_old_oms("8.0.36"), row, CheckStatus::Warn, "8.0.36");
    check(with_old_oms("10.11.6-MariaDB-0+deb12u1"), row, CheckStatus::Pass, "MariaDB");
}

#[test]
fn the_account_may_do_what_oms_does() {
    fn granted(lines: &[(&[&str], Option<&str>)], role: bool) -> impl FnOnce(&mut Cluster) {
        let grant = |(privileges, on): &(&[&str], Option<&str>)| Grant::Privileges {
            privileges: privileges.iter().map(ToString::to_string).collect(),
            on: on.map(str::to_owned),
        };
        let grants: Vec<Grant> = lines.iter().map(grant).chain(role.then_some(Grant::Role)).collect();
        |cluster: &mut Cluster| cluster.metadb().grants = Some(grants)
    }
    const ALL: &[&str] = &["ALL PRIVILEGES"];
    let row = "metadb_privileges";
    check(granted(&[(&["USAGE"], None), (ALL, Some("oms\\_%"))], false), row, CheckStatus::Pass, "all there");
    check(
        granted(&[(ALL, Some("oms_rm")), (ALL, Some("oms_cm"))], false),
        row,
        CheckStatus::Fail,
        "lacks on oms_hb: CREATE, DROP",
    );
    check(granted(&[(&["USAGE"], None)], true), row, CheckStatus::Warn, "unless a role has it");
    let parts = &["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "INDEX"];
    check(granted(&[(parts, None)], false), row, CheckStatus::Fail, "oms_rm: DROP; oms_cm: DROP");
    check(|cluster| cluster.metadb().grants = None, row, CheckStatus::Warn, "does not tell");
}

const END: u64 = 2_111_174_001;
const DAY: u64 = 86_400;

/// Of the second host, at a second of its clock.
fn https(certificate: &str, key: &str, second: u64) -> impl FnOnce(&mut Cluster) {
    let (certificate, key) = (Secret::new(certificate), Secret::new(key));
    move |cluster: &mut Cluster| {
        let (cert, private) = (PathBuf::from("oms.crt"), PathBuf::from("oms.key"));
        cluster.observed.certificates = [(cert.clone(), certificate), (private.clone(), key)].into();
        cluster.settings("n2").https = Some(HttpsFiles { cert, key: private });
        cluster.facts("n2").utc_ms = second * 1000;
        cluster.metadb().utc_ms = second * 1000;
    }
}

#[test]
fn the_certificate() {
    let row = "certificate";
    check(https(CERTIFICATE, KEY, END - 300 * DAY), row, CheckStatus::Pass, "until 2036-11-24");
    check(https(CERTIFICATE, KEY, END - 10 * DAY), row, CheckStatus::Warn, "in 10 days");
    check(https(CERTIFICATE, KEY, END + 1), row, CheckStatus::Fail, "it ended at 2036-11-24");
    check(https(CERTIFICATE, KEY, END - 3700 * DAY), row, CheckStatus::Fail, "valid from 2026-11-27");
    check(
        https(CERTIFICATE, OTHER_KEY, END - DAY),
        row,
        CheckStatus::Fail,
        "oms.crt and its key do not belong",
    );
    check(https("not PEM", KEY, END - DAY), row, CheckStatus::Fail, "oms.crt holds no certificate");
    check(https(CERTIFICATE, "x", END - DAY), row, CheckStatus::Fail, "the key of oms.crt cannot be read");
    let for_another_name = |cluster: &mut Cluster| {
        https(CERTIFICATE, KEY, END - 300 * DAY)(cluster);
        "10.0.0.77".clone_into(&mut cluster.config().cm_url.host);
    };
    check(for_another_name, row, CheckStatus::Warn, "it is for none of 10.0.0.77, 10.0.0.2, n2");
    let by_wildcard = |cluster: &mut Cluster| {
        https(CERTIFICATE, KEY, END - 300 * DAY)(cluster);
        "console.oms.example".clone_into(&mut cluster.config().cm_url.host);
    };
    check(by_wildcard, row, CheckStatus::Pass, "until");
    // Each names itself as its issuer.
    let strangers = format!("{CERTIFICATE}{OTHER_CERTIFICATE}");
    let words = "certificate 2 of the file did not issue";
    check(https(&strangers, KEY, END - 300 * DAY), row, CheckStatus::Warn, words);
}
