//! Compares what omsctl makes of inventories with what Ansible makes of them: thousands of generated ones, each given to
//! the code of `ansible-inventory` in one process that lives as long as the suite.

mod case;
mod compare;
mod generate;

use std::collections::BTreeMap;
use std::path::Path;

use originals::{Oracle, cases, first_seed};
use serde_json::json;

use case::Case;
use compare::{Agreement, compare};
use generate::Generator;

/// Of the cases that both take. More would hide that the generator makes mostly errors.
const REFUSED_AT_MOST: f64 = 0.25;

#[test]
fn omsctl_reads_inventories_as_ansible_does() {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("ansible/driver.py");
    let mut oracle = Oracle::start(&driver).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut tally: BTreeMap<String, u64> = BTreeMap::new();
    let mut wrong = Vec::new();
    let generator = Generator::new();
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
    std::fs::create_dir(&folder).and_then(|()| case.write(&folder)).map_err(|error| error.to_string())?;
    let question = json!({
        "folder": folder, "sources": case.sources, "limits": case.limits, "passwords": case.passwords,
    });
    let theirs = oracle.ask(&question).map_err(|error| format!("{error:?}"))?;
    let agreement = compare(case, &folder, &theirs);
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    agreement
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
