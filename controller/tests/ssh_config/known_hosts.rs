//! `known_hosts`: the lines that list a name are those that `ssh-keygen -F` finds.

use std::path::Path;
use std::process::Command;

use fastrand::Rng;
use omsctl_controller::adapters::ssh::KnownHosts;

use super::original::known_lines;
use super::writing::{often, one_of};
use super::{Tally, on_all_cores};

const KEYS: [&str; 3] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHBirolUY4z/3JLVaNqyM8Db8mKw2BwMZli/rdsTn1vv",
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDlPm5BYW+DRBHw9voLX03zbfGf+YRfq+7x5KF/k7Bi/GO4ie7aT+RQkhGrT5Z6uxhk8lHh1TfMeHB79KOZnlVg=",
];
const NAMES: [&str; 12] = [
    "n1",
    "n2.example.net",
    "n3.example.net",
    "[n1]:2222",
    "[n2.example.net]:2222",
    "10.0.0.1",
    "10.0.0.12",
    "[10.0.0.1]:7",
    "::1",
    "[2001:db8::1]:22",
    "db-01",
    "localhost",
];
const PATTERNS: [&str; 10] =
    ["*", "*.example.net", "n?", "10.0.0.*", "[n*]:*", "*:2222", "N1", "*-0?", "?1", "[*]:*"];

#[test]
fn every_name_is_found_where_ssh_keygen_finds_it() {
    let first = originals::first_seed();
    let tally = on_all_cores(first..first + originals::cases(), compare);
    for feature in ["found", "not found", "hashed", "a marker", "no sense", "a pattern", "a negated pattern"]
    {
        assert!(tally.get(feature).is_some_and(|count| *count > 0), "no case has {feature}");
    }
}

fn compare(seed: u64, folder: &Path) -> Tally {
    let mut rng = Rng::with_seed(seed);
    let mut tally = Tally::new();
    let mut text: String = (0..=rng.usize(..12)).map(|_| line(&mut rng, &mut tally)).collect();
    let file = folder.join("known_hosts");
    std::fs::write(&file, &text).unwrap();
    if often(&mut rng, 25) {
        // It hashes the names in place, and leaves the old file beside it.
        let hashed = Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&file).output().unwrap();
        if hashed.status.success() {
            *tally.entry("hashed").or_default() += 1;
            text = std::fs::read_to_string(&file).unwrap();
        }
    }
    let name = one_of(&mut rng, &NAMES);
    let theirs = known_lines(&file, name);
    let ours = KnownHosts::parse(&file, &text).lines_of(name);
    assert_eq!(theirs, ours, "seed {seed}: ssh-keygen -F {name} in\n{text}");
    *tally.entry(if ours.is_empty() { "not found" } else { "found" }).or_default() += 1;
    tally
}

fn line(rng: &mut Rng, tally: &mut Tally) -> String {
    let mut occurs = |feature: &'static str| *tally.entry(feature).or_default() += 1;
    if often(rng, 12) {
        occurs("no sense");
        let key = one_of(rng, &KEYS);
        return match rng.u8(..9) {
            0 => "\n".to_owned(),
            1 => "# n1 comment\n".to_owned(),
            2 => format!("n1{key}\n"),
            3 => "n1 ssh-ed25519\n".to_owned(),
            4 => "n1 ssh-ed25519 AAAA\n".to_owned(),
            5 => format!("@nonsense n1 {key}\n"),
            6 => format!("|1|short|hash {key}\n"),
            7 => format!("n1 ssh-rsa {}\n", key.split(' ').nth(1).unwrap()),
            _ => format!("@revoked\tn1 {key}\n"),
        };
    }
    let marker = if often(rng, 15) {
        one_of(rng, &["@revoked ", "@cert-authority ", "@cert-authority   "])
    } else {
        ""
    };
    if !marker.is_empty() {
        occurs("a marker");
    }
    let names: Vec<String> = (0..=rng.usize(..3))
        .map(|_| {
            let wild = often(rng, 30);
            let name = if wild { one_of(rng, &PATTERNS) } else { one_of(rng, &NAMES) };
            let negated = if often(rng, 8) { "!" } else { "" };
            if wild {
                occurs("a pattern");
            }
            if !negated.is_empty() {
                occurs("a negated pattern");
            }
            format!("{negated}{name}")
        })
        .collect();
    let blank = one_of(rng, &[" ", " ", "  ", "\t"]);
    let before = one_of(rng, &["", "", "", " ", "\t"]);
    let comment = one_of(rng, &["", " comment", " two words", "\t# x", "\r", " "]);
    let key = one_of(rng, &KEYS);
    format!("{before}{marker}{}{blank}{key}{comment}\n", names.join(","))
}
