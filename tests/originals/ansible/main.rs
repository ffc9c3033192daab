//! Compares what omsctl makes of inventories with what Ansible makes of them: thousands of generated ones, each given to
//! the code of `ansible-inventory` in one process that lives as long as the suite.

mod case;
mod compare;
mod generate;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use omsctl_inventory::load_connections;
use originals::{Oracle, cases, first_seed};
use serde_json::json;

use case::{Case, Lock};
use compare::{Agreement, compare, sources};
use generate::{Generator, PASSWORDS};

/// Of the cases that both take. More would hide that the generator makes mostly errors.
const REFUSED_AT_MOST: f64 = 0.25;

#[test]
fn omsctl_reads_inventories_as_ansible_does() {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("ansible/driver.py");
    let mut oracle = Oracle::start(&driver).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut tally: BTreeMap<String, u64> = BTreeMap::new();
    let mut wrong = Vec::new();
    let generator = Generator { vaulted: vaulted(&mut oracle) };
    for seed in first_seed()..first_seed() + cases() {
        let case = generator.case(seed);
        match answer(&case, &mut oracle, folder.path()) {
            Ok(agreement) => *tally.entry(format!("= {agreement:?}")).or_default() += 1,
            Err(why) => wrong.push(format!("{case}\n{why}")),
        }
        for feature in &case.features {
            *tally.entry((*feature).to_owned()).or_default() += 1;
        }
        if wrong.len() >= 5 {
            break;
        }
    }
    println!("{tally:#?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    check(&tally);
}

fn answer(case: &Case, oracle: &mut Oracle, root: &Path) -> Result<Agreement, String> {
    let folder = root.join(case.seed.to_string());
    let lock = |text: &str, lock| encrypted(oracle, &[(text, lock)]).map(|mut texts| texts.remove(0));
    std::fs::create_dir(&folder)
        .and_then(|()| case.write(&folder, lock))
        .map_err(|error| error.to_string())?;
    let question = json!({
        "folder": folder, "sources": case.sources, "limits": case.limits, "passwords": case.passwords,
    });
    let theirs = oracle.ask(&question).map_err(|error| format!("{error:?}"))?;
    let agreement = compare(case, &folder, &theirs);
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    agreement
}

/// Texts as Ansible Vault encrypts them.
fn encrypted(oracle: &mut Oracle, texts: &[(&str, Lock)]) -> io::Result<Vec<String>> {
    let wanted = texts
        .iter()
        .map(|(text, (password, label))| json!({ "text": text, "password": password, "id": label }));
    let answer = oracle.ask(&json!({ "encrypt": wanted.collect::<Vec<_>>() })).map_err(io::Error::other)?;
    serde_json::from_value(answer).map_err(io::Error::other)
}

/// Values for the generator.
fn vaulted(oracle: &mut Oracle) -> Vec<String> {
    let texts = ["secret", "", "ein Wört\n", "{{ other }}"];
    let locks = [(PASSWORDS[0], None), (PASSWORDS[1], Some("prod"))];
    let pairs: Vec<_> = texts.iter().flat_map(|text| locks.map(|lock| (*text, lock))).collect();
    encrypted(oracle, &pairs).unwrap()
}

#[test]
fn omsctl_opens_what_ansible_vault_encrypted() {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("ansible/driver.py");
    let mut oracle = Oracle::start(&driver).unwrap();
    let mut rng = fastrand::Rng::with_seed(first_seed());
    for case in 0..40 {
        let plain: String = (0..rng.usize(4..200))
            .map(|_| rng.choice(['a', ' ', 'ß', '"', '\\', '\'', '日', '#', ':', '\n', '\u{1f600}']).unwrap())
            .collect();
        let plain = format!("canary{plain}.");
        let lock = (PASSWORDS[case % 2], [None, Some("prod"), Some("default")][case % 3]);
        let text = encrypted(&mut oracle, &[(&plain, lock)]).unwrap().remove(0);
        let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
        let host = "all: {hosts: {n1: {}}}\n";
        let variables = format!("pass: !vault |\n{}\nansible_password: '{{{{ pass }}}}'\n", lines.join("\n"));
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("group_vars")).unwrap();
        std::fs::write(folder.path().join("inventory.yml"), host).unwrap();
        std::fs::write(folder.path().join("group_vars/all.yml"), variables).unwrap();
        let case = |passwords: &[&'static str]| Case { passwords: passwords.to_vec(), ..Case::default() };
        let open = |passwords: &[&'static str]| load_connections(&sources(&case(passwords), folder.path()));
        let (hosts, _) =
            open(&["wrong", PASSWORDS[0], PASSWORDS[1]]).unwrap_or_else(|problems| panic!("{problems}"));
        let password = hosts[0].connection.password.as_ref().map(|password| password.expose().to_owned());
        assert_eq!(password, Some(plain));
        for passwords in [&[][..], &["wrong"]] {
            let problems = open(passwords).unwrap_err();
            let codes: Vec<&str> = problems.0.iter().map(|problem| problem.code.as_str()).collect();
            assert_eq!(codes, ["INV-108"], "{problems}");
        }
    }
}

/// The generator made what it claims to make.
fn check(tally: &BTreeMap<String, u64>) {
    let count = |name: &str| tally.get(name).copied().unwrap_or(0);
    if cases() < 400 {
        return;
    }
    for feature in generate::FEATURES {
        assert!(count(feature) > 0, "no case has `{feature}`");
    }
    let (same, refused) =
        (count(&format!("= {:?}", Agreement::Same)), count(&format!("= {:?}", Agreement::BothRefuse)));
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let share = refused as f64 / (same + refused) as f64;
    assert!(share < REFUSED_AT_MOST, "{share} of the cases are errors");
}
