//! From what applies to a host to typed settings: tokens replaced, omsctl's own defaults where ssh has no limit.

use std::path::PathBuf;
use std::time::Duration;

use super::arguments::{self, Arguments};
use super::evaluate::{Applied, Given, evaluate};
use super::jump::{Hop, valid_host, valid_user};
use super::settings::{
    AddressFamily, Destination, HostKeyPolicy, HostKeyRules, HostSettings, LogInMethod, LogInRules, Proxy,
};
use super::source::ConfigFiles;
use super::tokens::Tokens;
use super::value::Value;
use super::{ConfigErrors, LocalUser, algorithms};

/// ssh's own default identities, in its order; those of DSA and XMSS, which it gave up, are left out.
pub(super) const DEFAULT_IDENTITIES: [&str; 5] =
    ["~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ecdsa_sk", "~/.ssh/id_ed25519", "~/.ssh/id_ed25519_sk"];
pub(super) const DEFAULT_USER_FILES: [&str; 2] = ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"];
pub(super) const DEFAULT_GLOBAL_FILES: [&str; 2] = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];
/// Where ssh waits without limit.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Where ssh does not ask.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Merges the inventory's words, the ssh arguments and the files, in this order.
pub(crate) fn resolve(
    destination: &Destination,
    files: &ConfigFiles,
    local: &LocalUser,
) -> Result<HostSettings, ConfigErrors> {
    let (applied, given) = apply(destination, files, local)?;
    let tokens = tokens(&applied);
    let mut warnings = given.warnings;
    let host_key = host_key_rules(&applied, &tokens)?;
    if host_key.policy == HostKeyPolicy::Off {
        warnings
            .push(format!("host keys of {} are not checked: StrictHostKeyChecking no", host_key.known_as));
    }
    let seconds = |keyword: &str, default: Duration| match applied.number(keyword) {
        None => Some(default),
        Some(0) => None,
        Some(seconds) => Some(Duration::from_secs(seconds.into())),
    };
    Ok(HostSettings {
        host_name: applied.host.clone(),
        port: applied.port(),
        user: applied.user().to_owned(),
        family: match applied.text("addressfamily") {
            Some("inet") => AddressFamily::Four,
            Some("inet6") => AddressFamily::Six,
            _ => AddressFamily::Any,
        },
        host_key,
        log_in: log_in_rules(&applied, &tokens, destination)?,
        connect_timeout: seconds("connecttimeout", CONNECT_TIMEOUT),
        attempts: applied.number("connectionattempts").unwrap_or(1),
        keepalive: seconds("serveraliveinterval", KEEPALIVE),
        keepalive_max: applied
            .number("serveralivecountmax")
            .map_or(3, |count| usize::try_from(count).unwrap_or(3)),
        tcp_keepalive: applied.yes("tcpkeepalive", true),
        proxy: proxy(&applied, &tokens, given.config_file)?,
        warnings,
    })
}

/// Everything that applies, checked as far as ssh checks it before it connects.
pub(super) fn apply<'a>(
    destination: &'a Destination,
    files: &ConfigFiles,
    local: &'a LocalUser,
) -> Result<(Applied<'a>, Arguments), ConfigErrors> {
    let wrong = |reason: String| Err(ConfigErrors::one("ssh arguments", reason));
    if destination.host.is_empty() || !valid_host(&destination.host) {
        return wrong(format!("{:?} has characters that no host's name may have", destination.host));
    }
    let mut given = Arguments::default();
    let (port, user) = (destination.port.map(|port| port.to_string()), destination.user.as_deref());
    let identity = destination.identity_file.as_ref().map(|file| file.to_string_lossy());
    for (keyword, value) in [("Port", port.as_deref()), ("User", user), ("IdentityFile", identity.as_deref())]
    {
        if let Some(value) = value {
            arguments::add(&mut given, keyword, value, local)?;
        }
    }
    let mut words = arguments::parse(&destination.arguments, local)?;
    words.settings.splice(0..0, given.settings);
    // As ssh: the one of the command line only, since it may come from elsewhere and go into commands.
    let user = words.settings.iter().find(|(setting, _)| setting.keyword.name == "user");
    if let Some(Value::Text(user)) = user.map(|(setting, _)| &setting.value)
        && !valid_user(user)
    {
        return wrong(format!("{user:?} has characters that no user's name may have"));
    }
    let other = match &words.config_file {
        Some(file) => Some(ConfigFiles::load(Some(&local.expand_home(&file.to_string_lossy())), local)?),
        None => None,
    };
    let settings = std::mem::take(&mut words.settings);
    let applied = evaluate(&destination.host, settings, other.as_ref().unwrap_or(files), local)?;
    check(&applied)?;
    Ok((applied, words))
}

