//! Another version for a whole cluster: what is done, what is refused, and that whatever is cut off goes on or back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use omsctl_proto::{Action, DiskFacts, InitState, RunId, StepId};

use crate::plan::fixture::{ARCHIVE, Cluster, archive, name, steps_of};
use crate::plan::wanted::AGENT_FOLDER;
use crate::plan::{Plan, Purpose, stood_for};
use crate::ports::DatabaseContent;

const VERSION: &str = "4.2.9";

/// A cluster of 4.2.7 whose inventory names another image.
fn cluster(hosts: u8) -> Cluster {
    let mut cluster = Cluster::ready(hosts);
    cluster.goal.purpose = Purpose::Upgrade;
    cluster.goal.run = RunId::new("run2").unwrap();
    cluster.observed.archives = BTreeMap::from([(PathBuf::from(ARCHIVE), archive(VERSION))]);
    let content = |tables: &[&str]| DatabaseContent {
        tables: tables.iter().map(|table| (*table).to_owned()).collect(),
        bytes: 1000,
    };
    let contents = [
        ("oms_rm", content(&["cluster_info"])),
        ("oms_cm", content(&["host"])),
        ("oms_hb", content(&["heart_beat", "heatbeat_sequence"])),
    ];
    cluster.observed.contents =
        Some(Ok(contents.into_iter().map(|(name, content)| (name.to_owned(), content)).collect()));
    cluster
}

/// Only so many steps of each host are done.
fn walk_so_far(cluster: &mut Cluster, plan: &Plan, steps: &[(&str, usize)]) {
    let mut cut = plan.clone();
    for node in &mut cut.nodes {
        let so_far =
            steps.iter().find(|(name, _)| *name == node.node.as_str()).map_or(0, |(_, steps)| *steps);
        node.steps.truncate(so_far);
        node.register = None;
    }
    cluster.walk(&cut);
}

const FIRST: [&str; 9] = [
    "load_image",
    "stop_container",
    "stopped:dump_databases",
    "databases:write_config",
    "replace_container",
    "schema:initialise",
    "await_services",
    "await_healthy",
    "register",
];

#[test]
fn all_stop_then_the_first_dumps_then_all_start_the_new_version() {
    let mut cluster = cluster(3);
    let plan = cluster.plan().unwrap();
    assert_eq!(steps_of(&plan, "n1"), FIRST);
    for node in ["n2", "n3"] {
        let expected: Vec<&str> =
            FIRST.into_iter().filter(|step| *step != "stopped:dump_databases").collect();
        assert_eq!(steps_of(&plan, node), expected, "{node}");
    }
    assert_eq!(plan.schema_order, ["n1", "n2", "n3"].map(name));
    let dump = plan.node(&name("n1")).unwrap().step(StepId::DumpDatabases).unwrap();
    let Action::DumpDatabases { dump } = &dump.action else { panic!("{dump:?}") };
    assert_eq!(dump.databases.keys().collect::<Vec<_>>(), ["oms_cm", "oms_hb", "oms_rm"]);
    assert_eq!(dump.purge, BTreeSet::from(["oms_hb".to_owned()]));
    let create = plan.node(&name("n2")).unwrap().step(StepId::ReplaceContainer).unwrap();
    let Action::CreateContainer { container, set_aside } = &create.action else { panic!("{create:?}") };
    assert!(container.is_upgrade);
    assert_eq!(set_aside.as_deref(), Some("oms-run2"));
    assert!(plan.secrets[&name("n1")].keys().any(|secret| secret.as_str() == "metadb-client"));
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0, "a second time there is nothing to do");
    cluster.goal.purpose = Purpose::Apply;
    assert_eq!(cluster.plan().unwrap().changes(), 0, "and IS_UPGRADE is no difference");
}

