//! The house rules, kept true: what every file must have, how large it may grow, and which room may enter which.
//!
//! Everything is checked by reading the sources, so a broken rule names the file and the line.
#![expect(clippy::expect_used, reason = "a test says what is wrong by ending")]

use std::fs;
use std::path::{Path, PathBuf};

const ROOMS: [&str; 5] = ["proto", "inventory", "controller", "agent", "tests"];
/// Lines of a file without its tests.
const FILE_LIMIT: usize = 400;
const FORBIDDEN_NAMES: [&str; 6] = ["utils", "util", "helpers", "common", "manager", "misc"];

struct Source {
    /// Relative to the repository.
    path: String,
    text: String,
}

impl Source {
    /// Test code may do what product code may not.
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || ["tests.rs", "fixtures.rs", "test_server.rs"].iter().any(|name| self.path.ends_with(name))
            || self.path.contains("/fakes/")
            || self.path.contains("/tests/")
    }

    /// Code lines of the product, with their numbers; comments and what follows `#[cfg(test)]` are left out.
    fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.text.find("#[cfg(test)]\nmod ").or_else(|| self.text.find("#[cfg(test)]\n#[path"));
        let product = &self.text[..tests.unwrap_or(self.text.len())];
        product.lines().enumerate().map(|(number, line)| (number + 1, line)).filter(|(_, line)| {
            let line = line.trim_start();
            !line.starts_with("//")
        })
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_path_buf()
}

fn sources() -> Vec<Source> {
    let root = repository();
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ROOMS.iter().map(|room| root.join(room)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a room of the house") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                let path = path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(found.len() > 50, "only {} sources found: is this the repository?", found.len());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn complain(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}\n  {}", broken.join("\n  "));
}

/// Product lines of the files that `in_room` selects which contain one of the words.
fn find(in_room: impl Fn(&Source) -> bool, words: &[&str]) -> Vec<String> {
    let sources = sources();
    let chosen: Vec<&Source> = sources.iter().filter(|source| !source.is_test() && in_room(source)).collect();
    assert!(!chosen.is_empty(), "the rule looks at no file any more: mend it");
    let mut broken = Vec::new();
    for source in chosen {
        for (number, line) in source.product_lines() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                broken.push(format!("{}:{number}: may not use {word}", source.path));
            }
        }
    }
    broken
}

#[test]
fn every_file_says_what_it_is_for() {
    let broken: Vec<_> =
        sources().into_iter().filter(|s| !s.text.starts_with("//! ")).map(|source| source.path).collect();
    complain("every file opens with `//!`: what it is for, what it may not do", &broken);
}

#[test]
fn no_file_outgrows_its_idea() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let lines = source.product_lines().last().map_or(0, |(number, _)| number);
        if lines > FILE_LIMIT {
            broken.push(format!("{}: {lines} lines", source.path));
        }
    }
    complain("a file of more than 400 lines (its tests apart) holds more than one idea", &broken);
}

#[test]
fn names_say_something() {
    let broken: Vec<_> = sources()
        .into_iter()
        .filter(|s| s.path.split(['/', '.']).any(|part| FORBIDDEN_NAMES.contains(&part)))
        .map(|source| source.path)
        .collect();
    complain("utils, helpers, common, manager and misc are no ideas", &broken);
}

#[test]
fn packages_depend_only_downwards() {
    let allowed: [(&str, &[&str]); 4] = [
        ("proto", &[]),
        ("inventory", &["omsctl-proto"]),
        ("agent", &["omsctl-proto"]),
        ("controller", &["omsctl-inventory", "omsctl-proto"]),
    ];
    let forbidden: [(&str, &[&str]); 3] = [
        ("agent", &["russh", "sqlx", "serde_yaml", "saphyr"]),
        ("proto", &["russh", "sqlx", "serde_yaml", "hyper"]),
        ("inventory", &["russh", "sqlx", "tokio"]),
    ];
    let mut broken = Vec::new();
    for (room, may) in allowed {
        for line in manifest(room).lines().filter(|line| line.starts_with("omsctl-")) {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if !may.contains(&name) {
                broken.push(format!("{room}/Cargo.toml: {name}"));
            }
        }
    }
    for (room, names) in forbidden {
        for line in manifest(room).lines() {
            if names.iter().any(|name| line.starts_with(name)) {
                broken.push(format!("{room}/Cargo.toml: {line}"));
            }
        }
    }
    complain("tests -> controller -> inventory -> proto, tests -> agent -> proto; nothing else", &broken);
}

fn manifest(room: &str) -> String {
    fs::read_to_string(repository().join(room).join("Cargo.toml")).expect("a manifest")
}

#[test]
fn planning_is_pure() {
    let words = [
        "tokio",
        "async ",
        ".await",
        "std::fs",
        "std::process",
        "Instant",
        "SystemTime",
        "getrandom",
        "::adapters",
    ];
    complain(
        "controller/src/plan decides and does nothing",
        &find(|s| s.path.starts_with("controller/src/plan/"), &words),
    );
}

#[test]
fn walls_inside_the_controller() {
    let rules: [(&str, &[&str]); 4] = [
        (
            "controller/src/ports/",
            &["crate::adapters", "crate::rollout", "crate::report", "crate::command", "crate::plan"],
        ),
        ("controller/src/rollout/", &["crate::adapters", "crate::report", "crate::command", "crate::cli"]),
        ("controller/src/report/", &["crate::adapters", "crate::rollout", "crate::command"]),
        (
            "controller/src/adapters/",
            &["crate::rollout", "crate::report", "crate::command", "crate::plan", "crate::cli"],
        ),
    ];
    for (room, words) in rules {
        complain(room, &find(|source| source.path.starts_with(room), words));
    }
}

#[test]
fn only_app_names_adapters() {
    let outside = |source: &Source| {
        source.path.starts_with("controller/src/")
            && !source.path.starts_with("controller/src/adapters/")
            && source.path != "controller/src/app.rs"
    };
    complain("adapters are wired in app.rs", &find(outside, &["adapters::"]));
}

#[test]
fn one_door_to_the_terminal() {
    let outside = |source: &Source| {
        ["controller/src/", "inventory/src/", "proto/src/"].iter().any(|room| source.path.starts_with(room))
            && !source.path.starts_with("controller/src/out/")
    };
    let words = ["io::stdout()", "io::stderr()", "println!", "eprintln!"];
    complain("only out/ writes to stdout and stderr", &find(outside, &words));
}

#[test]
fn only_adapters_start_processes() {
    let outside = |source: &Source| {
        (source.path.starts_with("controller/src/") || source.path.starts_with("agent/src/"))
            && !source.path.contains("/adapters/")
    };
    complain("processes are started by adapters", &find(outside, &["Command::new("]));
}

#[test]
fn nobody_forgets_a_suite() {
    let manifest = manifest("tests");
    let mut broken = Vec::new();
    for entry in fs::read_dir(repository().join("tests")).expect("tests/") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.join("main.rs").exists() && !manifest.contains(&format!("path = \"{name}/main.rs\"")) {
            broken.push(format!("tests/{name}/main.rs is in no [[test]]"));
        }
    }
    complain("every suite is one test binary", &broken);
}
