//! What complete files become.

use std::path::Path;

use super::{CONFIG, INVENTORY, loaded, refused, sources, try_load};
use crate::model::{ConnectionMethod, ImageSource, InitBy, VirtualIp};
use crate::{ProblemCode, load};

#[test]
fn defaults_are_those_of_the_design() {
    let loaded = loaded(INVENTORY, CONFIG);
    assert_eq!(loaded.warnings, []);
    let host = &loaded.deployment.hosts[0];
    assert_eq!((host.name.as_str(), host.region.as_str(), host.selected), ("n1", "default", true));
    assert_eq!(host.connection.address, "10.0.0.1");
    assert_eq!((host.connection.port, host.connection.port_given), (22, false));
    assert_eq!(host.connection.user, None);
    assert_eq!(host.connection.r#become.enabled, None);
    let settings = &host.settings;
    assert_eq!(
        settings.image,
        ImageSource::Reference("registry.example.com/oms:feature_4.2.7_ce".to_owned())
    );
    assert_eq!(settings.container_name, "oms");
    assert_eq!(settings.mount.logs, Path::new("/data/oms/oms_logs"));
    assert_eq!(settings.mount.config_file, Path::new("/data/oms/config.yaml"));
    assert_eq!(settings.mount.https_crt, Path::new("/data/oms/https_crt"));
    assert_eq!((settings.oms_host_ip, settings.init_by), (None, InitBy::Auto));
    assert_eq!(settings.virtual_ip, VirtualIp::None);
    let config = &loaded.deployment.regions[0].config;
    assert_eq!(config.meta.password.expose(), "p#ss: 'word'");
    assert_eq!((config.ports.cm.number, config.ports.cm.given), (8088, false));
    assert_eq!((config.cm_url.host.as_str(), config.cm_location), ("oms.example.com", 1));
}

#[test]
fn connection_variables_are_read_by_ansibles_names() {
    let inventory = format!(
        "{INVENTORY}ansible_user=admin\nansible_ssh_pass=0123\nansible_become=yes\nansible_become_pass='s u'\nansible_port=2222\n\
         ansible_ssh_common_args=-o ProxyCommand=\"ssh -W %h:%p jump\" -4\n\
         [all:vars]\nansible_connection={{{{ how }}}}\nhow=local\noms_mount_path=/opt/{{{{ inventory_hostname }}}}\n"
    );
    let loaded = loaded(&inventory, CONFIG);
    let connection = &loaded.deployment.hosts[1].connection;
    assert_eq!(connection.user.as_deref(), Some("admin"));
    assert_eq!(connection.password.as_ref().unwrap().expose(), "0123");
    assert_eq!(connection.r#become.enabled, Some(true));
    assert_eq!(connection.r#become.password.as_ref().unwrap().expose(), "s u");
    assert_eq!((connection.port, connection.port_given), (2222, true));
    assert_eq!(connection.common_args, ["-o", "ProxyCommand=ssh -W %h:%p jump", "-4"]);
    assert_eq!(connection.method, ConnectionMethod::Local);
    assert_eq!(loaded.deployment.hosts[1].settings.mount.logs, Path::new("/opt/n2/oms_logs"));
    assert!(!format!("{loaded:?}").contains("0123"), "Debug shows no password");
}

#[test]
fn the_log_in_of_a_registry_is_a_secret() {
    let inventory = format!("{INVENTORY}oms_registry_user=robot$oms\noms_registry_password='<0123>'\n");
    let loaded = loaded(&inventory, CONFIG);
    let login = loaded.deployment.hosts[0].settings.registry.as_ref().unwrap();
    assert_eq!((login.user.as_str(), login.password.expose()), ("robot$oms", "<0123>"));
    assert!(!format!("{loaded:?}").contains("0123"), "Debug shows no password");
}

#[test]
fn regions_are_groups_that_set_cm_location() {
    let inventory = "\
[oms:children]
west
east
[west]
w1 ansible_host=10.0.1.1
[east]
e1 ansible_host=10.0.0.1
e2 ansible_host=10.0.0.2
[east:vars]
cm_location=1
[west:vars]
cm_location=2
cm_region=cn-west
cm_url=http://west.example.com:8088
cm_is_default=false
drc_cm_heartbeat_db=oms_cm_hb_2
[oms:vars]
oms_image=oms:4.2.7
";
    let loaded = loaded(inventory, CONFIG);
    let names: Vec<_> = loaded.deployment.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["e1", "e2", "w1"], "the default region first");
    let regions = &loaded.deployment.regions;
    assert_eq!((regions[0].name.as_str(), regions[1].name.as_str()), ("east", "west"));
    assert_eq!(regions[0].config.cm_region.as_deref(), Some("cn-jiangsu"));
    assert_eq!(regions[1].config.heartbeat_db, "oms_cm_hb_2");
    assert!(!regions[1].config.is_default);
    assert_eq!(loaded.deployment.hosts[2].region.as_str(), "west");
}

#[test]
fn all_hosts_are_oms_hosts_without_a_group_oms() {
    let loaded = loaded("n1 oms_image=oms:4.2.7\n[other]\nn2 oms_image=oms:4.2.7\n", CONFIG);
    assert_eq!(loaded.deployment.hosts.len(), 2);
    let with_group = INVENTORY.replace("[oms]", "jump\n[oms]");
    assert_eq!(super::loaded(&with_group, CONFIG).deployment.hosts.len(), 3);
}

#[test]
fn limit_selects_and_never_shortens_the_region() {
    for (limit, expected) in [
        ("n1", vec!["n1"]),
        ("n1,n3", vec!["n1", "n3"]),
        ("n1:n3", vec!["n1", "n3"]),
        ("oms:!n2", vec!["n1", "n3"]),
        ("!n2", vec!["n1", "n3"]),
        ("n*:&oms", vec!["n1", "n2", "n3"]),
        ("oms[0]", vec!["n1"]),
        ("oms[-1]", vec!["n3"]),
        ("oms[1:]", vec!["n2", "n3"]),
        ("n?:!*2", vec!["n1", "n3"]),
        ("[nm][!2]", vec!["n1", "n3"]),
        ("all", vec!["n1", "n2", "n3"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut sources = sources(folder.path(), &[("inventory.ini", INVENTORY), ("config.yaml", CONFIG)]);
        sources.limit = Some(limit.to_owned());
        let loaded = load(&sources).unwrap_or_else(|problems| panic!("{limit}: {problems}"));
        let selected = loaded.deployment.hosts.iter().filter(|host| host.selected);
        assert_eq!(selected.map(|host| host.name.as_str()).collect::<Vec<_>>(), expected, "{limit}");
        assert_eq!(loaded.deployment.regions[0].hosts.len(), 3);
    }
}

#[test]
fn variables_come_from_the_environment_and_from_the_file_of_names() {
    let folder = tempfile::tempdir().unwrap();
    let config = CONFIG.replace("\"p#ss: 'word'\"", "${META_PASSWORD}").replace("2883", "${META_PORT}");
    let files = [
        ("inventory.ini", INVENTORY),
        ("config.yaml", config.as_str()),
        (".env", "META_PORT=1\nMETA_PASSWORD=0123\n"),
    ];
    let mut sources = sources(folder.path(), &files);
    sources.env_file = Some(".env".into());
    sources.environment.insert("META_PORT".to_owned(), "2881".to_owned());
    let loaded = load(&sources).unwrap();
    let meta = &loaded.deployment.regions[0].config.meta;
    assert_eq!((meta.port, meta.password.expose()), (2881, "0123"));
}

#[test]
fn values_that_pyyaml_would_change_stay_as_typed_with_a_warning() {
    let config = CONFIG
        .replace("\"p#ss: 'word'\"", "0123456")
        .replace("oms_rm", "12:30")
        .replace("drc_rm_db: 12:30", "drc_rm_db: 1e5");
    let loaded = loaded(INVENTORY, &config);
    assert_eq!(loaded.deployment.regions[0].config.meta.password.expose(), "0123456");
    insta::assert_snapshot!(loaded.warnings[0], @r"
    config.yaml:4:20: warning[CFG-207]: `oms_meta_password` is written without quotation marks, and OMS would have seen a number
        hint: omsctl writes it to the hosts as typed, in quotation marks; put them here too
    ");
    assert!(!loaded.warnings[0].to_string().contains("0123456"));
}

#[test]
fn every_form_of_boolean_and_number_is_read() {
    for (form, expected) in [
        ("true", true),
        ("\"true\"", true),
        ("!!bool \"true\"", true),
        ("yes", true),
        ("No", false),
        ("'false'", false),
    ] {
        let config = CONFIG.replace("cm_is_default: true", &format!("cm_is_default: {form}"));
        assert_eq!(loaded(INVENTORY, &config).deployment.regions[0].config.is_default, expected, "{form}");
    }
    for form in ["2", "\"2\"", "'2'", "!!int \"2\""] {
        let config = CONFIG.replace("cm_location: 1", &format!("\"cm_location\": {form}"));
        assert_eq!(loaded(INVENTORY, &config).deployment.regions[0].config.cm_location, 2, "{form}");
    }
}

#[test]
fn the_inventory_may_have_hosts_that_cm_nodes_lacks_and_not_the_other_way_round() {
    let listed = |addresses: &str| format!("{CONFIG}cm_nodes:\n{addresses}");
    assert_eq!(loaded(INVENTORY, &listed(" - 10.0.0.1\n")).warnings, []);
    insta::assert_snapshot!(refused(INVENTORY, &listed(" - 10.0.0.1\n - 10.0.0.4\n")), @r"
    config.yaml:14:2: error[CFG-303]: `cm_nodes` lists 10.0.0.4, and the inventory has no host with that address
        found: 10.0.0.4
        hint: add the host to the inventory (or oms_host_ip to its line), or delete it here if it never was part of the cluster; `omsctl remove HOST` takes a running host out
    ");
    // The address of a host behind a forwarded port is known only to the host itself.
    let forwarded =
        INVENTORY.replace("n3 ansible_host=10.0.0.3", "n3 ansible_host=127.0.0.1 ansible_port=2203");
    assert_eq!(loaded(&forwarded, &listed("- 10.0.0.1\n- 10.0.0.4\n")).warnings, []);
}

#[test]
fn a_single_node_may_be_its_own_cm_with_a_warning() {
    let config = CONFIG.replace("oms.example.com", "10.0.0.1");
    let loaded = loaded("n1 ansible_host=10.0.0.1 oms_image=oms:4.2.7\n", &config);
    assert_eq!(loaded.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), [ProblemCode::CmUrl]);
    assert!(refused(INVENTORY, &config).contains("CFG-301"));
}

#[test]
fn keepalived_gets_its_router_id_from_the_address() {
    let inventory = format!("{INVENTORY}oms_vip_provider=keepalived\noms_vip_address=10.0.0.100/24\n");
    let address = "10.0.0.100".parse().unwrap();
    let expected = VirtualIp::Keepalived { address, prefix_length: 24, interface: None, router_id: 100 };
    assert_eq!(loaded(&inventory, CONFIG).deployment.hosts[0].settings.virtual_ip, expected);
}

#[test]
fn the_files_of_init_load_once_they_are_filled_in() {
    let inventory = crate::templates::inventory_ini(&["a1".to_owned(), "a2".to_owned()]);
    let config = crate::templates::config_yaml();
    let open = try_load(&[("inventory.ini", &inventory), ("config.yaml", &config)]).unwrap_err();
    let open: Vec<_> = open.0.iter().map(|problem| (problem.code, problem.key.as_deref().unwrap())).collect();
    let keys = [
        "oms_meta_host",
        "oms_meta_port",
        "oms_meta_user",
        "oms_meta_password",
        "cm_url",
        "oms_image_archive",
    ];
    assert_eq!(open, keys.map(|key| (ProblemCode::OpenPlace, key)));
    let inventory = inventory.replace("<path to oms_4.2.x-ce.tar.gz>", "oms.tar.gz");
    let config = config
        .replace("<address of the MetaDB>", "10.0.0.9")
        .replace("<port of the MetaDB>", "2883")
        .replace("<user of the MetaDB>", "root@oms#c")
        .replace("<password of the MetaDB>", "\"x\"")
        .replace("<http://VIRTUAL-ADDRESS-OR-NAME:8088>", "http://oms.example.com:8088");
    let loaded =
        try_load(&[("inventory.ini", &inventory), ("config.yaml", &config), ("oms.tar.gz", "x")]).unwrap();
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.deployment.hosts.len(), 2);
}

#[test]
fn nodes_that_only_facts_can_explain_are_asked_for_later() {
    let forwarded =
        INVENTORY.replace("n3 ansible_host=10.0.0.3", "n3 ansible_host=127.0.0.1 ansible_port=2203");
    let config = format!("{CONFIG}cm_nodes: [10.0.0.1, 10.0.0.4]\n");
    let region = loaded(&forwarded, &config).deployment.regions.remove(0);
    let addresses = |texts: [&str; 3]| texts.map(|text| text.parse().unwrap());
    assert_eq!(
        region.unexplained_nodes(&addresses(["10.0.0.1", "10.0.0.2", "10.0.0.4"])),
        [] as [std::net::IpAddr; 0]
    );
    let stranger: std::net::IpAddr = "10.0.0.4".parse().unwrap();
    assert_eq!(region.unexplained_nodes(&addresses(["10.0.0.1", "10.0.0.2", "10.0.0.3"])), [stranger]);
}

#[test]
fn the_host_of_the_time_series_database_fills_config_yaml() {
    let folder = |inventory: &str, config: &str| {
        let archive = ("influxdb.tar", "an archive");
        try_load(&[("inventory.ini", inventory), ("config.yaml", config), archive])
    };
    let config = format!("{CONFIG}tsdb_password: 'p w'\n");
    let own = format!("{INVENTORY}oms_tsdb_archive=influxdb.tar\n\n[tsdb]\ndb ansible_host=10.0.0.50\n");
    let deployment = folder(&own, &config).unwrap().deployment;
    let server = deployment.tsdb.as_ref().unwrap();
    assert_eq!((server.host.as_str(), server.port, server.username.as_str()), ("db", 8086, "oms"));
    assert!(server.selected && deployment.tsdb_alone().is_some());
    assert_eq!(deployment.names().count(), 4);
    let kept = tempfile::tempdir().unwrap();
    let (reached, _) = crate::load_connections(&sources(kept.path(), &[("inventory.ini", &own)])).unwrap();
    let named: Vec<_> = reached.iter().map(|host| (host.name.as_str(), host.runs_oms)).collect();
    assert_eq!(named, [("n1", true), ("n2", true), ("n3", true), ("db", false)]);
    let tsdb = &deployment.regions[0].config.tsdb;
    assert_eq!((tsdb.url.as_deref(), tsdb.enabled), (Some("10.0.0.50:8086"), Some(true)));
    let text = crate::render_config(&deployment.regions[0], &[]);
    assert!(text.expose().contains("tsdb_service: \"INFLUXDB\""), "{}", text.expose());

    let beside =
        format!("{INVENTORY}oms_tsdb_archive=influxdb.tar\noms_tsdb_host=n2\noms_tsdb_dir=/disk2/tsdb\n");
    let deployment = folder(&beside, &format!("{config}tsdb_url: 10.0.0.2:9086\n")).unwrap().deployment;
    let server = deployment.tsdb.as_ref().unwrap();
    assert_eq!((server.port, server.data.to_str()), (9086, Some("/disk2/tsdb")));
    assert!(deployment.tsdb_alone().is_none());
    assert_eq!(deployment.names().count(), 3);

    let refused = |inventory: &str, config: &str, words: &[&str]| {
        let told = folder(inventory, config).unwrap_err().to_string();
        for word in words {
            assert!(told.contains(word), "{word}: {told}");
        }
        assert_eq!(told.matches("error[").count(), words.len(), "{told}");
    };
    let unknown = own.replace("oms_tsdb_archive=influxdb.tar", "oms_tsdb_host=dbb");
    refused(&unknown, &config, &["`oms_tsdb_host` is no host of the inventory"]);
    let nothing = own.replace("oms_tsdb_archive=influxdb.tar\n", "");
    refused(&nothing, &config, &["no image is named for the time-series database"]);
    refused(&own, CONFIG, &["`tsdb_password` is missing"]);
    refused(&(own.clone() + "db2 ansible_host=10.0.0.51\n"), &config, &["one time-series database"]);
    let contradicts = format!("{config}tsdb_enabled: false\ntsdb_url: 10.0.0.51:8086\n");
    refused(&own, &contradicts, &["`tsdb_enabled` is false", "`tsdb_url` is not the address of db"]);
    refused(&own, &format!("{config}tsdb_service: CERESDB\n"), &["OMS does not support CERESDB"]);
    refused(&own.replace("10.0.0.50", "db.example.com"), &config, &["nobody knows the address"]);
    refused(&own, &format!("{config}tsdb_username: 'a b'\n"), &["cannot be made"]);
}
