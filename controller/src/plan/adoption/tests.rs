//! From what hosts have to files, and back: the planner finds nothing to do with what was written.

use std::collections::BTreeMap;

use omsctl_inventory::{Loaded, Sources, load};
use omsctl_proto::{ErrorReport, Facts, OtherContainer, Secret, WireSecret};

use super::*;
use crate::plan::fixture::pki::{CERTIFICATE, KEY as PRIVATE_KEY, OTHER_CERTIFICATE, OTHER_KEY};
use crate::plan::fixture::{Cluster, PASSWORD, mount, name};
use crate::plan::{Plan, Refusals, plan};
use crate::ports::{ClusterRow, HostRow, MetaDbError};

fn seen(cluster: &Cluster) -> Vec<SeenHost> {
    let host = |host: &omsctl_inventory::Host| SeenHost {
        node: host.name.clone(),
        connection: vec![
            ("ansible_host", host.connection.address.clone()),
            ("ansible_user", "root".to_owned()),
        ],
        reached_at: host.connection.address.clone(),
        container: host.settings.container_name.clone(),
        facts: cluster.observed.facts[&host.name].clone().unwrap(),
    };
    cluster.deployment.hosts.iter().map(host).collect()
}

fn adopt(seen: Vec<SeenHost>, cluster: &Cluster) -> Result<Adopted, Vec<ErrorReport>> {
    Reading::of(seen)?.adopt(cluster.observed.metadb.as_ref(), &[], "/folder")
}

/// What is refused, as one text.
#[track_caller]
fn refused(seen: Vec<SeenHost>, cluster: &Cluster) -> String {
    let refusals = adopt(seen, cluster).unwrap_err();
    let told = refusals
        .iter()
        .map(|report| format!("{} | {}", report.one_line(), report.hint.as_deref().unwrap_or("")));
    told.collect::<Vec<_>>().join("\n")
}

/// The files as `plan` reads them.
fn loaded(adopted: &Adopted) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().display().to_string();
    let inventory = adopted.inventory.expose().replace("/folder", &there);
    std::fs::write(folder.path().join("inventory.ini"), inventory).unwrap();
    std::fs::write(folder.path().join("config.yaml"), adopted.config.expose()).unwrap();
    for (name, text) in &adopted.certificates {
        std::fs::write(folder.path().join(name), text.expose()).unwrap();
    }
    let sources = Sources {
        inventories: Vec::new(),
        config: "config.yaml".into(),
        env_file: None,
        environment: BTreeMap::new(),
        limit: None,
        vault_passwords: Vec::new(),
        working_directory: folder.path().to_owned(),
    };
    load(&sources).unwrap_or_else(|problems| panic!("{problems}\n{}", adopted.inventory.expose()))
}

/// What the planner says of the files.
fn planned(cluster: &Cluster, adopted: &Adopted) -> Result<Plan, Refusals> {
    let deployment = loaded(adopted).deployment;
    let mut observed = cluster.observed.clone();
    for https in deployment.hosts.iter().filter_map(|host| host.settings.https.as_ref()) {
        for path in [&https.cert, &https.key] {
            let name = path.file_name().unwrap().to_str().unwrap();
            let text = adopted.certificates.iter().find(|(file, _)| file == name).unwrap().1.clone();
            observed.certificates.insert(path.clone(), text);
        }
    }
    plan(&deployment, &observed, &cluster.goal)
}

#[track_caller]
fn assert_no_change(cluster: &Cluster, adopted: &Adopted) {
    let plan = planned(cluster, adopted).unwrap();
    assert_eq!(plan.changes(), 0, "{:#?}\n{}", plan.announced(), adopted.inventory.expose());
    assert_eq!(plan.announced().len(), cluster.deployment.hosts.len());
}

/// A cluster that was made with other settings than the usual ones.
fn made_with(hosts: u8, change: impl Fn(&mut omsctl_inventory::HostSettings)) -> Cluster {
    let mut cluster = Cluster::fresh(hosts);
    cluster.deployment.hosts.iter_mut().for_each(|host| change(&mut host.settings));
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    cluster
}

/// The text of the host's config.yaml with something replaced.
fn edit(cluster: &mut Cluster, node: &str, changes: &[(&str, &str)]) {
    let text = cluster.facts(node).config.as_ref().unwrap().0.expose().to_owned();
    let edited = changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from}: {text}");
        text.replace(from, to)
    });
    cluster.write_config(node, edited);
}