fn check(applied: &Applied<'_>) -> Result<(), ConfigErrors> {
    let refuse = |keyword: &str, reason: String| {
        let place = applied.get(keyword).map_or("", |setting| setting.line.place.as_str());
        Err(ConfigErrors::one(place, reason))
    };
    if applied.number("connectionattempts") == Some(0) {
        return refuse("connectionattempts", "connectionattempts 0 never connects".to_owned());
    }
    if let Some(last) = applied.jumps().and_then(|jumps| jumps.hops.last()) {
        let user = last.user.as_deref().unwrap_or(applied.user());
        if last.host == applied.host && last.port.unwrap_or(22) == applied.port() && user == applied.user() {
            return refuse("proxyjump", format!("proxyjump leads through {} to itself", last.host));
        }
    }
    Ok(())
}

/// What the tokens stand for when everything is known.
pub(super) fn tokens<'a>(applied: &Applied<'a>) -> Tokens<'a> {
    Tokens {
        host: applied.host.clone(),
        original: applied.original,
        known_as: alias(applied).unwrap_or_else(|| applied.original.to_owned()),
        port: applied.port(),
        user: applied.user().to_owned(),
        jump: applied.last_jump(),
        local: applied.local,
    }
}

pub(super) fn alias(applied: &Applied<'_>) -> Option<String> {
    applied.text("hostkeyalias").map(str::to_ascii_lowercase)
}

/// The value with its tokens replaced, or an error with the place of its line.
pub(super) fn expanded<T>(
    applied: &Applied<'_>,
    keyword: &str,
    result: Result<T, String>,
) -> Result<T, ConfigErrors> {
    let place = applied.get(keyword).map_or("", |setting| setting.line.place.as_str());
    result.map_err(|reason| ConfigErrors::one(place, reason))
}

/// The list that the keyword stands for.
pub(super) fn key_algorithms(
    applied: &Applied<'_>,
    keyword: &str,
) -> Result<Vec<&'static str>, ConfigErrors> {
    let of_authorities = keyword == "casignaturealgorithms";
    let default: &[&'static str] =
        if of_authorities { &algorithms::DEFAULT_AUTHORITIES } else { &algorithms::DEFAULT };
    match applied.text(keyword) {
        Some(list) => expanded(applied, keyword, algorithms::assemble(list, default, !of_authorities)),
        None => Ok(default.to_vec()),
    }
}

/// The files of `UserKnownHostsFile`, expanded, or `GlobalKnownHostsFile` as it is written.
pub(super) fn files(applied: &Applied<'_>, keyword: &str, defaults: &[&str]) -> Vec<String> {
    match applied.get(keyword).map(|setting| &setting.value) {
        Some(Value::Words(words)) if words[0].eq_ignore_ascii_case("none") => Vec::new(),
        Some(Value::Words(words)) => words.clone(),
        _ => defaults.iter().map(|file| (*file).to_owned()).collect(),
    }
}

fn host_key_rules(applied: &Applied<'_>, tokens: &Tokens<'_>) -> Result<HostKeyRules, ConfigErrors> {
    let host = applied.host.to_ascii_lowercase();
    let (known_as, without_port) = match (alias(applied), applied.port()) {
        (Some(alias), _) => (alias, None),
        (None, 22) => (host.clone(), None),
        (None, port) => (format!("[{host}]:{port}"), Some(host.clone())),
    };
    let user_files = files(applied, "userknownhostsfile", &DEFAULT_USER_FILES);
    let user_files = user_files.iter().map(|file| tokens.path(file).map(PathBuf::from)).collect();
    let global_files = files(applied, "globalknownhostsfile", &DEFAULT_GLOBAL_FILES);
    let global_files =
        global_files.iter().map(|file| applied.local.expand_tilde(file).map(PathBuf::from)).collect();
    let revoked = applied.text("revokedhostkeys").filter(|file| !file.eq_ignore_ascii_case("none"));
    let revoked = revoked.map(|file| tokens.path(file).map(PathBuf::from)).transpose();
    Ok(HostKeyRules {
        policy: match applied.text("stricthostkeychecking") {
            Some("false") => HostKeyPolicy::Off,
            _ => HostKeyPolicy::Strict,
        },
        user_files: expanded(applied, "userknownhostsfile", user_files)?,
        global_files: expanded(applied, "globalknownhostsfile", global_files)?,
        principal: alias(applied).unwrap_or(host),
        known_as,
        without_port,
        hash_names: applied.yes("hashknownhosts", false),
        skip_loopback: applied.yes("nohostauthenticationforlocalhost", false) && alias(applied).is_none(),
        revoked: expanded(applied, "revokedhostkeys", revoked)?,
        least_rsa: applied.number("requiredrsasize").unwrap_or(1024),
        algorithms: key_algorithms(applied, "hostkeyalgorithms")?,
        authority_algorithms: key_algorithms(applied, "casignaturealgorithms")?,
    })
}

