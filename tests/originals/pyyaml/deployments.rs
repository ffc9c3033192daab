//! Files of an operator that omsctl must accept, one region or several, with what every key is meant to be.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::keys::{Written, base_keys, node_list, region_keys};
use crate::maker::Maker;
use crate::tally::Tally;

/// The files of one case.
pub(crate) struct Files {
    pub(crate) config: String,
    pub(crate) inventory: String,
    /// `group_vars/NAME.yml` of each region but the first, when there are several.
    pub(crate) group_vars: Vec<(String, String)>,
    /// Region by region what OMS shall see.
    pub(crate) meant: BTreeMap<String, BTreeMap<&'static str, Value>>,
    /// The problem that was put in, by its code.
    pub(crate) flaw: Option<&'static str>,
}

/// The files of the case.
pub(crate) fn files(seed: u64, tally: &mut Tally) -> Files {
    let make = &mut Maker::new(seed, tally);
    let regions = [1, 1, 2, 3][make.below(4)];
    let hosts = if regions == 1 { 1 + make.below(3) } else { 1 + make.below(2) };
    make.count(match (regions, hosts) {
        (1, 1) => "single node",
        (1, _) => "several nodes, one region",
        _ => "several regions",
    });
    let mut keys = base_keys(make);
    let flawed = make.once_in(12);
    // The flaw is put into this key.
    keys.retain(|key| !flawed || key.key != "drc_user");
    let several = regions > 1;
    let mut inventory = String::from("[oms:vars]\noms_image=registry.example.com/oms:feature_4.2.7_ce\n");
    let mut files = Files {
        config: String::new(),
        inventory: String::new(),
        group_vars: Vec::new(),
        meant: BTreeMap::new(),
        flaw: None,
    };
    let base: BTreeMap<&'static str, Value> = keys.iter().map(|key| (key.key, key.meant.clone())).collect();
    if several {
        inventory += "[oms:children]\n";
        for region in 0..regions {
            let _ = writeln!(inventory, "r{region}");
        }
    }
    for region in 0..regions {
        let name = if several { format!("r{region}") } else { "default".to_owned() };
        if several {
            let _ = writeln!(inventory, "[{name}]");
        } else {
            inventory += "[oms]
";
        }
        let addresses: Vec<String> =
            (0..hosts).map(|host| format!("192.0.2.{}", 1 + region * 10 + host)).collect();
        for (host, address) in addresses.iter().enumerate() {
            let _ = writeln!(inventory, "n{region}{host} ansible_host={address}");
        }
        let mut meant = base.clone();
        if several {
            let own = region_keys(make, region);
            files.group_vars.push((name.clone(), lines(make, own.iter())));
            meant.extend(own.into_iter().map(|key| (key.key, key.meant)));
        } else if make.once_in(2) {
            let listed = addresses[..=make.below(addresses.len())].to_vec();
            keys.push(Written { key: "cm_nodes", text: node_list(make, &listed), meant: Value::Null });
        }
        meant.insert(
            "cm_nodes",
            json!({ "list": addresses.iter().map(|a| json!({ "text": a })).collect::<Vec<_>>() }),
        );
        meant.entry("cm_is_default").or_insert(json!({ "bool": true }));
        files.meant.insert(name, meant);
    }
    make.rng.shuffle(&mut keys);
    files.config = lines(make, keys.iter());
    files.inventory = inventory;
    if flawed {
        flaw(make, &mut files);
    }
    if make.once_in(6) {
        make.count("CRLF");
        files.config = files.config.replace('\n', "\r\n");
    }
    files
}

/// One thing that omsctl refuses by name although PyYAML reads it, or makes something else of it.
fn flaw(make: &mut Maker<'_>, files: &mut Files) {
    let flaws = [
        ("CFG-103", "oms_meta_host: again\n"),
        ("CFG-201", "ssh_server_port: 2023\n"),
        ("CFG-201", "<<: {cm_region: x}\n"),
        ("CFG-204", "apsara_port"),
        ("CFG-205", "drc_user: ${NOT_SET}\n"),
        ("CFG-206", "drc_user: ********\n"),
        ("CFG-101", "drc_user: !vault x\n"),
        ("CFG-101", "drc_user:\tx\n"),
        ("CFG-101", "drc_user: =\n"),
    ];
    let (code, line) = flaws[make.below(flaws.len())];
    make.count("a flaw that is refused by name");
    files.flaw = Some(code);
    if code == "CFG-204" {
        let number = make.pick(&["0100", "010", "1_0", "0o17", "1:10", "08"]);
        let at = files.config.find("oms_meta_port").unwrap_or_default();
        let end = files.config[at..].find('\n').map_or(files.config.len(), |end| at + end);
        // The key may be quoted.
        let begin = files.config[..at].rfind('\n').map_or(0, |begin| begin + 1);
        files.config.replace_range(begin..end, &format!("oms_meta_port: {number}"));
    } else {
        files.config.push_str(line);
    }
}

fn lines<'key>(make: &mut Maker<'_>, keys: impl Iterator<Item = &'key Written>) -> String {
    let mut text = String::new();
    for key in keys {
        let name = match make.below(8) {
            0 => format!("\"{}\"", key.key),
            1 => format!("'{}'", key.key),
            _ => key.key.to_owned(),
        };
        let blanks = make.pick(&[" ", " ", " ", "   "]);
        let comment = if key.text.contains('\n') {
            ""
        } else {
            make.pick(&["", "", "", "  ", " # comment", "  # it's: \"x\""])
        };
        let above = make.pick(&["", "", "", "\n", "# 说明: x\n"]);
        let _ = writeln!(text, "{above}{name}:{blanks}{}{comment}", key.text);
    }
    text
}