#[test]
fn rollback_restores_the_databases_and_the_former_containers() {
    let mut cluster = cluster(2);
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    cluster.goal.purpose = Purpose::Rollback;
    cluster.goal.run = RunId::new("run3").unwrap();
    let back = cluster.plan().unwrap();
    let first = [
        "stop_container",
        "stopped:restore_databases",
        "databases:restore_container",
        "await_services",
        "await_healthy",
        "register",
    ];
    assert_eq!(steps_of(&back, "n1"), first);
    assert_eq!(
        steps_of(&back, "n2"),
        ["stop_container", "databases:restore_container", "await_services", "await_healthy", "register"]
    );
    cluster.walk(&back);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
    cluster.goal.purpose = Purpose::Apply;
    cluster.observed.archives = BTreeMap::from([(PathBuf::from(ARCHIVE), archive("4.2.7"))]);
    assert_eq!(cluster.plan().unwrap().changes(), 0, "it is the former cluster");
}

/// Every place where the power may fail: before and after each step of each host, as far as the gates let them.
#[test]
fn from_wherever_it_was_cut_off_it_goes_on_and_goes_back() {
    let whole = cluster(2);
    let plan = whole.plan().unwrap();
    // n1: load, stop, dump, write, replace, initialise, services, healthy; n2 without the dump.
    for first in 0..=8 {
        for second in 0..=7 {
            let dumped = first > 2;
            let past = |steps: usize, gate: usize| steps > gate;
            // The first dumps when the other is stopped; nobody writes before the dump.
            let lawful = (!dumped || second >= 2) && (!past(second, 2) || dumped);
            if !lawful {
                continue;
            }
            for purpose in [Purpose::Upgrade, Purpose::Rollback] {
                let mut cut = whole.clone();
                walk_so_far(&mut cut, &plan, &[("n1", first), ("n2", second)]);
                cut.goal.run = RunId::new("run3").unwrap();
                cut.goal.purpose = purpose.clone();
                if first < 2 && second < 2 && purpose == Purpose::Rollback {
                    assert!(cut.refused().contains("no dump"), "{first} {second}: nothing was stopped");
                    continue;
                }
                let next =
                    cut.plan().unwrap_or_else(|refusals| panic!("{first} {second} {purpose:?}: {refusals}"));
                let again = next.nodes.iter().any(|node| node.step(StepId::DumpDatabases).is_some());
                let begun = first > 4 || second > 3;
                assert!(
                    !(begun && again),
                    "{first} {second}: a dump of what the new version may have changed"
                );
                cut.walk(&next);
                let images: BTreeSet<String> =
                    ["n1", "n2"].map(|node| cut.container(node).image_reference.clone()).into();
                let wanted = if purpose == Purpose::Upgrade { VERSION } else { "4.2.7" };
                assert!(
                    images.len() == 1 && images.iter().all(|image| image.contains(wanted)),
                    "{first} {second} {purpose:?}: {images:?}"
                );
                assert!(["n1", "n2"].iter().all(|node| cut.container(node).running));
                if dumped || purpose == Purpose::Upgrade {
                    assert_eq!(cut.plan().unwrap().changes(), 0, "{first} {second} {purpose:?}");
                }
            }
        }
    }
}

#[test]
fn a_cluster_between_two_versions_is_touched_by_nothing_else() {
    let mut cluster = cluster(2);
    let plan = cluster.plan().unwrap();
    walk_so_far(&mut cluster, &plan, &[("n1", 5), ("n2", 2)]);
    for purpose in [Purpose::Apply, Purpose::Start, Purpose::Restart, Purpose::Remove([name("n2")].into())] {
        cluster.goal.purpose = purpose;
        let refused = cluster.refused();
        assert!(refused.contains("between two versions") && refused.contains("omsctl rollback"), "{refused}");
    }
    // Also with the former image in the inventory: the databases may be the new version's already.
    cluster.goal.purpose = Purpose::Apply;
    cluster.observed.archives = BTreeMap::from([(PathBuf::from(ARCHIVE), archive("4.2.7"))]);
    assert!(cluster.refused().contains("between two versions"));
}

