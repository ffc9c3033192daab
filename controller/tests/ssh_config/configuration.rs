//! `ssh_config`: every honoured keyword of every case has the value that `ssh -G` prints, or both refuse it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use omsctl_controller::adapters::ssh::{
    ConfigErrors, ConfigFiles, Destination, Environment, HONOURED, LocalUser, list,
};

use super::generator::{Case, case};
use super::original::{Answer, listing};
use super::{Tally, on_all_cores};

/// What occurs in no generated case shows that the generator does not make what it claims.
const FEATURES: [&str; 24] = [
    "Host",
    "a negated pattern",
    "Match",
    "Match all",
    "Match exec",
    "Match final",
    "Match originalhost",
    "Include",
    "Include below ~/.ssh",
    "Include with wildcards",
    "User",
    "HostName",
    "IdentityFile",
    "CertificateFile",
    "UserKnownHostsFile",
    "GlobalKnownHostsFile",
    "ProxyJump",
    "several jumps",
    "ProxyCommand",
    "IdentityAgent",
    "algorithms",
    "IgnoreUnknown",
    "a token",
    "options",
];

#[test]
fn every_honoured_setting_is_what_ssh_says() {
    let local = LocalUser::current();
    // Relative includes go out from there, and back up.
    std::fs::create_dir_all(local.home.join(".ssh")).unwrap();
    let first = originals::first_seed();
    let tally = on_all_cores(first..first + originals::cases(), |seed, folder| compare(seed, folder, &local));
    let count = |name: &str| tally.get(name).copied().unwrap_or_default();
    let all = originals::cases();
    if all >= 500 {
        for feature in FEATURES {
            assert!(count(feature) > 0, "no case has {feature}");
        }
        assert!(count("= both list") * 100 >= all * 75, "most cases are valid");
        assert!(count("= both refuse") * 100 >= all, "some cases are wrong");
    }
    assert_eq!(count("= omsctl alone refuses, by name"), 0, "nothing is generated that is refused by name");
}

fn compare(seed: u64, folder: &Path, local: &LocalUser) -> Tally {
    let case = case(seed, folder, &local.home);
    write(&case, folder);
    let file = &case.files[0].0;
    let theirs = listing(file, &case.arguments, &case.host, &case.environment);
    let their_log = std::fs::read_to_string(&case.log).unwrap_or_default();
    let _ = std::fs::remove_file(&case.log);
    let environment = Environment(case.environment.clone().into_iter().collect());
    let local = LocalUser { environment, ..local.clone() };
    let ours = ours(&case, &local);
    let our_log = std::fs::read_to_string(&case.log).unwrap_or_default();
    let mut tally = case.features.clone();
    let outcome = match (&theirs, &ours) {
        (Answer::Listed(theirs), Ok(ours)) if same(theirs, ours) && their_log == our_log => "= both list",
        (Answer::Refused(said), Err(errors)) if told(said, errors) => "= both refuse",
        (Answer::Listed(_), Err(errors)) if errors.to_string().contains("omsctl does not honour") => {
            "= omsctl alone refuses, by name"
        }
        _ => panic!("{}", report(seed, &case, &theirs, &ours, &their_log, &our_log)),
    };
    *tally.entry(outcome).or_default() += 1;
    tally
}

fn write(case: &Case, folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let _ = std::fs::remove_dir_all(entry.path());
        let _ = std::fs::remove_file(entry.path());
    }
    for (file, text) in &case.files {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
}

type Values = BTreeMap<String, Vec<String>>;

fn ours(case: &Case, local: &LocalUser) -> Result<Values, ConfigErrors> {
    let files = ConfigFiles::load(Some(&case.files[0].0), local)?;
    let destination =
        Destination { host: case.host.clone(), arguments: case.arguments.clone(), ..Destination::default() };
    let listed = list(&destination, &files, local)?;
    let mut values = Values::new();
    for (keyword, value) in listed.settings {
        values.entry(keyword).or_default().push(value);
    }
    Ok(values)
}

/// In every honoured keyword, but for key types that OpenSSH itself has given up since.
fn same(theirs: &Values, ours: &Values) -> bool {
    HONOURED.iter().all(|keyword| current(keyword, theirs) == ours.get(*keyword).cloned().unwrap_or_default())
}

