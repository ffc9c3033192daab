//! What reaches a host, and how it is compared with what is there.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use omsctl_proto::Secret;
use proptest::prelude::*;

use super::{CONFIG, INVENTORY, loaded};
use crate::{KeyEffect, Region, diff, mask, parse_existing_config, render_config};

fn region() -> Region {
    loaded(INVENTORY, CONFIG).deployment.regions.remove(0)
}

fn addresses() -> Vec<IpAddr> {
    ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap()).to_vec()
}

#[test]
fn the_file_is_in_the_manuals_order_and_masked_for_showing() {
    let config =
        format!("{CONFIG}tsdb_enabled: no\nnginx_server_port: \"8443\"\ndrc_user: u\ndrc_password: canary\n");
    let region = loaded(INVENTORY, &config).deployment.regions.remove(0);
    let rendered = render_config(&region, &addresses());
    insta::assert_snapshot!(mask(rendered.expose()), @r#"
    # Written by omsctl. Changes belong into the files on the bastion; `omsctl apply` brings them here.
    oms_meta_host: "10.0.0.9"
    oms_meta_port: 2883
    oms_meta_user: "root@oms#obcluster"
    oms_meta_password: "********"
    drc_rm_db: "oms_rm"
    drc_cm_db: "oms_cm"
    drc_cm_heartbeat_db: "oms_cm_hb"
    drc_user: "u"
    drc_password: "********"
    cm_url: "http://oms.example.com:8088"
    cm_location: 1
    cm_region: "cn-jiangsu"
    cm_region_cn: "cn-jiangsu"
    cm_is_default: true
    cm_nodes:
      - "10.0.0.1"
      - "10.0.0.2"
    tsdb_enabled: false
    nginx_server_port: 8443
    "#);
}

#[test]
fn masks_reach_into_every_style() {
    let text = "oms_meta_password: 'canary'\n\"tsdb_password\": |\n  canary\n  canary\ndrc_password:\n  canary\ncm_url: x\nmy_secret: canary\n{cm_url: x, oms_meta_password: canary,\n drc_password: canary}\ntsdb_password: 'canary\ncanary'\n";
    insta::assert_snapshot!(mask(text), @r#"
    oms_meta_password: "********"
    "tsdb_password": "********"
      ********
      ********
    drc_password:
      ********
    cm_url: x
    my_secret: "********"
    ********
      ********
    tsdb_password: "********"
      ********
    "#);
}

/// `fixtures/config/check_with_pyyaml.py` has shown that PyYAML reads these documents as the passwords say.
#[test]
fn nasty_passwords_are_written_as_pyyaml_was_seen_to_read_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config");
    let passwords: Vec<String> =
        serde_json::from_str(&fs::read_to_string(folder.join("passwords.json")).unwrap()).unwrap();
    let mut documents = String::new();
    let mut region = region();
    for password in passwords {
        region.config.meta.password = Secret::new(password);
        documents.push_str("---\n");
        documents.push_str(render_config(&region, &addresses()).expose());
    }
    let seen = folder.join("rendered.yaml");
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(&seen, &documents).unwrap();
    }
    assert_eq!(documents, fs::read_to_string(&seen).unwrap());
}

#[test]
fn what_was_rendered_needs_no_change_and_neither_does_the_containers_style() {
    let region = region();
    let rendered = render_config(&region, &addresses());
    let existing = parse_existing_config(rendered.expose()).unwrap();
    assert_eq!(diff(&existing, &region, &addresses()), []);
    let rewritten = "\
\"cm_is_default\": !!bool \"true\"
\"cm_location\": \"1\"
\"cm_nodes\":
- \"10.0.0.2\"
- \"10.0.0.1\"
\"cm_region\": \"cn-jiangsu\"
\"cm_region_cn\": \"cn-jiangsu\"
\"cm_url\": \"http://oms.example.com:8088\"
\"drc_cm_db\": \"oms_cm\"
\"drc_cm_heartbeat_db\": \"oms_cm_hb\"
\"drc_rm_db\": \"oms_rm\"
\"oms_meta_host\": \"10.0.0.9\"
\"oms_meta_password\": \"p#ss: 'word'\"
\"oms_meta_port\": 2883
\"oms_meta_user\": root@oms#obcluster
\"tsdb_enabled\": !!bool \"false\"
\"cm_server_port\": \"8088\"
";
    let existing = parse_existing_config(rewritten).unwrap();
    assert_eq!(diff(&existing, &region, &addresses()), []);
}

#[test]
fn each_change_says_what_it_takes() {
    let existing = parse_existing_config(
        "cm_url: http://10.0.0.1:8088\ncm_location: 2\ncm_nodes: [10.0.0.1]\ncm_server_port: 9088\noms_meta_host: 10.0.0.9\n\
         oms_meta_port: 2883\noms_meta_user: root@oms#obcluster\noms_meta_password: canary\ndrc_rm_db: oms_rm\ndrc_cm_db: oms_cm\n\
         drc_cm_heartbeat_db: oms_cm_hb\ncm_region: old\ncm_region_cn: cn-jiangsu\nssh_server_port: 1\n",
    )
    .unwrap();
    let changes = diff(&existing, &region(), &addresses());
    let told: Vec<_> = changes
        .iter()
        .map(|change| (change.key.as_str(), change.old.as_deref(), change.new.as_deref(), change.effect))
        .collect();
    let ports = KeyEffect::Script("/root/docker_update_app_port.sh");
    let expected = [
        ("oms_meta_password", Some("********"), Some("********"), KeyEffect::LogIn),
        ("cm_url", Some("http://10.0.0.1:8088"), Some("http://oms.example.com:8088"), KeyEffect::Restart),
        ("cm_location", Some("2"), Some("1"), KeyEffect::Immutable),
        ("cm_region", Some("old"), Some("cn-jiangsu"), KeyEffect::Reinitialise),
        ("cm_nodes", Some("10.0.0.1"), Some("10.0.0.1, 10.0.0.2"), KeyEffect::Restart),
        ("cm_server_port", Some("9088"), None, ports),
        ("ssh_server_port", Some("1"), None, KeyEffect::Restart),
    ];
    assert_eq!(told, expected);
}

proptest! {
    /// `serde_yaml` reads YAML 1.2, PyYAML 1.1: a double-quoted scalar is the same in both.
    #[test]
    fn any_text_survives_the_round_trip(password in any::<String>(), user in "\\PC{1,20}") {
        let mut region = REGION.with(Clone::clone);
        region.config.meta.password = Secret::new(password.clone());
        region.config.meta.user = user.clone();
        let rendered = render_config(&region, &addresses());
        let read: serde_yaml::Value = serde_yaml::from_str(rendered.expose()).unwrap();
        prop_assert_eq!(read["oms_meta_password"].as_str(), Some(password.as_str()));
        prop_assert_eq!(read["oms_meta_user"].as_str(), Some(user.as_str()));
        prop_assert_eq!(read["oms_meta_port"].as_u64(), Some(2883));
        prop_assert_eq!(read["cm_is_default"].as_bool(), Some(true));
        let existing = parse_existing_config(rendered.expose()).unwrap();
        prop_assert!(diff(&existing, &region, &addresses()).is_empty());
    }
}

thread_local! {
    static REGION: Region = region();
}
