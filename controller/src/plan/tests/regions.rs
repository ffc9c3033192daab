//! Two regions, read from files as an operator writes them.

use std::collections::BTreeMap;

use omsctl_inventory::{Sources, load};

use crate::plan::fixture::{Cluster, name};

const INVENTORY: &str = "\
[oms:children]
west
east

[west]
n3 ansible_host=10.0.0.3

[east]
n1 ansible_host=10.0.0.1
n2 ansible_host=10.0.0.2

[east:vars]
cm_location=1
cm_region=cn-east
cm_region_cn=cn-east
cm_is_default=true
drc_cm_heartbeat_db=hb_1
cm_url=http://10.0.1.100:8088

[west:vars]
cm_location=2
cm_region=cn-west
cm_region_cn=cn-west
cm_is_default=false
drc_cm_heartbeat_db=hb_2
cm_url=http://10.0.2.100:8088

[oms:vars]
oms_image=oms:4.2.7
";

const CONFIG: &str = "\
oms_meta_host: 10.0.0.200
oms_meta_port: 2883
oms_meta_user: root@oms
oms_meta_password: secret
drc_rm_db: oms_rm
drc_cm_db: oms_cm
";

#[test]
fn each_region_has_its_own_nodes_and_the_default_region_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("inventory.ini"), INVENTORY).unwrap();
    std::fs::write(folder.path().join("config.yaml"), CONFIG).unwrap();
    let sources = Sources {
        inventories: Vec::new(),
        config: "config.yaml".into(),
        env_file: None,
        environment: BTreeMap::new(),
        limit: None,
        vault_passwords: Vec::new(),
        working_directory: folder.path().to_owned(),
    };
    let mut cluster = Cluster::fresh(3);
    cluster.deployment = load(&sources).unwrap_or_else(|problems| panic!("{problems}")).deployment;
    let plan = cluster.plan().unwrap();
    assert_eq!(plan.schema_order, ["n1", "n2", "n3"].map(name));
    let config = |node: &str| plan.secrets[&name(node)].values().next().unwrap().expose().to_owned();
    assert!(config("n1").contains("10.0.0.2") && !config("n1").contains("10.0.0.3"));
    assert!(config("n3").contains("10.0.0.3") && !config("n3").contains("10.0.0.1"));
    assert!(config("n1").contains("hb_1") && config("n3").contains("hb_2"));
}