fn current(keyword: &str, theirs: &Values) -> Vec<String> {
    let values = theirs.get(keyword).cloned().unwrap_or_default();
    if keyword.ends_with("algorithms") {
        let kept = |list: &String| {
            list.split(',').filter(|name| !name.starts_with("ssh-dss")).collect::<Vec<_>>().join(",")
        };
        return values.iter().map(kept).collect();
    }
    let given_up =
        |value: &String| keyword == "identityfile" && (value == "~/.ssh/id_dsa" || value == "~/.ssh/id_xmss");
    values.into_iter().filter(|value| !given_up(value)).collect()
}

/// Every place that ssh complains of is among omsctl's.
fn told(said: &str, errors: &ConfigErrors) -> bool {
    // ssh ends with the first file that has a mistake: it may not have come to omsctl's.
    let others_first = !errors.to_string().contains("there is no keyword");
    let unknown = |line: &str| line.contains("Bad configuration option");
    let mistakes = |line: &&str| line.contains(" line ") && !line.contains("Unsupported option");
    let alone = said.contains("Bad configuration option") && said.lines().filter(mistakes).all(unknown);
    (others_first && alone) || places(said).iter().all(|place| named(errors, place))
}

/// `file:line` of every complaint of ssh that has a place in a file. A keyword that there is not is looked for last by
/// omsctl, since what excuses it is known only for a host: beside other mistakes it need not be told.
fn places(said: &str) -> Vec<String> {
    if said.contains("Too many recursive configuration includes") {
        // It ended where it stood; omsctl names the line.
        return Vec::new();
    }
    let complaints: Vec<&str> = said.lines().filter(|line| !line.contains("Unsupported option")).collect();
    let (unknown, other): (Vec<&str>, Vec<&str>) =
        complaints.into_iter().partition(|line| line.contains("Bad configuration option"));
    let others = with_place(&other);
    if others.is_empty() { with_place(&unknown) } else { others }
}

fn with_place(complaints: &[&str]) -> Vec<String> {
    let place = |line: &str| {
        let (file, rest) = line.split_once(": line ").or_else(|| line.split_once(" line "))?;
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        file.starts_with('/').then(|| format!("{file}:{number}"))
    };
    complaints.iter().filter_map(|line| place(line)).filter(|place| !place.ends_with(':')).collect()
}

fn named(errors: &ConfigErrors, place: &str) -> bool {
    errors.0.iter().any(|error| normal(&error.place) == normal(place))
}

/// Without the detours through the home folder.
fn normal(place: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in place.split('/').filter(|part| !part.is_empty()) {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

#[expect(clippy::format_push_string, reason = "only what failed is told so")]
fn report(
    seed: u64,
    case: &Case,
    theirs: &Answer,
    ours: &Result<Values, ConfigErrors>,
    their_log: &str,
    our_log: &str,
) -> String {
    let mut text =
        format!("seed {seed}: ssh -G {:?} {} with {:?}\n", case.arguments, case.host, case.environment);
    for (file, content) in &case.files {
        text.push_str(&format!("--- {}\n{content}\n", file.display()));
    }
    match (theirs, ours) {
        (Answer::Listed(theirs), Ok(ours)) => {
            for keyword in HONOURED {
                let (theirs, ours) =
                    (current(keyword, theirs), ours.get(keyword).cloned().unwrap_or_default());
                if theirs != ours {
                    text.push_str(&format!("{keyword}: ssh {theirs:?}, omsctl {ours:?}\n"));
                }
            }
        }
        (Answer::Listed(_), Err(errors)) => text.push_str(&format!("ssh lists, omsctl refuses: {errors}\n")),
        (Answer::Refused(said), Ok(_)) => text.push_str(&format!("omsctl lists, ssh refuses: {said}\n")),
        (Answer::Refused(said), Err(errors)) => text.push_str(&format!("ssh: {said}\nomsctl: {errors}\n")),
    }
    if their_log != our_log {
        text.push_str(&format!("commands of ssh:\n{their_log}commands of omsctl:\n{our_log}"));
    }
    text
}
