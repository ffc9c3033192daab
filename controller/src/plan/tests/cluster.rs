//! Whose cluster it is, what of it never changes, and which image it runs.

use omsctl_inventory::ImageSource;
use omsctl_proto::{CheckStatus, DockerFacts, InitState};

use crate::plan::fixture::{ARCHIVE, Cluster, archive, digest, mount, name};
use crate::plan::{Refusal, preflight};
use crate::ports::{ClusterRow, HostRow, MetaDbError};

/// Every text is in what is refused.
#[track_caller]
fn refused(cluster: &Cluster, texts: &[&str]) {
    let found = cluster.refused();
    for text in texts {
        assert!(found.contains(text), "{text:?} is not in {found}");
    }
}

fn foreign_host(cluster: &mut Cluster, ip: &str, group: Option<i64>) {
    let row = HostRow { ip: ip.to_owned(), status: "ONLINE".to_owned(), resource_group: group };
    cluster.metadb().hosts.push(row);
}

#[test]
fn a_line_that_disappears_is_refused_and_names_both_witnesses() {
    let mut cluster = Cluster::ready(3);
    cluster.drop_line("n3");
    refused(
        &cluster,
        &[
            "10.0.0.3 belongs to the cluster",
            "the MetaDB, cm_nodes of n1, cm_nodes of n2",
            "omsctl remove 10.0.0.3",
        ],
    );
}

#[test]
fn a_member_alone_is_witness_enough() {
    let mut cluster = Cluster::ready(2);
    cluster.drop_line("n2");
    cluster.metadb().hosts.retain(|row| row.ip != "10.0.0.2");
    refused(&cluster, &["10.0.0.2 belongs to the cluster", "listed by cm_nodes of n1"]);
}

#[test]
fn databases_that_hold_another_cluster_are_refused_unless_joined() {
    let mut cluster = Cluster::fresh(1);
    foreign_host(&mut cluster, "192.168.7.7", None);
    cluster.metadb().clusters = vec![ClusterRow {
        region: "r".to_owned(),
        cm_url: "http://192.168.7.100:8088".to_owned(),
        code: "3".to_owned(),
        is_default: true,
    }];
    refused(
        &cluster,
        &[
            "holds another cluster",
            "host 192.168.7.7",
            "cm_location 3 at http://192.168.7.100:8088",
            "--join-metadb",
        ],
    );
    cluster.goal.join_metadb = true;
    refused(&cluster, &["the default region has cm_location 3, the files want it to be default with 7"]);
    cluster.config().is_default = false;
    assert_eq!(cluster.steps("n1").len(), 8);
}

#[test]
fn joining_never_drops_a_host_of_the_same_region() {
    let mut cluster = Cluster::fresh(1);
    foreign_host(&mut cluster, "192.168.7.7", Some(5));
    cluster.metadb().resource_groups = [(5, "7".to_owned())].into();
    cluster.goal.join_metadb = true;
    refused(&cluster, &["192.168.7.7 belongs to the cluster"]);
}

#[test]
fn a_cm_url_that_is_not_ours_is_another_cluster_and_its_notation_does_not_matter() {
    #[track_caller]
    fn check(url: &str, is_ours: bool) {
        let mut cluster = Cluster::fresh(1);
        cluster.metadb().clusters = vec![ClusterRow {
            region: "r".to_owned(),
            cm_url: url.to_owned(),
            code: "7".to_owned(),
            is_default: true,
        }];
        assert_eq!(cluster.plan().is_ok(), is_ours, "{url}");
    }
    check("http://10.0.0.100:8088", true);
    check("10.0.0.100:8088/", true);
    check("https://10.0.0.100:8088", true);
    check("http://10.0.0.101:8088", false);
}

#[test]
fn names_and_location_of_an_initialised_cluster_never_change() {
    let mut cluster = Cluster::ready(2);
    "other_rm".clone_into(&mut cluster.config().rm_db);
    *cluster.metadb() = crate::ports::MetaDbFacts::default();
    refused(
        &cluster,
        &["drc_rm_db of an initialised cluster never changes: it is oms_rm, the files say other_rm"],
    );
    assert_eq!(cluster.plan().unwrap_err().0.len(), 1, "told once, not once a host");

    let mut cluster = Cluster::ready(2);
    let url = cluster.config().cm_url.text.clone();
    cluster.config().cm_location = 9;
    let row = |code: &str| ClusterRow {
        region: "r".to_owned(),
        cm_url: url.clone(),
        code: code.to_owned(),
        is_default: true,
    };
    cluster.metadb().clusters = vec![row("7")];
    refused(&cluster, &["cm_location of an initialised cluster never changes: it is 7, the files say 9"]);
    assert_eq!(cluster.plan().unwrap_err().0.len(), 1, "the row of the former value is no other cluster");

    cluster.metadb().clusters.push(row("3"));
    refused(&cluster, &["the cluster has a region r with cm_location 3, and the inventory has none"]);
}