fn log_in_rules(
    applied: &Applied<'_>,
    tokens: &Tokens<'_>,
    destination: &Destination,
) -> Result<LogInRules, ConfigErrors> {
    let certificates = given_files(&applied.certificate_files, tokens)?;
    Ok(LogInRules {
        methods: methods(applied),
        identity_files: identities(applied, tokens)?,
        identity_first: destination.identity_file.is_some(),
        identities_only: applied.yes("identitiesonly", false),
        agent: agent(applied, tokens)?,
        certificate_files: (!applied.certificate_files.is_empty()).then_some(certificates),
        algorithms: key_algorithms(applied, "pubkeyacceptedalgorithms")?,
    })
}

fn methods(applied: &Applied<'_>) -> Vec<LogInMethod> {
    let method = |name: &str| match name {
        "publickey" => applied.yes("pubkeyauthentication", true).then_some(LogInMethod::PublicKey),
        "password" => applied.yes("passwordauthentication", true).then_some(LogInMethod::Password),
        "keyboard-interactive" => {
            applied.yes("kbdinteractiveauthentication", true).then_some(LogInMethod::KeyboardInteractive)
        }
        _ => None,
    };
    // ssh asks by keyboard-interactive first; the password goes with one round trip less.
    let preferred =
        applied.text("preferredauthentications").unwrap_or("publickey,password,keyboard-interactive");
    preferred.split(',').filter_map(method).collect()
}

fn given_files(given: &[Given], tokens: &Tokens<'_>) -> Result<Vec<PathBuf>, ConfigErrors> {
    let mut files = Vec::new();
    for file in given.iter().filter(|file| !file.text.eq_ignore_ascii_case("none")) {
        let path = tokens.path(&file.text).map_err(|reason| ConfigErrors::one(&file.place, reason))?;
        let path = PathBuf::from(path);
        if !files.contains(&path) {
            files.push(path);
        }
    }
    Ok(files)
}

fn identities(applied: &Applied<'_>, tokens: &Tokens<'_>) -> Result<Vec<PathBuf>, ConfigErrors> {
    if !applied.identity_files.is_empty() {
        return given_files(&applied.identity_files, tokens);
    }
    let defaults = DEFAULT_IDENTITIES.iter().map(|file| applied.local.expand_home(file));
    Ok(defaults.filter(|file| file.exists()).collect())
}

/// `IdentityAgent` as `ssh -G` prints it.
pub(super) fn agent_text(applied: &Applied<'_>, tokens: &Tokens<'_>) -> Result<Option<String>, ConfigErrors> {
    let text = applied.text("identityagent").map(|text| tokens.path(text)).transpose();
    expanded(applied, "identityagent", text)
}

fn agent(applied: &Applied<'_>, tokens: &Tokens<'_>) -> Result<Option<String>, ConfigErrors> {
    let variable =
        |name: &str| applied.local.environment.0.get(name).filter(|path| !path.is_empty()).cloned();
    Ok(match agent_text(applied, tokens)?.as_deref() {
        None | Some("SSH_AUTH_SOCK") => variable("SSH_AUTH_SOCK"),
        Some("none") => None,
        Some(text) => match text.strip_prefix('$') {
            Some(name) if !name.starts_with('{') => variable(name),
            _ => Some(text.to_owned()),
        },
    })
}

fn proxy(applied: &Applied<'_>, tokens: &Tokens<'_>, config: Option<PathBuf>) -> Result<Proxy, ConfigErrors> {
    if let Some(jumps) = applied.jumps() {
        // ssh starts another ssh for a jump, with the same files and nothing else of the command line.
        let file = config.map(|file| file.to_string_lossy().into_owned());
        let arguments: Vec<String> = file.map(|file| vec!["-F".to_owned(), file]).unwrap_or_default();
        let hop = |hop: &Hop| Destination {
            host: hop.host.trim().to_owned(),
            port: hop.port,
            user: hop.user.clone(),
            identity_file: None,
            arguments: arguments.clone(),
        };
        return Ok(Proxy::Jump(jumps.hops.iter().map(hop).collect()));
    }
    match applied.text("proxycommand") {
        Some("-") => {
            expanded(applied, "proxycommand", Err("omsctl does not honour proxycommand -".to_owned()))
        }
        Some(text) if !text.eq_ignore_ascii_case("none") => {
            let command = expanded(applied, "proxycommand", tokens.expand_proxy(text))?;
            let shell = applied.local.environment.0.get("SHELL").map_or("/bin/sh", String::as_str);
            Ok(Proxy::Command { shell: shell.to_owned(), command })
        }
        _ => Ok(Proxy::None),
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
