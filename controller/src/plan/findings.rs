//! What differs on one host: facts beside what is wanted, every difference in words with both values. Decides nothing
//! about steps, order or gates.

use omsctl_proto::{ContainerFacts, Facts, FingerprintKey, InitState, Initialiser, PathState, former_path};

use super::config::ConfigFinding;
use super::container::differences;
use super::image;
use super::situation::may_be_initialised;
use super::wanted::{Wanted, WantedFile};

/// supervisord's programs that every OMS host has (`research/oms.md` 4.5).
pub(super) const SERVICES: [&str; 4] = ["nginx", "oms_console", "oms_drc_cm", "oms_drc_supervisor"];
/// Those that a reload after another log-in to the MetaDB restarts, dead ones too.
const LOGGED_IN: [&str; 3] = ["oms_console", "oms_drc_cm", "oms_drc_supervisor"];
/// Not in every version: they count where supervisord lists them.
const SERVICES_WHEN_LISTED: [&str; 2] = ["sshd", "crond"];

/// All that differs on one host.
#[derive(Debug, Clone)]
pub(super) struct Findings {
    pub(super) missing_directories: Vec<String>,
    /// Why certificates have to be written.
    pub(super) certificates: Option<String>,
    /// Why nginx has to be seen to serve the certificate.
    pub(super) served: Option<String>,
    pub(super) config: ConfigFinding,
    /// Why the image has to be loaded.
    pub(super) image: Option<String>,
    pub(super) container: ContainerFinding,
    /// Why it has to be initialised.
    pub(super) initialise: Option<String>,
    /// Why OMS has to read its config.yaml again.
    pub(super) reload: Option<String>,
    /// It may log in to the MetaDB in another way then, which more of its services have to learn.
    pub(super) log_in: bool,
    /// Why config.yaml is looked at though it is the wanted one, where no reload follows.
    pub(super) leftover: Option<String>,
    /// Which services do not run, in a container that needs nothing else.
    pub(super) services: Option<String>,
    /// What OMS says about its health, when that is not good.
    pub(super) health: Option<String>,
    /// An initialisation runs: it is waited for before anything else.
    pub(super) is_initialising: bool,
    /// What differs and has to wait for another plan, since an initialisation is never interrupted.
    pub(super) postponed: Option<String>,
}

/// What has to happen to the container, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ContainerFinding {
    Absent,
    Differs(String),
    Stopped(String),
    /// It runs and has to be stopped and started.
    Restart(String),
    Runs,
}

impl ContainerFinding {
    /// Why something has to happen to a container that is there.
    fn why(&self) -> Option<&str> {
        match self {
            Self::Absent | Self::Runs => None,
            Self::Differs(why) | Self::Stopped(why) | Self::Restart(why) => Some(why),
        }
    }
}

/// Compares one host with what it shall have; `config` is what was found out about its config.yaml.
/// A container that `moves` names a reason for is replaced whatever it is like, and one that stays logs in to the MetaDB anew when
/// `rotates` names one.
pub(super) fn look(
    wanted: &Wanted,
    config: ConfigFinding,
    facts: &Facts,
    key: &FingerprintKey,
    (moves, rotates): (Option<&str>, Option<&str>),
) -> Findings {
    let certificates = certificates(&wanted.certificates, facts);
    let is_initialising = facts
        .container
        .as_ref()
        .is_some_and(|found| found.running && found.initialisation.state == InitState::Running);
    let log_in = config.changes_log_in() || is_former_there(wanted, facts) || rotates.is_some();
    let finding = match (moves, &facts.container) {
        (Some(why), Some(_)) => ContainerFinding::Differs(why.to_owned()),
        _ => container(wanted, facts, key, log_in),
    };
    let postponed = finding.why().filter(|_| is_initialising).map(str::to_owned);
    let container = if postponed.is_some() { ContainerFinding::Runs } else { finding };
    let settled = facts.container.as_ref().filter(|found| {
        container == ContainerFinding::Runs && found.initialisation.state == InitState::Succeeded
    });
    let stays = !matches!(container, ContainerFinding::Absent | ContainerFinding::Differs(_));
    let reload = reload(wanted, &config, &container, facts, key);
    let reload = reload.or_else(|| rotates.filter(|_| stays).map(str::to_owned));
    let leftover = (reload.is_none() && is_former_there(wanted, facts))
        .then(|| "what a former run left beside config.yaml is not needed any more".to_owned());
    Findings {
        missing_directories: missing_directories(wanted, facts),
        image: missing_image(wanted, facts, &container),
        initialise: initialise(facts, &container),
        reload,
        log_in,
        leftover,
        services: settled.and_then(services_not_running),
        health: settled.and_then(unhealthy),
        served: served(wanted, facts, &container, certificates.as_deref()),
        certificates,
        config,
        container,
        is_initialising,
        postponed,
    }
}

