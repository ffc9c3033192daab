//! Two regions, read from files as an operator writes them: at once, and one more beside one that runs.

use std::collections::BTreeMap;

use omsctl_inventory::{Deployment, Sources, load};

use crate::plan::fixture::{Cluster, name};
use crate::ports::ClusterRow;

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

/// Both regions, or only the eastern one.
fn deployment(inventory: &str) -> Deployment {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("inventory.ini"), inventory).unwrap();
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
    load(&sources).unwrap_or_else(|problems| panic!("{problems}")).deployment
}

/// The inventory without a region: its line among the children, its hosts, its variables.
fn without(inventory: &str, region: &str) -> String {
    let sections = inventory.split("\n\n").filter(|section| !section.starts_with(&format!("[{region}")));
    sections.collect::<Vec<_>>().join("\n\n").replacen(&format!("{region}\n"), "", 1)
}

fn row(code: &str, is_default: bool) -> ClusterRow {
    ClusterRow {
        region: format!("cn-{code}"),
        cm_url: format!("http://10.0.{code}.100:8088"),
        code: code.to_owned(),
        is_default,
    }
}

/// The eastern region as a rollout leaves it.
fn east_is_ready() -> Cluster {
    let mut cluster = Cluster::fresh(3);
    cluster.deployment = deployment(&without(INVENTORY, "west"));
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    cluster.metadb().clusters = vec![row("1", true)];
    cluster.metadb().resource_groups = BTreeMap::from([(1, "1".to_owned())]);
    cluster
}

#[test]
fn each_region_has_its_own_nodes_and_the_default_region_comes_first() {
    let mut cluster = Cluster::fresh(3);
    cluster.deployment = deployment(INVENTORY);
    let plan = cluster.plan().unwrap();
    assert_eq!(plan.schema_order, ["n1", "n2", "n3"].map(name));
    let config = |node: &str| plan.secrets[&name(node)].values().next().unwrap().expose().to_owned();
    assert!(config("n1").contains("10.0.0.2") && !config("n1").contains("10.0.0.3"));
    assert!(config("n3").contains("10.0.0.3") && !config("n3").contains("10.0.0.1"));
    assert!(config("n1").contains("hb_1") && config("n3").contains("hb_2"));
}

#[test]
fn a_region_more_touches_only_its_own_hosts() {
    let mut cluster = east_is_ready();
    assert_eq!(cluster.plan().unwrap().changes(), 0);
    cluster.deployment = deployment(INVENTORY);
    assert_eq!((cluster.steps("n1"), cluster.steps("n2")), (Vec::new(), Vec::new()));
    let steps = cluster.steps("n3");
    assert!(steps.contains(&"schema:initialise".to_owned()), "{steps:?}");
    let plan = cluster.plan().unwrap();
    assert_eq!(plan.schema_order, [name("n3")]);
    let config = plan.secrets[&name("n3")].values().next().unwrap().expose();
    for line in ["drc_cm_heartbeat_db: \"hb_2\"", "cm_is_default: false", "cm_location: 2"] {
        assert!(config.contains(line), "{line} in {config}");
    }
}

#[test]
fn a_region_that_the_inventory_lacks_is_named() {
    let mut cluster = east_is_ready();
    cluster.metadb().clusters.push(row("2", false));
    let refused = cluster.refused();
    assert!(refused.contains("the cluster has a region cn-2 with cm_location 2"), "{refused}");
    assert!(refused.contains("put its group back into the inventory"), "{refused}");
    assert!(!refused.contains("another cluster"), "{refused}");
    cluster.goal.join_metadb = true;
    assert_eq!(cluster.plan().unwrap().changes(), 0, "another inventory has it");
}

#[test]
fn the_default_region_stays_the_default_region() {
    let mut cluster = east_is_ready();
    let moved = INVENTORY.replace("cm_is_default=false", "cm_is_default=X");
    let moved = moved.replace("cm_is_default=true", "cm_is_default=false").replace("=X", "=true");
    cluster.deployment = deployment(&moved);
    let refused = cluster.refused();
    assert!(
        refused.contains("the default region has cm_location 1, the files want it to be west with 2"),
        "{refused}"
    );
    assert!(refused.contains("set cm_is_default=false in the group variables of west"), "{refused}");
    // The western region alone, in an inventory of its own, with the vendor's template.
    cluster.deployment =
        deployment(&without(INVENTORY, "east").replace("cm_is_default=false", "cm_is_default=true"));
    cluster.goal.join_metadb = true;
    assert!(cluster.refused().contains("the default region has cm_location 1"), "{}", cluster.refused());
}
