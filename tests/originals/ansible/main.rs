//! Compares what omsctl makes of inventories with what Ansible makes of them: thousands of generated ones, each given to
//! the code of `ansible-inventory` in a process that lives as long as the suite.

mod case;
mod compare;
mod generate;
mod tried;

use std::io;
use std::path::Path;
use std::thread;

use omsctl_inventory::load_connections;
use originals::{Oracle, OracleError, cases, first_seed};
use serde_json::json;

use case::{Case, Lock};
use compare::sources;
use generate::{Generator, PASSWORDS};
use tried::Tried;

/// Each has a process of Ansible's beside it.
const WORKERS: usize = 2;

#[test]
fn omsctl_reads_inventories_as_ansible_does() {
    let generator = Generator { vaulted: vaulted(&mut oracle().unwrap()).unwrap() };
    let root = tempfile::tempdir().unwrap();
    let tried = thread::scope(|scope| {
        let work = |worker| {
            let seeds = (first_seed()..).skip(worker).step_by(WORKERS);
            // Of an odd number the first has one more.
            let wanted = (first_seed()..first_seed() + cases()).skip(worker).step_by(WORKERS).count();
            let (generator, root) = (&generator, root.path());
            scope.spawn(move || Tried::until_agreed(wanted, seeds, generator, oracle().unwrap(), root))
        };
        let workers: Vec<_> = (0..WORKERS).map(work).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).reduce(Tried::and).unwrap()
    });
    println!("{tried}");
    tried.check();
}

fn oracle() -> Result<Oracle, OracleError> {
    Oracle::start(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ansible/driver.py"))
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
fn vaulted(oracle: &mut Oracle) -> io::Result<Vec<String>> {
    let texts = ["secret", "", "ein Wört\n", "{{ other }}"];
    let locks = [(PASSWORDS[0], None), (PASSWORDS[1], Some("prod"))];
    let pairs: Vec<_> = texts.iter().flat_map(|text| locks.map(|lock| (*text, lock))).collect();
    encrypted(oracle, &pairs)
}

#[test]
fn omsctl_opens_what_ansible_vault_encrypted() {
    let mut oracle = oracle().unwrap();
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
