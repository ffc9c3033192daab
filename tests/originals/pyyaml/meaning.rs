//! What omsctl writes to the hosts is, read by PyYAML, what the operator meant; and where PyYAML would have read the
//! operator's own file otherwise, a warning tells what OMS would have seen.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;

use omsctl_inventory::{Loaded, Problem, ProblemCode, Problems, Region, Sources, load, render_config};
use originals::Oracle;
use serde_json::Value;

use crate::deployments::{Files, files};
use crate::tally::Tally;
use crate::{ask, oracle};

/// Loads the files from a folder.
#[expect(clippy::unwrap_used, reason = "a suite that cannot write its files has nothing to say")]
fn load_files(files: &[(&str, &str)]) -> Result<Loaded, Problems> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    load(&Sources {
        inventories: vec!["inventory.ini".into()],
        config: "config.yaml".into(),
        env_file: None,
        environment: BTreeMap::new(),
        limit: None,
        vault_passwords: Vec::new(),
        working_directory: folder.path().to_owned(),
    })
}

fn load_case(files: &Files) -> Result<Loaded, Problems> {
    let names: Vec<String> =
        files.group_vars.iter().map(|(name, _)| format!("group_vars/{name}.yml")).collect();
    let mut all = vec![("inventory.ini", files.inventory.as_str()), ("config.yaml", files.config.as_str())];
    all.extend(names.iter().map(String::as_str).zip(files.group_vars.iter().map(|(_, text)| text.as_str())));
    load_files(&all)
}

/// What the host's file of a region says, by PyYAML.
fn rendered(oracle: &mut Oracle, loaded: &Loaded, region: &Region) -> BTreeMap<String, Value> {
    let addresses: Vec<IpAddr> = region
        .hosts
        .iter()
        .filter_map(|name| loaded.deployment.hosts.iter().find(|host| host.name == *name))
        .filter_map(|host| host.connection.address.parse().ok())
        .collect();
    entries(&ask(oracle, render_config(region, &addresses).expose()))
}

/// The mapping of an answer.
fn entries(answer: &Value) -> BTreeMap<String, Value> {
    let list = answer["value"]["map"].as_array().unwrap_or_else(|| panic!("no mapping: {answer}"));
    let name = |entry: &Value| entry[0]["text"].as_str().map(str::to_owned);
    list.iter().filter_map(|entry| Some((name(entry)?, entry[1].clone()))).collect()
}

#[test]
fn what_is_written_is_what_was_meant() {
    let mut oracle = oracle();
    let mut tally = Tally::default();
    for seed in originals::first_seed()..originals::first_seed() + originals::cases() {
        let files = files(seed, &mut tally);
        if let Err(difference) = check(&files, &mut oracle, &mut tally) {
            let Files { config, inventory, group_vars, .. } = files;
            panic!(
                "seed {seed}: {difference}\nconfig.yaml\n{config}\ninventory\n{inventory}\ngroup_vars\n{group_vars:#?}"
            );
        }
    }
    println!("{tally}");
    if originals::cases() >= 500 {
        tally.has_all(&[
            "single node",
            "several nodes, one region",
            "several regions",
            "surprise as it was typed",
            "plain",
            "block",
            "single quotation marks",
            "double quotation marks",
            "tagged as text",
            "cm_nodes listed",
            "CRLF",
            "= warned",
            "= written as meant",
            "= refused by name",
        ]);
        assert!(
            tally.of("= written as meant") > originals::cases() * 8 / 10,
            "most cases are valid\n{tally}"
        );
    }
}

fn check(files: &Files, oracle: &mut Oracle, tally: &mut Tally) -> Result<(), String> {
    let loaded = match (load_case(files), files.flaw) {
        (Ok(_), Some(code)) => return Err(format!("{code} is accepted")),
        (Err(problems), Some(code)) => {
            let only =
                problems.0.iter().filter(|problem| problem.severity == omsctl_inventory::Severity::Error);
            let codes: Vec<&str> = only.map(|problem| problem.code.as_str()).collect();
            tally.count("= refused by name");
            // What PyYAML refuses besides.
            let more = codes.iter().any(|more| *more != code && *more != "CFG-101");
            return if codes.contains(&code) && !more {
                Ok(())
            } else {
                Err(format!("{code} is wanted\n{problems}"))
            };
        }
        (Err(problems), None) => {
            tally.count("= refused by both");
            let theirs = ask(oracle, &files.config);
            return if theirs.get("value").is_none() { Ok(()) } else { Err(format!("refused\n{problems}")) };
        }
        (Ok(loaded), None) => loaded,
    };
    for region in &loaded.deployment.regions {
        let written = rendered(oracle, &loaded, region);
        let meant: BTreeMap<String, Value> = files.meant[region.name.as_str()]
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        if written != meant {
            return Err(format!("region {}\nwritten {written:#?}\nmeant {meant:#?}", region.name));
        }
    }
    tally.count("= written as meant");
    let seen = entries(&ask(oracle, &files.config));
    let only = &files.meant[loaded.deployment.regions[0].name.as_str()];
    for (key, seen) in &seen {
        let meant = only.get(key.as_str()).ok_or_else(|| format!("{key} is not known"))?;
        let told = warning(&loaded.warnings, key);
        if meant.get("text").is_none() || files.group_vars.iter().any(|(_, text)| text.contains(key.as_str()))
        {
            continue;
        }
        match (seen.get("text"), told) {
            (Some(_), None) if seen == meant => {}
            (None, Some(told)) if tells(&told.message, key, seen) => tally.count("= warned"),
            (_, told) => return Err(format!("{key}: PyYAML {seen}, meant {meant}, told {told:?}")),
        }
    }
    Ok(())
}

fn warning<'a>(warnings: &'a [Problem], key: &str) -> Option<&'a Problem> {
    warnings
        .iter()
        .find(|problem| problem.code == ProblemCode::ReadDifferently && problem.key.as_deref() == Some(key))
}

/// Whether the message shows what PyYAML sees; of a secret the type alone.
fn tells(message: &str, key: &str, seen: &Value) -> bool {
    let secret = ["password", "access_key", "access_secret"].iter().any(|part| key.contains(part));
    let (kind, value) = match seen {
        Value::Null => ("nothing (null)", "nothing (null)".to_owned()),
        _ if !seen["bool"].is_null() => ("a boolean", format!("the boolean {}", seen["bool"])),
        _ if seen["int"] == "huge" => ("a number", "a number".to_owned()),
        _ if !seen["int"].is_null() => {
            ("a number", format!("the number {}", seen["int"].as_str().unwrap_or_default()))
        }
        _ if seen["float"] == "nan" => ("a number", "the number NaN".to_owned()),
        _ if !seen["float"].is_null() => {
            let bits =
                u64::from_str_radix(seen["float"].as_str().unwrap_or_default(), 16).unwrap_or_default();
            ("a number", format!("the number {}", f64::from_bits(bits)))
        }
        _ => ("a date", format!("the date {}", seen["time"].as_str().unwrap_or_default())),
    };
    message.ends_with(&format!("OMS would have seen {}", if secret { kind.to_owned() } else { value }))
}