#[test]
fn what_is_not_ready_for_it_is_refused_before_anything_is_stopped() {
    let check = |spoil: fn(&mut Cluster), expected: &str| {
        let mut cluster = cluster(2);
        spoil(&mut cluster);
        let refused = cluster.refused();
        assert!(refused.contains(expected), "{expected}: {refused}");
    };
    check(|cluster| cluster.metadb().ha_enabled = Some(true), "omsctl ha disable");
    check(|cluster| cluster.unreachable("n2"), "versions are never mixed");
    check(|cluster| cluster.limit(&["n1"]), "left out by --limit");
    check(|cluster| cluster.metadb().oms_version = Some("4.3.0".to_owned()), "omsctl rollback");
    check(|cluster| cluster.observed.contents = None, "the MetaDB cannot be read");
    check(
        |cluster| {
            cluster.observed.contents.as_mut().unwrap().as_mut().unwrap().remove("oms_cm");
        },
        "oms_cm has no tables",
    );
    check(|cluster| cluster.facts("n2").container = None, "no container to upgrade");
    check(|cluster| cluster.container("n2").initialisation.state = InitState::Failed, "not initialised");
    check(|cluster| cluster.container("n2").privileged = false, "more differs than the image");
    check(|cluster| cluster.config().cm_url.text = "http://10.0.0.101:8088".to_owned(), "cm_url");
    check(
        |cluster| {
            let disk = DiskFacts {
                mount_point: "/".to_owned(),
                total_bytes: 1 << 40,
                free_bytes: 1 << 20,
                free_inodes: 1000,
                read_only: false,
            };
            cluster.facts("n1").disks.insert(AGENT_FOLDER.to_owned(), disk);
        },
        "make room",
    );
}

#[test]
fn a_path_that_the_manuals_forbid_is_refused_and_one_that_they_do_not_know_is_told() {
    let mut unknown = cluster(1);
    let warnings = unknown.plan().unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("say nothing")), "{warnings:?}");
    unknown.observed.archives = BTreeMap::from([(PathBuf::from(ARCHIVE), archive("4.2.2"))]);
    unknown.metadb().oms_version = Some("4.2.0".to_owned());
    assert!(unknown.refused().contains("from 4.2.1 only"), "{}", unknown.refused());
    unknown.metadb().oms_version = Some("4.2.1".to_owned());
    let warnings = unknown.plan().unwrap().warnings;
    assert!(!warnings.iter().any(|warning| warning.contains("manuals")), "{warnings:?}");
}

#[test]
fn ha_has_to_look_back_to_where_oms_stopped_however_often_it_was_begun() {
    let stood = |cluster: &Cluster| stood_for(&cluster.deployment, &cluster.observed, &cluster.goal);
    let mut cluster = cluster(2);
    assert_eq!(stood(&cluster), 3, "the last heartbeat");
    let plan = cluster.plan().unwrap();
    walk_so_far(&mut cluster, &plan, &[("n1", 5), ("n2", 2)]);
    let taken: jiff::Timestamp = cluster.facts("n1").dumps[0].taken.parse().unwrap();
    let later = u64::try_from(taken.as_millisecond()).unwrap() + 3_600_000;
    cluster.facts("n1").utc_ms = later;
    assert_eq!(stood(&cluster), 3600, "a second upgrade goes on with the dump of the first");
    let rest = cluster.plan().unwrap();
    cluster.walk(&rest);
    cluster.goal.purpose = Purpose::Rollback;
    assert_eq!(stood(&cluster), 3600, "what comes back is as old as the dump");
    // Of an upgrade that ended long ago the next one knows nothing.
    cluster.goal.purpose = Purpose::Upgrade;
    cluster.observed.archives = BTreeMap::from([(PathBuf::from(ARCHIVE), archive("4.2.10"))]);
    assert_eq!(stood(&cluster), 3);
}
