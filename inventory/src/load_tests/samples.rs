//! The forms in which config.yaml is handed around (`fixtures/config/samples`): each is read without an error once it is
//! filled in, and unfilled gives one problem for each open place.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::try_load;
use crate::{ProblemCode, Severity};

const OPEN: &str = "# open: ";

/// Every sample: its name and its text.
fn samples() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config/samples");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut samples: Vec<(String, String)> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    samples.sort();
    samples
}

fn inventory(config: &str) -> String {
    let version = config.lines().next().unwrap().trim_start_matches("# OMS ");
    let single = config.matches("192.0.2.2").count() == 0;
    let hosts = if single { "n1 ansible_host=192.0.2.1" } else { "n[1:2] ansible_host=192.0.2.1\n" };
    let hosts = hosts
        .replace("n[1:2] ansible_host=192.0.2.1", "n1 ansible_host=192.0.2.1\nn2 ansible_host=192.0.2.2");
    format!("[oms]\n{hosts}\n[oms:vars]\noms_image=registry.example.com/oms:feature_{version}_ce\n")
}

fn filled(config: &str) -> String {
    config
        .lines()
        .map(|line| match line.split_once(OPEN) {
            Some((written, value)) => match written.split_once(": ") {
                Some((key, _)) => format!("{key}: {value}\n"),
                None => format!("  - {value}\n"),
            },
            None => format!("{line}\n"),
        })
        .collect()
}

#[test]
fn unfilled_templates_give_one_problem_for_each_open_place() {
    for (name, config) in samples() {
        let open: Vec<usize> =
            (1..).zip(config.lines()).filter(|(_, line)| line.contains(OPEN)).map(|(line, _)| line).collect();
        if open.is_empty() {
            continue;
        }
        let problems =
            try_load(&[("inventory.ini", &inventory(&config)), ("config.yaml", &config)]).unwrap_err();
        let errors: Vec<_> =
            problems.0.iter().filter(|problem| problem.severity == Severity::Error).collect();
        assert_eq!(
            errors.iter().map(|problem| problem.line.unwrap()).collect::<Vec<_>>(),
            open,
            "{name}\n{problems}"
        );
        for problem in errors {
            assert!(
                matches!(problem.code, ProblemCode::OpenPlace | ProblemCode::OpenVariable),
                "{name}\n{problem}"
            );
        }
    }
}

#[test]
fn filled_templates_and_files_of_running_installations_are_read() {
    let mut told = String::new();
    let samples = samples();
    assert_eq!(samples.len(), 8);
    for (name, config) in samples {
        let config = filled(&config);
        let loaded = try_load(&[("inventory.ini", &inventory(&config)), ("config.yaml", &config)])
            .unwrap_or_else(|problems| panic!("{name}\n{problems}\n{config}"));
        let region = &loaded.deployment.regions[0].config;
        assert_eq!(
            (region.meta.host.as_str(), region.rm_db.ends_with("rm") || region.rm_db == "drc_rm_db"),
            ("192.0.2.9", true)
        );
        for warning in &loaded.warnings {
            let _ = writeln!(told, "{name} {} {}", warning.code, warning.message);
        }
    }
    insta::assert_snapshot!(told, @r"
    3.2.2-single-template.yaml CFG-301 `cm_url` points to one node, n1
    3.3.1-single-example.yaml CFG-301 `cm_url` points to one node, n1
    3.3.1-single-example.yaml CFG-207 `tsdb_password` is written without quotation marks, and OMS would have seen a number
    4.2.0-single-user.yaml CFG-301 `cm_url` points to one node, n1
    4.2.2-region-heilongjiang-example.yaml CFG-305 the only region is not the default region
    ");
}
