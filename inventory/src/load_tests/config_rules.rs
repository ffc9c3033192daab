//! Rules of config.yaml and surprises of YAML 1.1, each with its text.

use super::{CONFIG, INVENTORY, loaded, refused, try_load};

/// What is told of a configuration with these lines added, whether it is refused or not.
fn told(config: &str) -> String {
    told_with(INVENTORY, config)
}

fn told_with(inventory: &str, config: &str) -> String {
    match try_load(&[("inventory.ini", inventory), ("config.yaml", config)]) {
        Ok(loaded) => crate::Problems(loaded.warnings).to_string(),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn surprises_of_yaml_1_1_are_kept_and_told() {
    let config = CONFIG
        .replace("cm_region: cn-jiangsu", "cm_region: no")
        .replace("cm_region_cn: cn-jiangsu", "cm_region_cn: ~")
        + "drc_user: 0123456\ndrc_password: 0123456\napsara_audit_sls_endpoint: 1_000\n\
           apsara_audit_sls_ops_site_topic: 12:30:45\napsara_audit_sls_user_site_topic: 2024-01-01\ntsdb_username: 1e3\n\
           tsdb_password: !!int \"12\"\n";
    let inventory = INVENTORY.replace("4.2.7", "3.3.1");
    insta::assert_snapshot!(told_with(&inventory, &config), @r"
    config.yaml:10:12: warning[CFG-207]: `cm_region` is written without quotation marks, and OMS would have seen the boolean false
        found: no
        hint: omsctl writes it to the hosts as typed, in quotation marks; put them here too
    config.yaml:11:15: warning[CFG-207]: `cm_region_cn` is written without quotation marks, and OMS would have seen nothing (null)
        found: ~
        hint: omsctl writes it to the hosts as typed, in quotation marks; put them here too, or delete the line when the key shall have no value
    config.yaml:13:11: warning[CFG-207]: `drc_user` is written without quotation marks, and OMS would have seen the number 42798
        found: 0123456
        hint: omsctl writes it to the hosts as typed, in quotation marks; put them here too
    config.yaml:14:15: warning[CFG-207]: `drc_password` is written without quotation marks, and OMS would have seen a number
        hint: omsctl writes it to the hosts as typed, in quotation marks; put them here too
    config.yaml:15:28: warning[CFG-207]: `apsara_audit_sls_endpoint` is written without quotation marks, and OMS would have seen the number 1000
        found: 1_000
        hint: omsctl writes it to the hosts as typed, in quotation marks; put them here too
    config.yaml:16:34: warning[CFG-207]: `apsara_audit_sls_ops_site_topic` is written without quotation marks, and OMS would have seen the number 45045
        found: 12:30:45
        hint: omsctl writes it to the hosts as typed, in quotation marks; put them here too
    config.yaml:17:35: warning[CFG-207]: `apsara_audit_sls_user_site_topic` is written without quotation marks, and OMS would have seen the date 2024-01-01
        found: 2024-01-01
        hint: omsctl writes it to the hosts as typed, in quotation marks; put them here too
    config.yaml:19:16: warning[CFG-207]: `tsdb_password` is written with a tag, and OMS would have seen a number
        hint: omsctl writes it to the hosts as typed, in quotation marks; delete the tag
    ");
    let region = loaded(&inventory, &config).deployment.regions.remove(0);
    assert_eq!(
        (region.config.cm_region.as_deref(), region.config.cm_region_cn.as_deref()),
        (Some("no"), Some("~"))
    );
    assert_eq!(region.config.extra["drc_user"].expose(), "0123456");
    assert_eq!(region.config.tsdb.username.as_deref(), Some("1e3"));
}

#[test]
fn what_pyyaml_refuses_is_refused_where_it_stands() {
    let replaced = |value: &str| refused(INVENTORY, &CONFIG.replace("root@oms#obcluster", value));
    insta::assert_snapshot!(replaced("\tx"), @"config.yaml:3:16: error[CFG-101]: OMS's reader would not take this as it looks: a tab; OMS's reader wants blanks here");
    insta::assert_snapshot!(replaced("!vault x"), @r"
    config.yaml:3:16: error[CFG-101]: OMS's reader refuses `oms_meta_user`
        hint: the value has a tag that OMS's reader does not know, or that does not fit it
    ");
    insta::assert_snapshot!(replaced("2024-02-30"), @r"
    config.yaml:3:16: error[CFG-101]: OMS's reader refuses `oms_meta_user`
        hint: OMS's reader takes this for a date, and there is no such date; quotation marks make it text
    ");
    insta::assert_snapshot!(replaced("x\u{2028}y"), @r"config.yaml:3:17: error[CFG-101]: OMS's reader would not take this as it looks: U+0085, U+2028 and U+2029 are line breaks to OMS's reader; in double quotation marks write \N, \L and \P");
    insta::assert_snapshot!(replaced("[a,\nb]"), @r"
    config.yaml:4:1: error[CFG-101]: this is not valid YAML: invalid indentation in flow construct
        hint: a line that continues a value must begin deeper than its key
    ");
    insta::assert_snapshot!(refused(INVENTORY, &format!("{CONFIG}---\na: b\n")), @"config.yaml:13:1: error[CFG-101]: the file has more than one document");
}

#[test]
fn an_empty_key_has_no_value_and_null_neither_where_text_cannot_be_meant() {
    assert_eq!(told(&format!("{CONFIG}drc_user:\ncm_server_port: ~\n")), "");
    insta::assert_snapshot!(told(&CONFIG.replace("10.0.0.9", "null")), @r"
    config.yaml:1:16: error[CFG-203]: `oms_meta_host` is required and empty
        allowed: an address or name that every OMS host reaches, such as 10.0.0.9
        hint: write a line `oms_meta_host: …`
    ");
}

#[test]
fn booleans_are_what_oms_reads_as_one() {
    for (form, refused) in
        [("tRue", true), ("y", true), ("1", true), ("!!str true", false), ("!!bool 'On'", false)]
    {
        let told = told(&CONFIG.replace("cm_is_default: true", &format!("cm_is_default: {form}")));
        assert_eq!(told.contains("CFG-202"), refused, "{form}: {told}");
    }
}

#[test]
fn a_value_that_a_comment_cuts_short() {
    let cut =
        CONFIG.replace("\"p#ss: 'word'\"", "word #1").replace("root@oms#obcluster", "root # of tenant oms");
    insta::assert_snapshot!(told(&cut), @r"
    config.yaml:4:20: warning[CFG-207]: the value of `oms_meta_password` ends before ` #`: what follows is a comment
        hint: put the whole value in quotation marks if the rest belongs to it; else write a blank behind the `#`
    ");
    assert_eq!(told(&CONFIG.replace("root@oms#obcluster", "'root #1' #c")), "");
}

#[test]
fn ports_that_oms_needs_itself() {
    insta::assert_snapshot!(told(&format!("{CONFIG}ghana_server_port: 8084\nnginx_server_port: 18089\nsshd_server_port: 9001\n")), @r"
    config.yaml:13:20: error[CFG-202]: `ghana_server_port` is the port of OMS's supervisord, which cannot be moved
        found: 8084
        allowed: a port that OMS leaves free
    config.yaml:14:20: warning[CFG-202]: `nginx_server_port` lies among the ports that OMS gives to its tasks
        found: 18089
        hint: take one outside of 18000 to 18499, or a task may hold it first
    config.yaml:15:19: error[CFG-202]: `sshd_server_port` is the port of OMS's supervisor, its second one, which cannot be moved
        found: 9001
        allowed: a port that OMS leaves free
    ");
}

#[test]
fn ports_that_obd_refuses() {
    let config = format!("{CONFIG}nginx_server_port: 443\nsshd_server_port: 1024\nghana_server_port: 1025\n");
    insta::assert_snapshot!(told(&config), @r"
    config.yaml:13:20: warning[CFG-202]: `nginx_server_port` is below 1025, where OBD refuses it
        found: 443
        hint: ports below 1024 belong to the system's own services, and only root may listen there: take one from 1025 to 65535
    config.yaml:14:19: warning[CFG-202]: `sshd_server_port` is below 1025, where OBD refuses it
        found: 1024
        hint: ports below 1024 belong to the system's own services, and only root may listen there: take one from 1025 to 65535
    ");
}

#[test]
fn the_url_of_the_cluster_manager() {
    insta::assert_snapshot!(told(&CONFIG.replace(":8088", ":18088")), @r"
    config.yaml:8:9: warning[CFG-301]: `cm_url` has port 18088, and the CM listens on 8088
        found: http://oms.example.com:18088
        hint: right only where the virtual address maps the port; else write port 8088, or set `cm_server_port`
    ");
    insta::assert_snapshot!(told(&CONFIG.replace("oms.example.com", "0.0.0.0")), @r"
    config.yaml:8:9: error[CFG-301]: `cm_url` points to 0.0.0.0, which is no host's address
        found: http://0.0.0.0:8088
        hint: use a virtual address or a name in front of all CM nodes, such as http://oms.example.com:8088
    ");
}

#[test]
fn the_time_series_database_has_a_port() {
    let tsdb = "tsdb_enabled: true\ntsdb_service: INFLUXDB\ntsdb_url: 10.0.0.9\ntsdb_username: u\ntsdb_password: 'p'\n";
    insta::assert_snapshot!(told(&format!("{CONFIG}{tsdb}")), @r"
    config.yaml:15:11: error[CFG-304]: `tsdb_url` has no port
        found: 10.0.0.9
        allowed: ADDRESS:8086
    ");
}

#[test]
fn an_only_region_that_is_not_the_default() {
    insta::assert_snapshot!(told(&CONFIG.replace("cm_is_default: true", "cm_is_default: false")), @r"
    config.yaml:12:16: warning[CFG-305]: the only region is not the default region
        hint: write `cm_is_default: true`, unless another inventory with the same MetaDB has the default region
    ");
}

#[test]
fn keys_that_a_version_ignores_or_needs() {
    let config = format!("{CONFIG}drc_user: u\ndrc_password: 'p'\ncm_server_port: 8088\n");
    insta::assert_snapshot!(told(&config), @r"
    config.yaml:13:11: warning[CFG-208]: OMS 4.2.7 ignores `drc_user`: since 4.1.1 each data source has its own account
        hint: delete it, and give the account with the data source in the console
    config.yaml:14:15: warning[CFG-208]: OMS 4.2.7 ignores `drc_password`: since 4.1.1 each data source has its own account
        hint: delete it, and give the account with the data source in the console
    ");
    insta::assert_snapshot!(told_with(&INVENTORY.replace("4.2.7", "4.2.1"), &config), @r"
    config.yaml:13:11: warning[CFG-208]: OMS 4.2.1 ignores `drc_user`: since 4.1.1 each data source has its own account
        hint: delete it, and give the account with the data source in the console
    config.yaml:14:15: warning[CFG-208]: OMS 4.2.1 ignores `drc_password`: since 4.1.1 each data source has its own account
        hint: delete it, and give the account with the data source in the console
    config.yaml:15:17: warning[CFG-208]: OMS 4.2.1 ignores `cm_server_port`: ports can be set since 4.2.2
        hint: delete it; earlier versions have the manual's ports
    ");
    insta::assert_snapshot!(told_with(&INVENTORY.replace("4.2.7", "3.3.0"), CONFIG), @r"
    config.yaml: error[CFG-203]: `drc_password` is missing, and OMS 3.3.0 needs it
        hint: it is an account in the sys tenant of the OceanBase that is read from
    config.yaml: error[CFG-203]: `drc_user` is missing, and OMS 3.3.0 needs it
        hint: it is an account in the sys tenant of the OceanBase that is read from
    ");
    let unknown = INVENTORY.replace("feature_4.2.7_ce", "latest\noms_init_by=script");
    assert_eq!(told_with(&unknown, &config), "");
}

#[test]
fn regions_share_the_time_series_database_and_not_the_heartbeat() {
    let inventory = "[oms:children]\na\nb\n[a]\nn1 ansible_host=10.0.0.1\n[b]\nn2 ansible_host=10.0.0.2\n[a:vars]\ncm_location=1\n\
        [b:vars]\ncm_location=2\ncm_is_default=false\ndrc_cm_heartbeat_db=OMS_CM_HB\ntsdb_password=other\ntsdb_username=other\n\
        tsdb_service=CERESDB\n[oms:vars]\noms_image=oms:4.2.7\n";
    let tsdb = "tsdb_enabled: true\ntsdb_service: INFLUXDB\ntsdb_url: 10.0.0.9:8086\ntsdb_username: u\ntsdb_password: 'p'\n";
    insta::assert_snapshot!(told_with(inventory, &format!("{CONFIG}{tsdb}")), @r"
    inventory.ini:13:1: error[CFG-305]: the regions `a` and `b` have the same `drc_cm_heartbeat_db`
        found: OMS_CM_HB
        hint: set another `drc_cm_heartbeat_db` in the group variables of `b`
    inventory.ini:14:1: error[CFG-305]: `tsdb_password` differs between the regions `a` and `b`
        hint: it must be the same in all regions: leave it to config.yaml
    inventory.ini:15:1: error[CFG-305]: `tsdb_username` differs between the regions `a` and `b`
        hint: it must be the same in all regions: leave it to config.yaml
    inventory.ini:16:1: error[CFG-304]: OMS does not support CERESDB
        found: CERESDB
        allowed: INFLUXDB
    inventory.ini:16:1: error[CFG-305]: `tsdb_service` differs between the regions `a` and `b`
        hint: it must be the same in all regions: leave it to config.yaml
    ");
}

#[test]
fn a_value_that_is_refused_is_not_missing_besides() {
    let problems = refused(INVENTORY, &CONFIG.replace("\"p#ss: 'word'\"", "0x_"));
    assert!(problems.contains("CFG-101") && !problems.contains("CFG-203"), "{problems}");
}