#[test]
fn one_region_stands_in_config_yaml() {
    let cluster = Cluster::ready(2);
    let adopted = adopt(seen(&cluster), &cluster).unwrap();
    insta::assert_snapshot!(adopted.inventory.expose());
    insta::assert_snapshot!("config", adopted.config.expose().replace(PASSWORD, "PASSWORD"));
    assert_eq!(adopted.warnings, Vec::<String>::new());
    assert_eq!(adopted.hosts.len(), 2);
    assert_eq!(adopted.hosts[0].address, Some("10.0.0.1".parse().unwrap()));
    assert_no_change(&cluster, &adopted);
}

/// n1 and n2 are one region, n3 is another.
fn two_regions() -> Cluster {
    let mut cluster = Cluster::ready(3);
    let nodes = "cm_nodes:\n  - \"10.0.0.1\"\n  - \"10.0.0.2\"\n  - \"10.0.0.3\"\n";
    let east =
        [(nodes, "cm_nodes: [10.0.0.1, 10.0.0.2]\n"), ("cm_region: ", "cm_region_cn: \"东部\"\ncm_region: ")];
    edit(&mut cluster, "n1", &east);
    edit(&mut cluster, "n2", &east);
    let west = [
        (nodes, "cm_nodes: [10.0.0.3]\n"),
        ("cm_region: \"cn-hangzhou\"", "cm_region: west\ncm_region_cn: west"),
        ("cm_location: 7", "cm_location: \"8\""),
        ("oms_hb", "oms_hb_8"),
        ("10.0.0.100", "10.0.1.100"),
        ("cm_is_default: true", "cm_is_default: !!bool \"false\""),
    ];
    edit(&mut cluster, "n3", &west);
    let metadb = cluster.metadb();
    metadb.clusters.push(ClusterRow {
        region: "west".to_owned(),
        cm_url: "http://10.0.1.100:8088".to_owned(),
        code: "8".to_owned(),
        is_default: false,
    });
    metadb.resource_groups.insert(2, "8".to_owned());
    metadb.hosts.iter_mut().filter(|row| row.ip == "10.0.0.3").for_each(|row| row.resource_group = Some(2));
    let beats = metadb.heartbeats.iter_mut().filter(|beat| beat.ip == "10.0.0.3");
    beats.for_each(|beat| beat.database = "oms_hb_8".to_owned());
    cluster
}

#[test]
fn regions_are_groups_with_what_is_their_own() {
    let cluster = two_regions();
    let mut hosts = seen(&cluster);
    // The default region comes first, whoever is named first.
    hosts.rotate_right(1);
    let adopted = adopt(hosts, &cluster).unwrap();
    insta::assert_snapshot!(adopted.inventory.expose());
    insta::assert_snapshot!("common", adopted.config.expose().replace(PASSWORD, "PASSWORD"));
    assert_no_change(&cluster, &adopted);
    let regions: Vec<Option<&str>> = adopted.hosts.iter().map(|host| host.region.as_deref()).collect();
    assert_eq!(regions, [Some("cn_hangzhou"), Some("cn_hangzhou"), Some("west")]);
}

#[test]
fn of_contradicting_values_that_of_most_hosts_counts() {
    let mut cluster = Cluster::ready(3);
    edit(
        &mut cluster,
        "n2",
        &[(PASSWORD, "another-canary"), ("cm_region: \"cn-hangzhou\"", "cm_region: other")],
    );
    let adopted = adopt(seen(&cluster), &cluster).unwrap();
    let warnings = adopted.warnings.join("\n");
    assert!(
        warnings.contains("oms_meta_password differs between hosts (the values differ): ******** on n1, n3;"),
        "{warnings}"
    );
    assert!(
        warnings.contains("cm_region differs between hosts: cn-hangzhou on n1, n3; other on n2;"),
        "{warnings}"
    );
    assert!(!warnings.contains("canary"), "{warnings}");
    let plan = planned(&cluster, &adopted).unwrap();
    let touched: Vec<_> = plan.announced().into_iter().filter(|(_, steps)| !steps.is_empty()).collect();
    assert_eq!(touched.len(), 1, "the repair is planned: {touched:?}");
    assert_eq!(touched[0].0, name("n2"));

    let mut cluster = Cluster::ready(2);
    edit(&mut cluster, "n2", &[(PASSWORD, "another-canary")]);
    let told = refused(seen(&cluster), &cluster);
    assert!(
        told.contains("oms_meta_password differs between hosts (the values differ), and no value"),
        "{told}"
    );
    assert!(told.contains("alike") && !told.contains("canary"), "{told}");
}