#[test]
fn names_may_change_before_the_cluster_is_initialised() {
    let mut cluster = Cluster::ready(1);
    cluster.container("n1").initialisation.state = InitState::Failed;
    *cluster.metadb() = crate::ports::MetaDbFacts::default();
    "other_rm".clone_into(&mut cluster.config().rm_db);
    assert_eq!(
        cluster.steps("n1"),
        ["write_config", "schema:initialise", "await_services", "await_healthy", "register"]
    );
}

#[test]
fn mount_paths_of_an_initialised_host_never_change() {
    let mut cluster = Cluster::ready(2);
    cluster.settings("n2").mount = mount("/other");
    refused(
        &cluster,
        &[
            "n2: the mount path of /home/ds/store",
            "it is /data/oms/oms_store, the files say /other/oms_store",
        ],
    );
}

#[test]
fn another_version_is_an_upgrade() {
    let mut cluster = Cluster::ready(2);
    cluster.observed.archives.insert(ARCHIVE.into(), archive("4.2.11"));
    refused(&cluster, &["the cluster runs OMS 4.2.7, the wanted image is 4.2.11", "`omsctl upgrade`"]);
    cluster.metadb().oms_version = None;
    refused(&cluster, &["the cluster runs OMS 4.2.7, the wanted image is 4.2.11"]);
}

#[test]
fn without_versions_the_majority_decides() {
    let mut cluster = Cluster::ready(3);
    let mut other = archive("4.2.7");
    other.references = vec!["oms:site".to_owned()];
    cluster.observed.archives.insert(ARCHIVE.into(), other);
    for node in ["n1", "n2", "n3"] {
        cluster.settings(node).init_by = omsctl_inventory::InitBy::Script;
    }
    cluster.container("n3").image_id = digest("another");
    assert_eq!(cluster.steps("n3")[..2], ["load_image", "turn:replace_container"]);
    cluster.container("n2").image_id = digest("another");
    refused(&cluster, &["the cluster runs OMS 4.2.7, the wanted image is"]);
}

#[test]
fn a_pulled_reference_is_compared_by_its_name() {
    let mut cluster = Cluster::ready(1);
    cluster.settings("n1").image = ImageSource::Reference("reg/oceanbase/oms:feature_4.2.7_ce".to_owned());
    assert_eq!(cluster.steps("n1"), [""; 0]);
}

#[test]
fn keys_that_take_a_script_or_a_new_initialisation_are_refused() {
    let mut cluster = Cluster::ready(2);
    cluster.config().ports.nginx = omsctl_inventory::ConfiguredPort { number: 18089, given: true };
    refused(
        &cluster,
        &[
            "n1, n2: a change of nginx_server_port takes more",
            "the files say 18089",
            "docker_update_app_port.sh",
        ],
    );
    let mut cluster = Cluster::ready(2);
    cluster.config().cm_region = Some("cn-beijing".to_owned());
    refused(&cluster, &["a change of cm_region takes more", "put the former value back"]);
}

#[test]
fn nothing_is_begun_while_the_metadb_cannot_be_read() {
    let mut cluster = Cluster::fresh(1);
    let error =
        MetaDbError::LogIn { address: "m:1".to_owned(), user: "u".to_owned(), reason: "no".to_owned() };
    cluster.observed.metadb = Some(Err(error));
    refused(&cluster, &["the MetaDB cannot be read", "m:1 refuses the log-in of u"]);
    cluster.observed.metadb = None;
    refused(&cluster, &["the MetaDB cannot be read"]);
}

#[test]
fn a_host_without_docker_is_refused_or_left_out() {
    let mut cluster = Cluster::fresh(2);
    cluster.facts("n2").docker = DockerFacts::Silent { error: "Cannot connect".to_owned() };
    refused(&cluster, &["n2: Docker does not answer: Cannot connect"]);
    cluster.goal.keep_going = true;
    let plan = cluster.plan().unwrap();
    assert_eq!(plan.nodes.len(), 1);
    assert!(plan.left_out.contains_key(&name("n2")));
}

#[test]
fn a_listed_node_that_nobody_has_is_refused() {
    let mut cluster = Cluster::fresh(1);
    cluster.config().listed_nodes = Some(vec!["10.0.0.1".parse().unwrap(), "10.0.0.9".parse().unwrap()]);
    refused(&cluster, &["cm_nodes of config.yaml lists 10.0.0.9"]);
}

#[test]
fn check_shows_the_same_refusals() {
    let mut cluster = Cluster::ready(3);
    cluster.drop_line("n3");
    let rows = preflight(&cluster.deployment, &cluster.observed, &cluster.goal);
    let row = rows.iter().find(|row| row.name == "cluster").unwrap();
    assert_eq!((row.status, row.node.as_ref()), (CheckStatus::Fail, None));
    assert!(matches!(cluster.plan().unwrap_err().0[0], Refusal::HostNotInInventory { .. }));
}
