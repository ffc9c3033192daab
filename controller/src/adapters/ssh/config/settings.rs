//! Everything that applies to one destination, in types: what `ssh -G` would print, as far as omsctl honours it.

use std::path::PathBuf;
use std::time::Duration;

use super::evaluate::{Applied, Subject};
use super::line::Line;
use super::source::ConfigFiles;
use super::tokens::Tokens;
use super::{ConfigError, LocalUser, arguments};

/// ssh's own default identities, in its order.
const DEFAULT_IDENTITIES: [&str; 3] = ["~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519"];
const MAX_JUMPS: usize = 8;

/// Where somebody wants to go: what the inventory or a jump says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Destination {
    pub host: String,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub identity_file: Option<PathBuf>,
    /// Words of an ssh command line.
    pub arguments: Vec<String>,
}

/// What is done about a host key that nobody has recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostKeyPolicy {
    /// Refused: `yes`, `ask` and `accept-new` (which takes the command's own flag).
    Strict,
    /// `no`: accepted, changed keys too. The operator wrote it.
    Off,
}

/// The way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proxy {
    None,
    /// Hosts to pass through, nearest first.
    Jump(Vec<Destination>),
    /// A command whose stdin and stdout lead there.
    Command(String),
}

/// One destination with everything that applies to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostSettings {
    pub host_name: String,
    pub port: u16,
    pub user: String,
    /// Best first.
    pub identity_files: Vec<PathBuf>,
    /// The first file was named by the inventory: it goes before the keys of ssh-agent.
    pub identity_first: bool,
    pub identities_only: bool,
    /// `None`: `SSH_AUTH_SOCK`.
    pub identity_agent: Option<String>,
    pub user_known_hosts: Vec<PathBuf>,
    pub global_known_hosts: Vec<PathBuf>,
    /// The name under which known_hosts lists the host, port included where it belongs.
    pub known_as: String,
    pub host_keys: HostKeyPolicy,
    pub connect_timeout: Duration,
    pub keepalive: Duration,
    pub keepalive_max: usize,
    pub proxy: Proxy,
    pub public_key: bool,
    pub password: bool,
    pub warnings: Vec<String>,
}

/// Merges the inventory's words, the ssh arguments and the files, in this order.
pub(crate) fn resolve(
    destination: &Destination,
    files: &ConfigFiles,
    local: &LocalUser,
) -> Result<HostSettings, ConfigError> {
    let given = arguments::parse(&destination.arguments)?;
    let mut applied = Applied::default();
    for line in own_lines(destination).iter().chain(&given.lines) {
        applied.add(line);
    }
    let original = destination.host.to_ascii_lowercase();
    let subject = Subject { original: &original, local };
    let other_file = given
        .config_file
        .map(|file| ConfigFiles::load(Some(&local.expand_home(&file.to_string_lossy())), local));
    let files = other_file.transpose()?.unwrap_or_else(|| files.clone());
    for file in &files.files {
        applied.add_file(file, subject, true)?;
    }
    applied.warnings.splice(0..0, given.warnings);
    typed(destination, &original, &applied, local)
}

fn own_lines(destination: &Destination) -> Vec<Line> {
    let line = |keyword: &str, value: String| Line {
        keyword: keyword.to_owned(),
        arguments: vec![value],
        place: "inventory".to_owned(),
    };
    let port = destination.port.map(|port| line("port", port.to_string()));
    let user = destination.user.clone().map(|user| line("user", user));
    let file = destination.identity_file.as_ref();
    let identity = file.map(|file| line("identityfile", file.to_string_lossy().replace('%', "%%")));
    port.into_iter().chain(user).chain(identity).collect()
}