#[test]
fn hosts_of_two_clusters_are_refused() {
    let mut cluster = Cluster::ready(3);
    edit(&mut cluster, "n3", &[("oms_rm", "other_rm")]);
    let told = refused(seen(&cluster), &cluster);
    assert!(told.contains("drc_rm_db differs, and it never changes"), "{told}");
    assert!(told.contains("oms_rm on n1, n2; other_rm on n3"), "{told}");
}

#[test]
fn cm_nodes_that_lags_behind_is_a_warning() {
    let mut cluster = Cluster::ready(3);
    edit(&mut cluster, "n1", &[("  - \"10.0.0.3\"\n", "")]);
    let adopted = adopt(seen(&cluster), &cluster).unwrap();
    assert!(
        adopted.warnings[0].starts_with("n1: cm_nodes lacks 10.0.0.3, of the same region"),
        "{:?}",
        adopted.warnings
    );
    assert!(planned(&cluster, &adopted).unwrap().changes() > 0);
}

#[test]
fn members_that_were_not_given_are_named() {
    let cluster = Cluster::ready(3);
    let mut hosts = seen(&cluster);
    hosts.pop();
    let told = refused(hosts.clone(), &cluster);
    assert!(
        told.contains("10.0.0.3 belongs to the cluster, and is none of the hosts that were given"),
        "{told}"
    );
    assert!(told.contains("cm_nodes of n1, cm_nodes of n2, the MetaDB, where it is ONLINE"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");

    // Only the MetaDB has it.
    let mut cluster = Cluster::ready(2);
    let row = HostRow { ip: "10.0.0.9".to_owned(), status: "OFFLINE".to_owned(), resource_group: None };
    cluster.metadb().hosts.push(row);
    let told = refused(seen(&cluster), &cluster);
    assert!(told.contains("10.0.0.9") && told.contains("the MetaDB, where it is OFFLINE"), "{told}");
    assert!(told.contains("give its host too"), "{told}");

    // A region without any host in the MetaDB.
    let mut cluster = Cluster::ready(1);
    cluster.metadb().clusters.push(ClusterRow {
        region: "west".to_owned(),
        cm_url: "http://10.0.1.100:8088".to_owned(),
        code: "8".to_owned(),
        is_default: false,
    });
    let told = refused(seen(&cluster), &cluster);
    assert!(told.contains("cm_location 8") && told.contains("http://10.0.1.100:8088"), "{told}");
}

#[test]
fn a_member_that_is_gone_gets_a_line_and_can_be_removed() {
    let mut cluster = Cluster::ready(3);
    let mut hosts = seen(&cluster);
    hosts.pop();
    let gone = ["10.0.0.3".parse().unwrap()];
    let adopt = |hosts: Vec<SeenHost>, gone: &[IpAddr], cluster: &Cluster| {
        Reading::of(hosts).unwrap().adopt(cluster.observed.metadb.as_ref(), gone, "/folder")
    };
    let adopted = adopt(hosts.clone(), &gone, &cluster).unwrap();
    let line = "gone-10.0.0.3 ansible_host=10.0.0.3 oms_host_ip=10.0.0.3\n";
    assert!(adopted.inventory.expose().contains(line), "{}", adopted.inventory.expose());
    assert!(
        adopted.warnings[0].contains("omsctl remove gone-10.0.0.3 --give-up gone-10.0.0.3"),
        "{:?}",
        adopted.warnings
    );
    cluster.observed.facts.remove(&name("n3"));
    assert_eq!(planned(&cluster, &adopted).unwrap().changes(), 0);

    let nobody = ["10.0.0.99".parse().unwrap()];
    let refusals = adopt(hosts, &nobody, &cluster).unwrap_err();
    let told: Vec<String> = refusals.iter().map(ErrorReport::one_line).collect();
    assert!(told[0].contains("10.0.0.99 is given as gone, and is no member"), "{told:?}");
    assert!(told[1].contains("10.0.0.3 belongs to the cluster"), "{told:?}");
}

#[test]
fn a_metadb_that_cannot_be_read_is_a_warning() {
    let mut cluster = Cluster::ready(1);
    let error =
        MetaDbError::Unreachable { address: "10.0.0.200:2883".to_owned(), reason: "refused".to_owned() };
    cluster.observed.metadb = Some(Err(error));
    let adopted = adopt(seen(&cluster), &cluster).unwrap();
    assert!(adopted.warnings[0].contains("the MetaDB cannot be read"), "{:?}", adopted.warnings);
    assert_no_change(&cluster, &adopted);
}

#[test]
fn paths_names_and_policies_other_than_the_usual_ones() {
    let cluster = made_with(2, |settings| {
        settings.mount = mount("/opt/my oms");
        settings.container_name = "oms_422".to_owned();
        settings.restart_policy = Some("on-failure:3".to_owned());
    });
    let adopted = adopt(seen(&cluster), &cluster).unwrap();
    insta::assert_snapshot!(adopted.inventory.expose());
    assert_no_change(&cluster, &adopted);

    // As OBD lays them out.
    let cluster = made_with(1, |settings| {
        let under = |name: &str| format!("/data/obd/{name}").into();
        settings.mount.logs = under("logs");
        settings.mount.store = under("store");
        settings.mount.run = under("run");
        settings.mount.config_file = under("run/config.yaml");
    });
    let adopted = adopt(seen(&cluster), &cluster).unwrap();
    assert!(adopted.inventory.expose().contains("oms_config_file=/data/obd/run/config.yaml"));
    assert!(!adopted.inventory.expose().contains("oms_mount_path"));
    assert_no_change(&cluster, &adopted);
}

#[test]
fn hosts_that_are_no_twins_have_variables_of_their_own() {
    let mut cluster = Cluster::fresh(2);
    cluster.settings("n2").container_name = "oms-b".to_owned();
    cluster.settings("n2").mount = mount("/data2/oms");
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    let mut hosts = seen(&cluster);
    hosts[0].connection.clear();
    // An alias, so that nobody has to ask again who it is.
    hosts[0].reached_at = "n1".to_owned();
    let adopted = adopt(hosts, &cluster).unwrap();
    let lines: Vec<&str> = adopted.inventory.expose().lines().filter(|line| line.starts_with('n')).collect();
    assert_eq!(
        lines,
        [
            "n1 oms_host_ip=10.0.0.1",
            "n2 ansible_host=10.0.0.2 ansible_user=root oms_container_name=oms-b oms_mount_path=/data2/oms",
        ]
    );
    let adopted = adopt(seen(&cluster), &cluster).unwrap();
    assert_no_change(&cluster, &adopted);
}

#[test]
fn a_stopped_container_is_adopted_too() {
    let mut cluster = Cluster::ready(1);
    let found = cluster.container("n1");
    (found.running, found.status) = (false, "exited".to_owned());
    let adopted = adopt(seen(&cluster), &cluster).unwrap();
    assert!(adopted.warnings[0].contains("n1: the container oms is exited"), "{:?}", adopted.warnings);
    assert!(!adopted.hosts[0].running);
    let planned = planned(&cluster, &adopted).unwrap();
    assert_eq!(planned.announced()[0].1[0].id.as_str(), "start_container");
}

#[test]
fn unknown_keys_are_left_out_and_told() {
    let mut cluster = Cluster::ready(1);
    edit(
        &mut cluster,
        "n1",
        &[("cm_location: 7", "cm_location: 7\nssh_server_port: 2024\nsome_token: canary")],
    );
    let adopted = adopt(seen(&cluster), &cluster).unwrap();
    let warnings = adopted.warnings.join("\n");
    assert!(
        warnings.contains("ssh_server_port (2024)") && warnings.contains("some_token (********)"),
        "{warnings}"
    );
    assert!(!adopted.config.expose().contains("ssh_server_port"));
}

#[test]
fn a_value_that_looks_like_a_variable_stays_what_it_is() {
    let mut cluster = Cluster::ready(1);
    edit(&mut cluster, "n1", &[(PASSWORD, "0${HOME}$${X}\\\\ # ' \\\"")]);
    cluster.config().meta.password = Secret::new("0${HOME}$${X}\\ # ' \"");
    assert_eq!(cluster.plan().unwrap().changes(), 0, "the test writes what it means");
    let adopted = adopt(seen(&cluster), &cluster).unwrap();
    assert_no_change(&cluster, &adopted);
}

/// The texts that [`look_into`] asks for.
fn with_texts(mut hosts: Vec<SeenHost>, pairs: &[(&str, &str)]) -> Vec<SeenHost> {
    for (host, (certificate, key)) in hosts.iter_mut().zip(pairs) {
        let request = look_into(
            "oms",
            host.facts.container.as_ref().unwrap(),
            &omsctl_proto::FingerprintKey::new([7; 32]),
        );
        let texts = request.texts.into_iter().zip([certificate, key]);
        host.facts.texts = texts.map(|(path, text)| (path, WireSecret(Secret::new(*text)))).collect();
    }
    hosts
}

fn https(hosts: u8, pairs: &[(&str, &str)], mounted: Option<&str>) -> Cluster {
    let mut cluster = Cluster::fresh(hosts);
    for (host, (certificate, key)) in cluster.deployment.hosts.iter_mut().zip(pairs) {
        let file = |kind: &str| std::path::PathBuf::from(format!("/pki/{}.{kind}", host.name));
        let texts = [(file("crt"), Secret::new(*certificate)), (file("key"), Secret::new(*key))];
        cluster.observed.certificates.extend(texts);
        host.settings.https = Some(omsctl_inventory::HttpsFiles { cert: file("crt"), key: file("key") });
        if let Some(folder) = mounted {
            host.settings.mount.https_crt = format!("{folder}/server.crt").into();
            host.settings.mount.https_key = format!("{folder}/server.key").into();
        }
    }
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    cluster
}

#[test]
fn certificates_are_brought() {
    let pairs = [(CERTIFICATE, PRIVATE_KEY), (CERTIFICATE, PRIVATE_KEY)];
    let cluster = https(2, &pairs, Some("/etc/oms"));
    let adopted = adopt(with_texts(seen(&cluster), &pairs), &cluster).unwrap();
    let text = adopted.inventory.expose();
    for line in [
        "oms_https_cert_mount=/etc/oms/server.crt",
        "oms_https_key_mount=/etc/oms/server.key",
        "oms_https_cert=/folder/https.crt",
        "oms_https_key=/folder/https.key",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(adopted.certificates.len(), 2);
    assert!(!text.contains("PRIVATE"), "{text}");
    assert_no_change(&cluster, &adopted);

    let pairs = [(CERTIFICATE, PRIVATE_KEY), (OTHER_CERTIFICATE, OTHER_KEY)];
    let cluster = https(2, &pairs, None);
    let adopted = adopt(with_texts(seen(&cluster), &pairs), &cluster).unwrap();
    let files: Vec<&str> = adopted.certificates.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(files, ["https-n1.crt", "https-n1.key", "https-n2.crt", "https-n2.key"]);
    assert!(!adopted.inventory.expose().contains("_mount"), "they lie where omsctl would have them");
    assert_no_change(&cluster, &adopted);

    let told = refused(seen(&cluster), &cluster);
    assert!(
        told.contains("n1: /data/oms/https_crt, which nginx serves HTTPS with, cannot be read"),
        "{told}"
    );
}

#[test]
fn the_virtual_ip_of_omsctl_is_kept_whoever_is_named_first() {
    let cluster = made_with(3, |settings| {
        settings.virtual_ip = omsctl_inventory::VirtualIp::Keepalived {
            address: "10.0.0.100".parse().unwrap(),
            prefix_length: 24,
            interface: None,
            router_id: 100,
        };
    });
    let mut hosts = seen(&cluster);
    hosts.reverse();
    let adopted = adopt(hosts, &cluster).unwrap();
    assert!(
        adopted.inventory.expose().contains("oms_vip_address=10.0.0.100/24\n"),
        "{}",
        adopted.inventory.expose()
    );
    assert_no_change(&cluster, &adopted);
}

#[test]
fn an_image_without_a_version_needs_to_be_told_who_initialises() {
    let mut cluster = Cluster::ready(1);
    for version in [Some("4.2.7"), Some("4.2.11"), None] {
        cluster.metadb().oms_version = version.map(str::to_owned);
        let mut hosts = seen(&cluster);
        let omsctl_proto::DockerFacts::Answers { images, .. } = &mut hosts[0].facts.docker else { panic!() };
        images[0].references = vec!["oms:latest".to_owned()];
        hosts[0].facts.container.as_mut().unwrap().image_reference = "oms:latest".to_owned();
        let adopted = adopt(hosts, &cluster).unwrap();
        let text = adopted.inventory.expose();
        let by = if version == Some("4.2.11") { "self" } else { "script" };
        assert!(
            text.contains(&format!("oms_init_by={by}\n")) && text.contains("oms_image=oms:latest\n"),
            "{text}"
        );
        assert_eq!(adopted.warnings.len(), usize::from(version.is_none()), "{:?}", adopted.warnings);
    }
}

#[test]
fn an_image_that_lost_its_name_is_found_by_another() {
    let cluster = Cluster::ready(1);
    let reference = |names: &[&str]| {
        let mut hosts = seen(&cluster);
        let omsctl_proto::DockerFacts::Answers { images, .. } = &mut hosts[0].facts.docker else { panic!() };
        images[0].references = names.iter().map(|name| (*name).to_owned()).collect();
        let adopted = adopt(hosts, &cluster).unwrap();
        (adopted.hosts[0].image.clone(), adopted.warnings)
    };
    assert_eq!(reference(&["a:latest", "b:feature_4.2.7_ce"]).0, "b:feature_4.2.7_ce");
    let (_, warnings) = reference(&[]);
    assert!(warnings[0].contains("docker tag"), "{warnings:?}");
}

fn other(name: &str, running: bool) -> OtherContainer {
    OtherContainer { name: name.to_owned(), image: "oms:4.2.7".to_owned(), running }
}

fn found(others: Vec<OtherContainer>, own: bool, asked: Option<&str>) -> Result<String, String> {
    let mut cluster = Cluster::ready(1);
    let facts: &mut Facts = cluster.facts("n1");
    facts.other_containers = others;
    if !own {
        facts.container = None;
    }
    let found = find_container(&name("n1"), asked, facts);
    found.map_err(|report| format!("{} | {}", report.one_line(), report.hint.unwrap_or_default()))
}

#[test]
fn the_container_is_found_or_asked_for() {
    assert_eq!(found(vec![], true, None).unwrap(), "oms");
    assert_eq!(found(vec![other("oms_422", false)], false, None).unwrap(), "oms_422");
    assert_eq!(found(vec![other("oms-run1", false)], true, None).unwrap(), "oms", "the other was set aside");
    assert_eq!(found(vec![other("a", true)], true, Some("oms")).unwrap(), "oms");
    let told = found(vec![], false, None).unwrap_err();
    assert!(told.contains("n1: no container has OMS's mounts") && told.contains("omsctl apply"), "{told}");
    let told = found(vec![other("a", true)], true, None).unwrap_err();
    assert!(told.contains("oms (running, ") && told.contains("a (running, oms:4.2.7)"), "{told}");
    assert!(told.contains("--container NAME"), "{told}");
    let told = found(vec![other("a", true)], false, Some("b")).unwrap_err();
    assert!(told.contains("there is no container b") && told.contains("a (running"), "{told}");
}

#[test]
fn a_container_that_omsctl_cannot_describe_is_refused() {
    let mut cluster = Cluster::ready(1);
    let binds = &mut cluster.container("n1").binds;
    binds.retain(|bind| !bind.ends_with("/home/ds/run"));
    binds.push("volume:/home/ds/run".to_owned());
    let told = refused(seen(&cluster), &cluster);
    assert!(told.contains("/home/ds/run is the volume volume"), "{told}");
    let mut cluster = Cluster::ready(1);
    cluster.facts("n1").config = None;
    let told = refused(seen(&cluster), &cluster);
    assert!(told.contains("n1: /data/oms/config.yaml cannot be read"), "{told}");
}

#[test]
fn one_machine_and_one_address_are_one_host() {
    let mut cluster = Cluster::ready(2);
    cluster.facts("n2").host_id = cluster.facts("n1").host_id.clone();
    assert!(refused(seen(&cluster), &cluster).contains("n1 and n2 are one machine"));
    let mut cluster = Cluster::ready(2);
    cluster.container("n2").environment = vec!["OMS_HOST_IP=10.0.0.1".to_owned()];
    assert!(refused(seen(&cluster), &cluster).contains("n1 and n2 have one OMS_HOST_IP: 10.0.0.1"));
}