fn missing_directories(wanted: &Wanted, facts: &Facts) -> Vec<String> {
    let there = |path: &String| facts.paths.get(path) == Some(&PathState::Directory);
    wanted.directories.iter().filter(|path| !there(path)).cloned().collect()
}

fn certificates(files: &[WantedFile], facts: &Facts) -> Option<String> {
    let differs = |wanted: &WantedFile| match facts.files.get(&wanted.file.path) {
        None => Some(format!("{} is not there", wanted.file.path)),
        Some(found) if found.fingerprint != wanted.file.fingerprint => {
            Some(format!("{} differs from the file on the bastion", wanted.file.path))
        }
        Some(_) => None,
    };
    let found: Vec<String> = files.iter().filter_map(differs).collect();
    (!found.is_empty()).then(|| found.join("; "))
}

/// A file in place says nothing about what nginx read when it started.
fn served(
    wanted: &Wanted,
    facts: &Facts,
    container: &ContainerFinding,
    written: Option<&str>,
) -> Option<String> {
    let own = wanted.chain.first()?;
    let runs = facts.container.as_ref().filter(|_| *container == ContainerFinding::Runs);
    let Some(found) = runs else {
        return Some("the container starts, and clients shall see the certificate".to_owned());
    };
    match found.served_chain.first() {
        _ if found.served_chain == wanted.chain && written.is_none() => None,
        Some(served) if served != own => Some(format!(
            "nginx reads its certificate when it starts, and serves {}, not {}",
            served.short(),
            own.short()
        )),
        Some(_) => Some("nginx reads its certificate when it starts, and the file is another one".to_owned()),
        None => Some("nginx serves no certificate".to_owned()),
    }
}

fn missing_image(wanted: &Wanted, facts: &Facts, container: &ContainerFinding) -> Option<String> {
    let needed = matches!(container, ContainerFinding::Absent | ContainerFinding::Differs(_));
    let image = &wanted.container.image;
    let words = image::wanted_in_words(image);
    match image::find(image, image::images_of(&facts.docker)) {
        _ if !needed => None,
        None => Some(format!("{words} is not on the host")),
        Some(there) if image::is_named(image, there) => None,
        Some(_) => Some(format!("{words} is on the host without this name: it is named, not sent")),
    }
}

fn container(wanted: &Wanted, facts: &Facts, key: &FingerprintKey, log_in: bool) -> ContainerFinding {
    let Some(found) = &facts.container else { return ContainerFinding::Absent };
    let differences = differences(&wanted.container, found, image::images_of(&facts.docker));
    if !differences.is_empty() {
        return ContainerFinding::Differs(differences.join("; "));
    }
    if !found.running {
        return ContainerFinding::Stopped(how_it_ended(found));
    }
    let reason = if found.status == "paused" {
        Some("the container is paused".to_owned())
    } else if !found.stale_mounts.is_empty() {
        Some(format!(
            "deleted or replaced on the host while the container holds the former one: {}",
            found.stale_mounts.join(", ")
        ))
    } else if sees_another_config(facts, found, key) {
        Some("the container sees another config.yaml than the host has: the file was replaced".to_owned())
    } else {
        needs_a_fresh_start(wanted, found, log_in)
    };
    reason.map_or(ContainerFinding::Runs, ContainerFinding::Restart)
}

pub(super) fn how_it_ended(found: &ContainerFacts) -> String {
    let code = found.exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
    let memory = if found.oom_killed { ", killed for lack of memory" } else { "" };
    format!("the container does not run: it is {}{code}{memory}", found.status)
}

fn sees_another_config(facts: &Facts, found: &ContainerFacts, key: &FingerprintKey) -> bool {
    match (&facts.config, &found.config_inside) {
        (Some(outside), Some(inside)) => key.of(outside.0.expose().as_bytes()) != *inside,
        (None, _) | (_, None) => false,
    }
}

