//! What is refused, and in which words.

use super::{CONFIG, INVENTORY, refused, sources, try_load};
use crate::load;

#[test]
fn a_missing_inventory_names_what_was_tried() {
    let folder = tempfile::tempdir().unwrap();
    let problems = load(&sources(folder.path(), &[])).unwrap_err().to_string();
    let problems = problems.replace(&folder.path().display().to_string(), "/here");
    insta::assert_snapshot!(problems, @r"
    config.yaml: error[CFG-001]: OMS's configuration file does not exist
        hint: name another with -c FILE, or let `omsctl init` write one to start from
    error[INV-001]: there is no inventory
        found: none of ./inventory.ini, ./inventory.yml, ./inventory.yaml in /here
        hint: name one with -i FILE, or let `omsctl init HOST…` write one to start from
    ");
}

#[test]
fn all_problems_of_both_files_come_at_once() {
    let inventory = INVENTORY
        .replace("n2 ansible_host=10.0.0.2", "n2 ansible_host=10.0.0.2 oms_host_ip=10.0.0.1\nn[1:")
        .replace("n3 ", "n3 oms_host_ip=10.0.0.1 ansible_port=ssh ")
        + "oms_contaner_name=x\noms_mount_path=data\noms_init_by=hand\n";
    let config = CONFIG
        .replace("drc_cm_db: oms_cm", "drc_cm_db: oms_rm")
        .replace("http://oms.example.com:8088", "http://127.0.0.1:8089")
        .replace("cm_location: 1", "cm_location: 0100")
        .replace("oms_meta_user: root@oms#obcluster\n", "")
        + "ssh_server_port: 2023\ncm_region: again\nnginx_server_port: 99999\n";
    insta::assert_snapshot!(refused(&inventory, &config), @r"
    config.yaml: error[CFG-203]: `oms_meta_user` is required and missing
        allowed: text, best in quotation marks
        hint: write a line `oms_meta_user: …`
    config.yaml:5:12: error[CFG-302]: `drc_cm_db` and `drc_rm_db` name the same database
        found: oms_rm
        allowed: three different names, such as oms_rm, oms_cm and oms_cm_hb
    config.yaml:7:9: error[CFG-301]: `cm_url` has the port of the console, 8089
        found: http://127.0.0.1:8089
        allowed: the port of the CM, 8088
    config.yaml:7:9: error[CFG-301]: `cm_url` points to the loopback address, where no other host reaches it
        found: http://127.0.0.1:8089
        hint: use a virtual address or a name in front of all CM nodes, such as http://oms.example.com:8088
    config.yaml:8:14: error[CFG-204]: `cm_location` can be read in two ways
        found: 0100: YAML 1.1 (OMS) reads the number 64, YAML 1.2 reads the number 100
        hint: write the number in plain decimal digits, without leading zeros
    config.yaml:12:1: error[CFG-201]: OMS has no key `ssh_server_port`
        did you mean: sshd_server_port
        hint: OMS would ignore it without a word; correct or delete it
    config.yaml:13:1: error[CFG-103]: `cm_region` is written twice
        found: first in line 9 column 1
        hint: OMS would take the last one without a word; delete one of the two
    config.yaml:14:20: error[CFG-202]: `nginx_server_port` has a value that OMS cannot use
        found: 99999
        allowed: a whole number from 1 to 65535
    inventory.ini:4:1: error[INV-102]: a range must be [begin:end] or [begin:end:step]
        found: n[1:
    inventory.ini:5:4: error[INV-206]: n2 and n3 have the same `oms_host_ip`
        found: 10.0.0.1
        hint: it is OMS's identity of a host; set it on each host's own line
    inventory.ini:5:25: error[INV-202]: `ansible_port` has a value that cannot be used
        found: ssh
        allowed: a whole number from 1 to 65535
    inventory.ini:9:1: error[INV-201]: there is no variable `oms_contaner_name`
        did you mean: oms_container_name
        hint: names that begin with oms_ belong to omsctl; give a variable of your own another prefix
    inventory.ini:10:1: error[INV-202]: `oms_mount_path` has a value that cannot be used
        found: data
        allowed: an absolute path other than /, without `..` and `:`
    inventory.ini:11:1: error[INV-202]: `oms_init_by` has a value that cannot be used
        found: hand
        allowed: auto, script, self
    ");
}

#[test]
fn rules_between_keys() {
    let config = CONFIG
        .replace("drc_cm_db: oms_cm\n", "drc_cm_db: oms_rm\n")
        .replace("oms.example.com:8088", "127.0.0.1:8089")
        + "tsdb_enabled: yes\ntsdb_url: http://10.0.0.9:8086\nghana_server_port: 8089\n";
    insta::assert_snapshot!(refused(INVENTORY, &config), @r"
    config.yaml:6:12: error[CFG-302]: `drc_cm_db` and `drc_rm_db` name the same database
        found: oms_rm
        allowed: three different names, such as oms_rm, oms_cm and oms_cm_hb
    config.yaml:8:9: error[CFG-301]: `cm_url` has the port of the console, 8089
        found: http://127.0.0.1:8089
        allowed: the port of the CM, 8088
    config.yaml:8:9: error[CFG-301]: `cm_url` points to the loopback address, where no other host reaches it
        found: http://127.0.0.1:8089
        hint: use a virtual address or a name in front of all CM nodes, such as http://oms.example.com:8088
    config.yaml:13:15: error[CFG-304]: `tsdb_password` is missing while `tsdb_enabled` is true
        allowed: its password
        hint: write `tsdb_password: …`, or `tsdb_enabled: false`
    config.yaml:13:15: error[CFG-304]: `tsdb_service` is missing while `tsdb_enabled` is true
        allowed: INFLUXDB; OMS's own default, CERESDB, is not supported
        hint: write `tsdb_service: …`, or `tsdb_enabled: false`
    config.yaml:13:15: error[CFG-304]: `tsdb_username` is missing while `tsdb_enabled` is true
        allowed: the user of the time series database
        hint: write `tsdb_username: …`, or `tsdb_enabled: false`
    config.yaml:14:11: error[CFG-304]: `tsdb_url` is written without a scheme
        found: http://10.0.0.9:8086
        allowed: ADDRESS:8086
    config.yaml:15:20: error[CFG-202]: `ghana_server_port` is the port of `nginx_server_port` (its default)
        found: 8089
        allowed: five different ports
    ");
}

#[test]
fn masks_of_the_manual_give_one_problem_each() {
    let config = CONFIG
        .replace("\"p#ss: 'word'\"", "******** # your password")
        .replace("oms_meta_host: 10.0.0.9", "oms_meta_host: xxx.xxx.xxx.1")
        .replace("oms.example.com", "VIP")
        .replace("cm_location: 1", "cm_location: <number>")
        + "cm_nodes:\n  - ***\n  - xxx.xxx.xxx.2\n";
    insta::assert_snapshot!(refused(INVENTORY, &config), @r#"
    config.yaml:1:16: error[CFG-206]: `oms_meta_host` is still to be filled in
        found: xxx.xxx.xxx.1
        hint: write the real value
    config.yaml:4:20: error[CFG-206]: `oms_meta_password` is still to be filled in
        found: ********
        hint: write the real value, or take it from the environment: "${NAME}"
    config.yaml:8:9: error[CFG-206]: `cm_url` is still to be filled in
        found: http://VIP:8088
        hint: write the real value
    config.yaml:9:14: error[CFG-206]: `cm_location` is still to be filled in
        found: <number>
        hint: write the real value
    config.yaml:14:5: error[CFG-206]: `cm_nodes` is still to be filled in
        found: ***
        hint: write the real value
    config.yaml:15:5: error[CFG-206]: `cm_nodes` is still to be filled in
        found: xxx.xxx.xxx.2
        hint: write the real value
    "#);
}

#[test]
fn config_that_is_no_mapping_or_no_yaml() {
    insta::assert_snapshot!(refused(INVENTORY, "cm_url:http://a\noms_meta_host: @x\n"), @r#"
    config.yaml:1:8: error[CFG-101]: a space is missing after `cm_url:`
        hint: write exactly one space between the colon and the value
    config.yaml:2:16: error[CFG-101]: this is not valid YAML: unexpected character: `@'
        hint: a value that begins with one of * & ! @ % { [ ' " ` or has ': ' or ' #' in it needs quotation marks
    "#);
    insta::assert_snapshot!(refused(INVENTORY, "- a\n"), @r"
    config.yaml:1:1: error[CFG-102]: the file must be a mapping, one `key: value` a line
        hint: one space after the colon
    ");
    insta::assert_snapshot!(refused(INVENTORY, ""), @r"
    config.yaml: error[CFG-102]: the file is empty
        hint: `omsctl init` writes one to start from
    ");
    assert!(
        refused(INVENTORY, &CONFIG.replace("oms_meta_user: ", "oms_meta_user:"))
            .contains("a space is missing")
    );
}

#[test]
fn cm_nodes_that_are_no_list() {
    insta::assert_snapshot!(refused(INVENTORY, &format!("{CONFIG}cm_nodes:\n  -10.0.0.1\n")), @r"
    config.yaml:14:3: error[CFG-202]: `cm_nodes` has a value that OMS cannot use
        found: -10.0.0.1
        allowed: a list, one `- address` a line
        hint: a blank after the dash, each address on its own line; or leave the key out: the inventory has the hosts
    ");
    insta::assert_snapshot!(refused(INVENTORY, &format!("{CONFIG}cm_nodes: [10.0.0.1, 10.0.0.1, n2]\n")), @r"
    config.yaml:13:22: error[CFG-202]: `cm_nodes` has a value that OMS cannot use
        found: 10.0.0.1
        allowed: each address once
    config.yaml:13:32: error[CFG-202]: `cm_nodes` has a value that OMS cannot use
        found: n2
        allowed: the IP address of an OMS host
    ");
}

#[test]
fn numbers_that_two_yamls_read_differently() {
    for (form, ambiguous) in [
        ("0100", true),
        ("0o17", true),
        ("1_0", true),
        ("1:10", true),
        ("08", true),
        ("128", false),
        ("x", false),
        ("\"0x1\"", false),
        ("-1", false),
        ("1.0", false),
    ] {
        let problems = refused(INVENTORY, &CONFIG.replace("cm_location: 1", &format!("cm_location: {form}")));
        assert_eq!(problems.contains("CFG-204"), ambiguous, "{form}: {problems}");
        assert_eq!(problems.contains("CFG-202"), !ambiguous, "{form}: {problems}");
    }
}

#[test]
fn regions_that_contradict_each_other() {
    let inventory = "\
[oms:children]
a
b
[a]
n0 ansible_host=10.0.0.4 cm_url=http://x:8088
n1 ansible_host=10.0.0.1
[b]
n2 ansible_host=10.0.0.2
n1
[a:vars]
cm_location=1
cm_region=r
cm_region_cn=r
[b:vars]
cm_location=1
drc_rm_db=other
[oms:vars]
oms_image=oms:4.2.7
";
    insta::assert_snapshot!(refused(inventory, &CONFIG.replace("cm_region: cn-jiangsu\ncm_region_cn: cn-jiangsu\n", "")), @r"
    config.yaml:7:22: error[CFG-305]: the regions `a` and `b` have the same `drc_cm_heartbeat_db`
        found: oms_cm_hb
        hint: set another `drc_cm_heartbeat_db` in the group variables of `b`
    config.yaml:10:16: error[CFG-305]: the regions `a` and `b` are both the default region
        hint: set `cm_is_default=true` in one region's group variables and `cm_is_default=false` in the others
    inventory.ini:5:26: error[INV-212]: `cm_url` cannot differ within a region
        hint: all hosts of a region have one config.yaml: set it there, or in a group with a cm_location of its own
    inventory.ini:6:1: error[INV-212]: n1 is in two regions, a and b
        hint: a host belongs to one group that sets cm_location
    inventory.ini:15:1: error[CFG-203]: the region `b` needs `cm_region_cn` when there are several
        hint: set it beside `cm_location` in the group variables, such as cm_region_cn=cn-jiangsu; it is what OMS's Chinese pages show, and may be the same as `cm_region`
    inventory.ini:15:1: error[CFG-203]: the region `b` needs `cm_region` when there are several
        hint: set it beside `cm_location` in the group variables, such as cm_region=cn-jiangsu
    inventory.ini:15:1: error[CFG-305]: the regions `a` and `b` have the same `cm_location`
        found: 1
        hint: set another `cm_location` in the group variables of `b`
    inventory.ini:16:1: error[CFG-305]: `drc_rm_db` differs between the regions `a` and `b`
        hint: it must be the same in all regions: leave it to config.yaml
    ");
}

#[test]
fn templates_are_refused_only_where_they_are_used() {
    let used = format!(
        "{INVENTORY}oms_container_name={{{{ x | default('y') }}}}\nansible_user={{{{ nobody }}}}\nfree={{{{ x | y }}}}\n"
    );
    insta::assert_snapshot!(refused(&used, CONFIG), @r"
    inventory.ini:8:1: error[INV-203]: `oms_container_name` holds a template that needs Jinja: {{ x | default('y') }}
        hint: write the value itself, or a plain reference: {{ other_variable }}
    inventory.ini:9:1: error[INV-203]: `ansible_user` refers to `nobody`, which is not set for this host
        hint: set it in the inventory, or write the value itself
    ");
}

#[test]
fn files_that_are_not_there() {
    let inventory = INVENTORY.replace(
        "oms_image=registry.example.com/oms:feature_4.2.7_ce",
        "oms_image_archive=oms.tar\noms_https_cert=crt",
    ) + "ansible_ssh_private_key_file=keys/id\n";
    let folder = tempfile::tempdir().unwrap();
    let problems =
        load(&sources(folder.path(), &[("inventory.ini", &inventory), ("config.yaml", CONFIG)])).unwrap_err();
    let problems = problems.to_string().replace(&folder.path().display().to_string(), "/here");
    insta::assert_snapshot!(problems, @r"
    inventory.ini:7:1: error[INV-207]: the file of `oms_image_archive` cannot be read: No such file or directory (os error 2)
        found: /here/oms.tar
        hint: the path is one of this machine, relative to the folder in which omsctl runs
    inventory.ini:8:1: error[INV-204]: `oms_https_cert` is set and `oms_https_key` is not
        hint: HTTPS takes both files; HTTP neither
    inventory.ini:8:1: error[INV-207]: the file of `oms_https_cert` cannot be read: No such file or directory (os error 2)
        found: /here/crt
        hint: the path is one of this machine, relative to the folder in which omsctl runs
    inventory.ini:9:1: error[INV-207]: the file of `ansible_ssh_private_key_file` cannot be read: No such file or directory (os error 2)
        found: /here/keys/id
        hint: the path is one of this machine, relative to the folder in which omsctl runs
    ");
    insta::assert_snapshot!(try_load(&[("inventory.ini", INVENTORY)]).unwrap_err(), @r"
    config.yaml: error[CFG-001]: OMS's configuration file does not exist
        hint: name another with -c FILE, or let `omsctl init` write one to start from
    ");
}

#[test]
fn images_are_needed_once_and_in_one_way() {
    insta::assert_snapshot!(refused("[oms]\nn[1:12]\n", CONFIG), @r"
    inventory.ini:2:1: error[INV-204]: no image is named for the OMS container
        found: neither oms_image_archive nor oms_image for n1, n2, n3, n4, n5, n6, n7, n8, n9, n10 and 2 more
        allowed: oms_image_archive=FILE on this machine (tar, tar.gz, tar.zst), or oms_image=REFERENCE to pull
        hint: write it once below [oms:vars]
    ");
    insta::assert_snapshot!(refused(&format!("{INVENTORY}oms_image_archive=x.tar\n"), CONFIG), @r"
    inventory.ini:8:1: error[INV-205]: both `oms_image_archive` and `oms_image` are set
        found: oms_image is set at inventory.ini:7:1
        hint: keep the one that the hosts shall take the image from
    ");
    insta::assert_snapshot!(refused(&INVENTORY.replace("feature_4.2.7_ce", "latest"), CONFIG), @r"
    inventory.ini:7:1: error[INV-204]: the tag of `oms_image` does not tell its version
        found: registry.example.com/oms:latest
        hint: set oms_init_by=self for OMS 4.2.11 and later, oms_init_by=script for earlier ones
    ");
}

#[test]
fn limits_that_select_nothing() {
    for limit in ["n9", "~x.*", "oms[9]", "!all"] {
        let folder = tempfile::tempdir().unwrap();
        let mut sources = sources(folder.path(), &[("inventory.ini", INVENTORY), ("config.yaml", CONFIG)]);
        sources.limit = Some(limit.to_owned());
        let problems = load(&sources).unwrap_err();
        assert_eq!(
            problems.0.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>(),
            ["INV-209"],
            "{limit}"
        );
    }
}

#[test]
fn an_open_variable_is_named_once() {
    let config = CONFIG.replace("\"p#ss: 'word'\"", "\"${OMS_PASSWORD}\"");
    insta::assert_snapshot!(refused(INVENTORY, &config), @r"
    config.yaml:4:20: error[CFG-205]: `oms_meta_password` needs ${OMS_PASSWORD}, which has no value
        hint: export OMS_PASSWORD=… or write it to a file for --env-file; $${ stands for ${ itself
    ");
}

#[test]
fn no_secret_is_ever_shown() {
    let canary = "canary-7f3a";
    let config = CONFIG.replace("\"p#ss: 'word'\"", &format!("[{canary}]"))
        + &format!("oms_meta_password: {canary}\ndrc_password: {canary}: x\n");
    assert!(!refused(INVENTORY, &config).contains(canary));
    let config = CONFIG.replace("\"p#ss: 'word'\"", &format!("\"${{NOT_THERE}}{canary}\""));
    assert!(!refused(INVENTORY, &config).contains(canary));
    let inventory =
        format!("{INVENTORY}ansible_password={{{{ x | y }}}}\nansible_become_pass=['{canary}']\n");
    assert!(!refused(&inventory, CONFIG).contains(canary));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, ..Default::default() })]

    #[test]
    fn no_files_panic(inventory in "[\\[\\]a-z:#= '\"\\n{}_0-9.]{0,120}", config in "[a-z_:\\-\\[\\]{}&*!|>%@\"'#$<> \\n0-9.]{0,120}") {
        let _ = try_load(&[("inventory.ini", &inventory), ("config.yaml", &config)]);
        let _ = try_load(&[("inventory.yml", &config), ("config.yaml", CONFIG)]);
        let _ = crate::parse_existing_config(&config);
        let _ = crate::mask(&config);
    }
}

#[test]
fn a_log_in_of_a_registry_takes_user_and_password() {
    let with = |lines: &str| refused(&format!("{INVENTORY}{lines}"), CONFIG);
    insta::assert_snapshot!(with("oms_registry_user=robot\n"), @r"
    inventory.ini:8:1: error[INV-204]: `oms_registry_user` is set and `oms_registry_password` is not
        hint: a log-in of the registry takes both
    ");
    insta::assert_snapshot!(with("oms_registry_password=canary\n"), @r"
    inventory.ini:8:1: error[INV-204]: `oms_registry_password` is set and `oms_registry_user` is not
        hint: a log-in of the registry takes both
    ");
    insta::assert_snapshot!(with("oms_registry_user=a:b\noms_registry_password=canary\n"), @r"
    inventory.ini:8:1: error[INV-202]: `oms_registry_user` has a value that cannot be used
        found: a:b
        allowed: a user name without `:`
    ");
    assert!(!with("oms_registry_user=a:b\noms_registry_password='canary\n").contains("canary"));
}