fn typed(
    destination: &Destination,
    original: &str,
    applied: &Applied,
    local: &LocalUser,
) -> Result<HostSettings, ConfigError> {
    let port = number(applied, "port")?.unwrap_or(22u16);
    let user = applied.word("user").unwrap_or(&local.name).to_owned();
    let early = Tokens { host: original, original, port, remote_user: &user, local };
    let host_name = match applied.get("hostname") {
        Some(line) => early.expand(&line.arguments[0], &line.place)?,
        None => original.to_owned(),
    };
    let tokens = Tokens { host: &host_name, ..early };
    let known_as = match applied.word("hostkeyalias") {
        Some(alias) => alias.to_ascii_lowercase(),
        None if port == 22 => host_name.to_ascii_lowercase(),
        None => format!("[{}]:{port}", host_name.to_ascii_lowercase()),
    };
    let mut warnings = applied.warnings.clone();
    let host_keys = match applied.word("stricthostkeychecking").map(str::to_ascii_lowercase).as_deref() {
        Some("no" | "off") => {
            warnings.push(format!("host keys of {known_as} are not checked: StrictHostKeyChecking no"));
            HostKeyPolicy::Off
        }
        _ => HostKeyPolicy::Strict,
    };
    let files = |keyword: &str, defaults: &[&str]| paths(applied, keyword, defaults, tokens);
    Ok(HostSettings {
        identity_files: identities(applied, tokens)?,
        identity_first: destination.identity_file.is_some(),
        identities_only: yes(applied, "identitiesonly", false),
        identity_agent: identity_agent(applied, tokens)?,
        user_known_hosts: files("userknownhostsfile", &["~/.ssh/known_hosts", "~/.ssh/known_hosts2"])?,
        global_known_hosts: files(
            "globalknownhostsfile",
            &["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
        )?,
        host_keys,
        connect_timeout: Duration::from_secs(
            number(applied, "connecttimeout")?.filter(|s| *s > 0).unwrap_or(10),
        ),
        keepalive: Duration::from_secs(
            number(applied, "serveraliveinterval")?.filter(|s| *s > 0).unwrap_or(15),
        ),
        keepalive_max: number(applied, "serveralivecountmax")?.unwrap_or(3),
        proxy: proxy(applied, tokens)?,
        public_key: yes(applied, "pubkeyauthentication", true),
        password: yes(applied, "passwordauthentication", true),
        port,
        known_as,
        warnings,
        user: user.clone(),
        host_name: host_name.clone(),
    })
}

fn identities(applied: &Applied, tokens: Tokens<'_>) -> Result<Vec<PathBuf>, ConfigError> {
    let mut files = Vec::new();
    for line in &applied.identity_files {
        if line.arguments[0] == "none" {
            return Ok(Vec::new());
        }
        let file = tokens.local.expand_home(&tokens.expand(&line.arguments[0], &line.place)?);
        if !files.contains(&file) {
            files.push(file);
        }
    }
    if applied.identity_files.is_empty() {
        files.extend(
            DEFAULT_IDENTITIES.iter().map(|file| tokens.local.expand_home(file)).filter(|file| file.exists()),
        );
    }
    Ok(files)
}

fn identity_agent(applied: &Applied, tokens: Tokens<'_>) -> Result<Option<String>, ConfigError> {
    match applied.get("identityagent") {
        Some(line) if line.arguments[0] != "SSH_AUTH_SOCK" => {
            let path = tokens.expand(&line.arguments[0], &line.place)?;
            Ok(Some(tokens.local.expand_home(&path).to_string_lossy().into_owned()))
        }
        _ => Ok(None),
    }
}

fn paths(
    applied: &Applied,
    keyword: &str,
    defaults: &[&str],
    tokens: Tokens<'_>,
) -> Result<Vec<PathBuf>, ConfigError> {
    let Some(line) = applied.get(keyword) else {
        return Ok(defaults.iter().map(|file| tokens.local.expand_home(file)).collect());
    };
    let words = line.arguments.iter().filter(|word| *word != "none");
    words.map(|word| Ok(tokens.local.expand_home(&tokens.expand(word, &line.place)?))).collect()
}

fn proxy(applied: &Applied, tokens: Tokens<'_>) -> Result<Proxy, ConfigError> {
    if let Some(line) = applied.get("proxycommand").filter(|line| line.arguments[0] != "none") {
        return Ok(Proxy::Command(tokens.expand(&line.arguments[0], &line.place)?));
    }
    let Some(line) = applied.get("proxyjump").filter(|line| line.arguments[0] != "none") else {
        return Ok(Proxy::None);
    };
    let hops =
        line.arguments[0].split(',').map(|hop| jump(hop.trim(), line)).collect::<Result<Vec<_>, _>>()?;
    if hops.len() > MAX_JUMPS {
        return Err(ConfigError {
            place: line.place.clone(),
            reason: format!("more than {MAX_JUMPS} jumps"),
        });
    }
    Ok(Proxy::Jump(hops))
}

/// `[user@]host[:port]` or `ssh://…`.
fn jump(text: &str, line: &Line) -> Result<Destination, ConfigError> {
    let error = || ConfigError {
        place: line.place.clone(),
        reason: format!("{text:?} is no jump: [user@]host[:port]"),
    };
    let rest = text.strip_prefix("ssh://").unwrap_or(text);
    let (user, rest) =
        rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user.to_owned()), rest));
    let (host, port) = match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(str::parse).transpose().map_err(|_| error())?;
    if host.is_empty() {
        return Err(error());
    }
    Ok(Destination { host: host.to_owned(), port, user, ..Destination::default() })
}

fn yes(applied: &Applied, keyword: &str, default: bool) -> bool {
    applied
        .word(keyword)
        .map_or(default, |word| !matches!(word.to_ascii_lowercase().as_str(), "no" | "false"))
}

fn number<T: std::str::FromStr>(applied: &Applied, keyword: &str) -> Result<Option<T>, ConfigError> {
    let Some(line) = applied.get(keyword) else { return Ok(None) };
    let word = line.arguments[0].strip_suffix('s').unwrap_or(&line.arguments[0]);
    let invalid = |_| ConfigError {
        place: line.place.clone(),
        reason: format!("{keyword} {word:?} is no number that fits"),
    };
    word.parse().map(Some).map_err(invalid)
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
