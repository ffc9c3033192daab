//! What `ssh -G` prints, as far as omsctl honours it; and what was written and is not honoured.

use super::evaluate::{Applied, Given};
use super::resolve::{
    DEFAULT_GLOBAL_FILES, DEFAULT_IDENTITIES, DEFAULT_USER_FILES, agent_text, alias, apply, expanded, files,
    key_algorithms, tokens,
};
use super::settings::Destination;
use super::source::ConfigFiles;
use super::{ConfigErrors, LocalUser};
use crate::ports::{NotHonoured, SshListing};

/// Settings that take a word, with ssh's default; `None`: not printed unless it is set. In ssh's order.
const WORDS: [(&str, Option<&str>); 13] = [
    ("addressfamily", Some("any")),
    ("canonicalizehostname", Some("false")),
    ("hashknownhosts", Some("no")),
    ("identitiesonly", Some("no")),
    ("kbdinteractiveauthentication", Some("yes")),
    ("nohostauthenticationforlocalhost", Some("no")),
    ("passwordauthentication", Some("yes")),
    ("proxyusefdpass", Some("no")),
    ("pubkeyauthentication", Some("true")),
    ("stricthostkeychecking", Some("ask")),
    ("tcpkeepalive", Some("yes")),
    ("ignoreunknown", None),
    ("tag", None),
];

const NUMBERS: [(&str, u32); 4] = [
    ("connectionattempts", 1),
    ("serveralivecountmax", 3),
    ("serveraliveinterval", 0),
    ("requiredrsasize", 1024),
];

/// Every keyword that omsctl honours: those that `ssh -G` is to be compared in.
pub const HONOURED: [&str; 35] = [
    "host",
    "user",
    "hostname",
    "port",
    "addressfamily",
    "canonicalizehostname",
    "hashknownhosts",
    "identitiesonly",
    "kbdinteractiveauthentication",
    "nohostauthenticationforlocalhost",
    "passwordauthentication",
    "proxyusefdpass",
    "pubkeyauthentication",
    "stricthostkeychecking",
    "tcpkeepalive",
    "ignoreunknown",
    "tag",
    "connectionattempts",
    "serveralivecountmax",
    "serveraliveinterval",
    "requiredrsasize",
    "casignaturealgorithms",
    "hostkeyalgorithms",
    "pubkeyacceptedalgorithms",
    "hostkeyalias",
    "identityagent",
    "preferredauthentications",
    "revokedhostkeys",
    "identityfile",
    "certificatefile",
    "globalknownhostsfile",
    "userknownhostsfile",
    "connecttimeout",
    "proxycommand",
    "proxyjump",
];

/// The settings that apply to a destination.
pub fn list(
    destination: &Destination,
    config: &ConfigFiles,
    local: &LocalUser,
) -> Result<SshListing, ConfigErrors> {
    let (applied, given) = apply(destination, config, local)?;
    let mut listing = Lines { applied: &applied, lines: Vec::new() };
    listing.add("host", &destination.host);
    listing.add("user", applied.user());
    listing.add("hostname", &applied.host);
    listing.add("port", &applied.port().to_string());
    for (keyword, default) in WORDS {
        listing.word(keyword, default);
    }
    for (keyword, default) in NUMBERS {
        listing.add(keyword, &applied.number(keyword).unwrap_or(default).to_string());
    }
    listing.strings()?;
    listing.lists()?;
    listing.way();
    let settings = listing.lines;
    let not_honoured = applied.immaterial.iter().map(|line| NotHonoured {
        keyword: line.keyword.clone(),
        value: line.rest.clone(),
        place: line.place.clone(),
    });
    Ok(SshListing { settings, not_honoured: not_honoured.collect(), warnings: given.warnings })
}

struct Lines<'a> {
    applied: &'a Applied<'a>,
    lines: Vec<(String, String)>,
}

impl Lines<'_> {
    fn add(&mut self, keyword: &str, value: &str) {
        self.lines.push((keyword.to_owned(), value.to_owned()));
    }

    fn word(&mut self, keyword: &str, default: Option<&str>) {
        if let Some(value) = self.applied.text(keyword).or(default) {
            self.lines.push((keyword.to_owned(), value.to_owned()));
        }
    }

    fn strings(&mut self) -> Result<(), ConfigErrors> {
        for keyword in ["casignaturealgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms"] {
            let names = key_algorithms(self.applied, keyword)?.join(",");
            self.add(keyword, &names);
        }
        if let Some(alias) = alias(self.applied) {
            self.add("hostkeyalias", &alias);
        }
        if let Some(agent) = agent_text(self.applied, &tokens(self.applied))? {
            self.add("identityagent", &agent);
        }
        self.word("preferredauthentications", None);
        if let Some(file) =
            self.applied.text("revokedhostkeys").filter(|file| !file.eq_ignore_ascii_case("none"))
        {
            self.lines.push(("revokedhostkeys".to_owned(), file.to_owned()));
        }
        Ok(())
    }

    fn lists(&mut self) -> Result<(), ConfigErrors> {
        let applied = self.applied;
        let texts = |given: &[Given]| -> Vec<String> { given.iter().map(|file| file.text.clone()).collect() };
        let mut identities = texts(&applied.identity_files);
        if identities.is_empty() {
            identities = DEFAULT_IDENTITIES.map(str::to_owned).to_vec();
        }
        for (keyword, values) in
            [("identityfile", identities), ("certificatefile", texts(&applied.certificate_files))]
        {
            self.lines.extend(values.into_iter().map(|value| (keyword.to_owned(), value)));
        }
        let global = files(applied, "globalknownhostsfile", &DEFAULT_GLOBAL_FILES);
        self.one_line("globalknownhostsfile", &global);
        let tokens = tokens(applied);
        let user = files(applied, "userknownhostsfile", &DEFAULT_USER_FILES);
        let user: Result<Vec<String>, String> = user.iter().map(|file| tokens.path(file)).collect();
        let user = expanded(applied, "userknownhostsfile", user)?;
        self.one_line("userknownhostsfile", &user);
        Ok(())
    }

    fn one_line(&mut self, keyword: &str, values: &[String]) {
        let values = if values.is_empty() { "none".to_owned() } else { values.join(" ") };
        self.add(keyword, &values);
    }

    /// Time limit, `ProxyCommand` and `ProxyJump`.
    fn way(&mut self) {
        let limit =
            self.applied.number("connecttimeout").map_or("none".to_owned(), |limit| limit.to_string());
        self.add("connecttimeout", &limit);
        if let Some(jumps) = self.applied.jumps() {
            let jumps = jumps.printed();
            self.add("proxyjump", &jumps);
        } else if let Some(command) =
            self.applied.text("proxycommand").filter(|text| !text.eq_ignore_ascii_case("none"))
        {
            self.lines.push(("proxycommand".to_owned(), command.to_owned()));
        }
    }
}
