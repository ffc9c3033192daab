//! HTTPS: from the first rollout, turned on in a running cluster, and with another certificate.

use omsctl_inventory::HttpsFiles;
use omsctl_proto::{Action, Secret, StepId};

use crate::plan::fixture::pki::{CERTIFICATE, KEY, OTHER_CERTIFICATE, OTHER_KEY};
use crate::plan::fixture::{Cluster, name, steps_of};

fn give(cluster: &mut Cluster, certificate: &str, key: &str) {
    let texts = [("/pki/a.crt".into(), Secret::new(certificate)), ("/pki/a.key".into(), Secret::new(key))];
    cluster.observed.certificates = texts.into();
    for host in &mut cluster.deployment.hosts {
        host.settings.https = Some(HttpsFiles { cert: "/pki/a.crt".into(), key: "/pki/a.key".into() });
    }
}

/// As a rollout with the first pair leaves it.
fn cluster(hosts: u8) -> Cluster {
    let mut cluster = Cluster::fresh(hosts);
    give(&mut cluster, CERTIFICATE, KEY);
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    cluster
}

#[test]
fn certificates_are_written_mounted_and_seen_to_be_served() {
    let mut cluster = Cluster::fresh(1);
    give(&mut cluster, CERTIFICATE, KEY);
    cluster.observed.certificates.clear();
    assert!(cluster.refused().contains("/pki/a.crt was not read"), "{}", cluster.refused());
    give(&mut cluster, CERTIFICATE, KEY);
    let plan = cluster.plan().unwrap();
    let steps = steps_of(&plan, "n1");
    assert_eq!(steps[..3], ["make_directories", "write_certificates", "write_config"]);
    assert_eq!(
        steps[steps.len() - 4..],
        ["await_services", "serve_certificate", "await_healthy", "register"]
    );
    assert_eq!(plan.secrets[&name("n1")].len(), 3);
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
    assert!(
        cluster.container("n1").binds.iter().any(|bind| bind.ends_with(":/etc/pki/nginx/oms_server.key"))
    );
}

#[test]
fn another_certificate_restarts_nothing_but_nginx_by_turns() {
    let mut cluster = cluster(3);
    give(&mut cluster, OTHER_CERTIFICATE, OTHER_KEY);
    for node in ["n1", "n2", "n3"] {
        assert_eq!(cluster.steps(node), ["turn:write_certificates", "serve_certificate", "await_healthy"]);
    }
    let why = cluster.why("n1", "serve_certificate");
    assert!(why.contains("nginx reads its certificate when it starts, and serves "), "{why}");
    let plan = cluster.plan().unwrap();
    let step = plan.nodes[0].step(StepId::ServeCertificate).unwrap();
    let Action::ServeCertificate { port: 8089, chain, .. } = &step.action else { panic!("{step:?}") };
    assert_eq!(chain.len(), 1);
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
}

/// What a run leaves that ended between the files and nginx.
#[test]
fn files_in_place_are_no_proof_of_what_is_served() {
    let mut cluster = cluster(2);
    let served = cluster.container("n2").served_chain.clone();
    give(&mut cluster, OTHER_CERTIFICATE, OTHER_KEY);
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    cluster.container("n2").served_chain = served;
    assert_eq!(cluster.steps("n1"), Vec::<String>::new());
    assert_eq!(cluster.steps("n2"), ["turn:serve_certificate", "await_healthy"]);
    cluster.container("n2").served_chain.clear();
    assert!(cluster.why("n2", "serve_certificate").contains("serves no certificate"));
}

#[test]
fn a_broken_pair_is_refused_and_told() {
    let mut cluster = cluster(2);
    give(&mut cluster, OTHER_CERTIFICATE, KEY);
    let refused = cluster.refused();
    assert!(refused.contains("n1: /pki/a.crt and its key do not belong together"), "{refused}");
    assert!(refused.contains("set oms_https_cert and oms_https_key to the files of one pair"), "{refused}");
    give(&mut cluster, "renewed", KEY);
    assert!(cluster.refused().contains("/pki/a.crt holds no certificate"), "{}", cluster.refused());
}

#[test]
fn a_running_cluster_turns_to_https_by_turns() {
    let mut cluster = Cluster::ready(3);
    give(&mut cluster, CERTIFICATE, KEY);
    for node in ["n1", "n2", "n3"] {
        let steps = cluster.steps(node);
        assert_eq!(steps[0], "turn:write_certificates", "{steps:?}");
        assert!(steps.contains(&"replace_container".to_owned()), "{steps:?}");
        assert!(steps.contains(&"serve_certificate".to_owned()), "{steps:?}");
    }
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
}