/// A service that supervisord gave up does not come back by waiting, unless a reload restarts it, which leaves the components
/// of links alone; neither does an initialisation that only the start of the container begins.
fn needs_a_fresh_start(wanted: &Wanted, found: &ContainerFacts, log_in: bool) -> Option<String> {
    let init = &found.initialisation;
    match init.state {
        InitState::Succeeded => {
            let given_up = |state: &str| matches!(state, "FATAL" | "EXITED" | "STOPPED" | "UNKNOWN");
            let comes_back = |name: &str| log_in && LOGGED_IN.contains(&name);
            let down = services_down(found, |name, state| given_up(state) && !comes_back(name));
            (!down.is_empty()).then(|| down.join(", "))
        }
        InitState::Failed | InitState::Interrupted if wanted.initialiser == Initialiser::Container => Some(
            format!("the container initialises itself when it starts, and did not succeed: {}", init.proof),
        ),
        InitState::Failed
        | InitState::Interrupted
        | InitState::NotBegun
        | InitState::Running
        | InitState::CannotTell => None,
    }
}

fn initialise(facts: &Facts, container: &ContainerFinding) -> Option<String> {
    match container {
        ContainerFinding::Absent => Some("a new container is not initialised".to_owned()),
        ContainerFinding::Differs(_) => {
            Some("initialisation belongs to the container, and this one is replaced".to_owned())
        }
        ContainerFinding::Stopped(_) | ContainerFinding::Restart(_) | ContainerFinding::Runs => {
            facts.container.as_ref().and_then(not_initialised)
        }
    }
}

fn not_initialised(found: &ContainerFacts) -> Option<String> {
    let init = &found.initialisation;
    let what = match init.state {
        InitState::Succeeded => return None,
        InitState::NotBegun => "the container was never initialised",
        InitState::Running => "the initialisation is running: it is waited for",
        InitState::Failed => "the initialisation failed",
        InitState::Interrupted => "the initialisation was interrupted",
        InitState::CannotTell => "nobody can tell whether the container was initialised",
    };
    Some(if init.proof.is_empty() { what.to_owned() } else { format!("{what} ({})", init.proof) })
}

/// The sign that a run wrote config.yaml and did not come to its end.
fn is_former_there(wanted: &Wanted, facts: &Facts) -> bool {
    facts.paths.get(&former_path(&wanted.config.file.path)) == Some(&PathState::File)
}

/// Only an initialisation makes the files that OMS's parts read from config.yaml.
fn reload(
    wanted: &Wanted,
    config: &ConfigFinding,
    container: &ContainerFinding,
    facts: &Facts,
    key: &FingerprintKey,
) -> Option<String> {
    let found = facts.container.as_ref()?;
    let is_replaced = match container {
        ContainerFinding::Absent | ContainerFinding::Differs(_) => true,
        ContainerFinding::Stopped(_) | ContainerFinding::Restart(_) | ContainerFinding::Runs => false,
    };
    if is_replaced || !may_be_initialised(found) {
        return None;
    }
    let has_it_already = found.config_inside.as_ref() == Some(&wanted.config.file.fingerprint);
    if is_former_there(wanted, facts) {
        Some("a former run wrote config.yaml and did not come to the reload".to_owned())
    } else if has_it_already {
        None
    } else if let Some(keys) = config.changed_keys() {
        Some(format!("OMS reads config.yaml only when told to; changed: {keys}"))
    } else if found.running && sees_another_config(facts, found, key) {
        Some("what OMS runs with was made from another config.yaml".to_owned())
    } else {
        None
    }
}

/// `nginx is FATAL`: the services that should run, do not, and whose state is asked for.
pub(super) fn services_down(found: &ContainerFacts, asked_for: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let listed = SERVICES_WHEN_LISTED.into_iter().filter(|name| found.services.contains_key(*name));
    SERVICES
        .into_iter()
        .chain(listed)
        .map(|name| (name, found.services.get(name).map_or("missing", String::as_str)))
        .filter(|(name, state)| *state != "RUNNING" && asked_for(name, state))
        .map(|(name, state)| format!("{name} is {state}"))
        .collect()
}

fn services_not_running(found: &ContainerFacts) -> Option<String> {
    if found.services.is_empty() {
        return Some("supervisord does not answer".to_owned());
    }
    let down = services_down(found, |_, _| true);
    (!down.is_empty()).then(|| down.join(", "))
}

fn unhealthy(found: &ContainerFacts) -> Option<String> {
    match &found.health {
        Some(health) if health.healthy => None,
        Some(health) => Some(format!("OMS is not healthy: {}", health.answer)),
        None => Some("the health of OMS was not seen".to_owned()),
    }
}
