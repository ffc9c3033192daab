//! Whole loads from files in a temporary folder: what is understood, and the text of every refusal.

mod accepted;
mod config_rules;
mod problems;
mod rendering;
mod samples;
mod vault;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::{Loaded, Problems, Sources, load};

/// An inventory of three hosts that is complete.
const INVENTORY: &str = "\
[oms]
n1 ansible_host=10.0.0.1
n2 ansible_host=10.0.0.2
n3 ansible_host=10.0.0.3

[oms:vars]
oms_image=registry.example.com/oms:feature_4.2.7_ce
";

/// A config.yaml that is complete, as the manual writes it.
const CONFIG: &str = "\
oms_meta_host: 10.0.0.9
oms_meta_port: 2883
oms_meta_user: root@oms#obcluster
oms_meta_password: \"p#ss: 'word'\"
drc_rm_db: oms_rm
drc_cm_db: oms_cm
drc_cm_heartbeat_db: oms_cm_hb
cm_url: http://oms.example.com:8088
cm_location: 1
cm_region: cn-jiangsu
cm_region_cn: cn-jiangsu
cm_is_default: true
";

/// Sources of a folder with these files.
fn sources(folder: &Path, files: &[(&str, &str)]) -> Sources {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Sources {
        inventories: Vec::new(),
        config: "config.yaml".into(),
        env_file: None,
        environment: BTreeMap::new(),
        limit: None,
        vault_passwords: Vec::new(),
        working_directory: folder.to_path_buf(),
    }
}

fn try_load(files: &[(&str, &str)]) -> Result<Loaded, Problems> {
    let folder = tempfile::tempdir().unwrap();
    load(&sources(folder.path(), files))
}

fn loaded(inventory: &str, config: &str) -> Loaded {
    try_load(&[("inventory.ini", inventory), ("config.yaml", config)])
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn refused(inventory: &str, config: &str) -> String {
    match try_load(&[("inventory.ini", inventory), ("config.yaml", config)]) {
        Ok(_) => panic!("the files are accepted"),
        Err(problems) => problems.to_string(),
    }
}
