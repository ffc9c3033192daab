//! The keywords of `ssh_config(5)`: what kind of value each takes, and what becomes of it here.

use Kind::{Agent, Algorithms, Any, Choice, Command, Ignored, Jump, Number, Port, Seconds, Word, Words};
use Part::{Honoured, Immaterial, Refused};

/// One keyword. The name is the one that `ssh -G` prints, in lower case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyword {
    pub name: &'static str,
    pub kind: Kind,
    pub part: Part,
}

/// What follows the keyword.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// One of these words; the first of each pair as it may be written, the second as `ssh -G` prints it.
    Choice(&'static [(&'static str, &'static str)]),
    /// From 0 to 2147483647.
    Number,
    /// `90`, `1m30s`, `none`.
    Seconds,
    /// A number or the name of a service.
    Port,
    /// One word.
    Word,
    /// A word with `${VARIABLES}` that must be set.
    Agent,
    /// Several words, at most so many; `none` alone.
    Words(usize),
    /// Everything that follows, a command for the shell.
    Command,
    /// Jumps between commas.
    Jump,
    /// Names of key algorithms between commas, `+`, `-` or `^` before them.
    Algorithms,
    /// Not looked at: omsctl has no use for it.
    Any,
    /// ssh itself does not look at it any more.
    Ignored,
}

/// What omsctl does about a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Honoured,
    /// Does not matter to what omsctl does, or leaves it stricter than ssh: named by `ssh-config`, otherwise passed over.
    Immaterial,
    /// Passing it over would lead elsewhere or trust otherwise than ssh: an error, unless it has this value.
    Refused(&'static str),
}

/// How each of some words is printed.
type Printed = &'static [(&'static str, &'static str)];
const FLAG: Printed = &[("true", "yes"), ("false", "no"), ("yes", "yes"), ("no", "no")];
const ASK: Printed = &[("true", "yes"), ("false", "no"), ("yes", "yes"), ("no", "no"), ("ask", "ask")];
const STRICT: Printed = &[
    ("true", "true"),
    ("false", "false"),
    ("yes", "true"),
    ("no", "false"),
    ("ask", "ask"),
    ("off", "false"),
    ("accept-new", "accept-new"),
];
const FAMILY: Printed = &[("inet", "inet"), ("inet6", "inet6"), ("any", "any")];
const PUBLIC_KEY: Printed = &[
    ("true", "true"),
    ("false", "false"),
    ("yes", "true"),
    ("no", "false"),
    ("unbound", "unbound"),
    ("host-bound", "host-bound"),
];
const CANONICAL: Printed =
    &[("true", "true"), ("false", "false"), ("yes", "true"), ("no", "false"), ("always", "always")];
const COMPRESSION: Printed = &[("yes", "yes"), ("no", "no")];
const MASTER: Printed = &[
    ("true", "true"),
    ("yes", "true"),
    ("false", "false"),
    ("no", "false"),
    ("auto", "auto"),
    ("ask", "ask"),
    ("autoask", "autoask"),
];
const TERMINAL: Printed = &[
    ("true", "true"),
    ("yes", "true"),
    ("false", "false"),
    ("no", "false"),
    ("force", "force"),
    ("auto", "auto"),
];
const SESSION: Printed = &[("none", "none"), ("subsystem", "subsystem"), ("default", "default")];

/// `SSH_MAX_HOSTS_FILES`.
const MAX_HOSTS_FILES: usize = 32;

const fn keyword(name: &'static str, kind: Kind, part: Part) -> Keyword {
    Keyword { name, kind, part }
}

/// Of OpenSSH 10, and the deprecated ones of earlier versions.
const KEYWORDS: &[Keyword] = &[
    keyword("user", Word, Honoured),
    keyword("hostname", Word, Honoured),
    keyword("port", Port, Honoured),
    keyword("addressfamily", Choice(FAMILY), Honoured),
    keyword("hashknownhosts", Choice(FLAG), Honoured),
    keyword("identitiesonly", Choice(FLAG), Honoured),
    keyword("kbdinteractiveauthentication", Choice(FLAG), Honoured),
    keyword("nohostauthenticationforlocalhost", Choice(FLAG), Honoured),
    keyword("passwordauthentication", Choice(FLAG), Honoured),
    keyword("pubkeyauthentication", Choice(PUBLIC_KEY), Honoured),
    keyword("stricthostkeychecking", Choice(STRICT), Honoured),
    keyword("tcpkeepalive", Choice(FLAG), Honoured),
    keyword("connectionattempts", Number, Honoured),
    keyword("serveralivecountmax", Number, Honoured),
    keyword("serveraliveinterval", Seconds, Honoured),
    keyword("requiredrsasize", Number, Honoured),
    keyword("casignaturealgorithms", Algorithms, Honoured),
    keyword("hostkeyalgorithms", Algorithms, Honoured),
    keyword("pubkeyacceptedalgorithms", Algorithms, Honoured),
    keyword("hostkeyalias", Word, Honoured),
    keyword("identityagent", Agent, Honoured),
    keyword("ignoreunknown", Word, Honoured),
    keyword("preferredauthentications", Word, Honoured),
    keyword("revokedhostkeys", Word, Honoured),
    keyword("tag", Word, Honoured),
    keyword("identityfile", Word, Honoured),
    keyword("certificatefile", Word, Honoured),
    keyword("globalknownhostsfile", Words(MAX_HOSTS_FILES), Honoured),
    keyword("userknownhostsfile", Words(MAX_HOSTS_FILES), Honoured),
    keyword("connecttimeout", Seconds, Honoured),
    keyword("proxycommand", Command, Honoured),
    keyword("proxyjump", Jump, Honoured),
    keyword("canonicalizehostname", Choice(CANONICAL), Refused("false")),
    keyword("proxyusefdpass", Choice(FLAG), Refused("no")),
    keyword("knownhostscommand", Command, Refused("none")),
    keyword("bindaddress", Word, Refused("")),
    keyword("bindinterface", Word, Refused("")),
    keyword("refuseconnection", Command, Refused("")),
    keyword("addkeystoagent", Any, Immaterial),
    keyword("batchmode", Choice(FLAG), Immaterial),
    keyword("canonicaldomains", Any, Immaterial),
    keyword("canonicalizefallbacklocal", Choice(FLAG), Immaterial),
    keyword("canonicalizemaxdots", Number, Immaterial),
    keyword("canonicalizepermittedcnames", Any, Immaterial),
    keyword("channeltimeout", Any, Immaterial),
    keyword("checkhostip", Choice(FLAG), Immaterial),
    keyword("ciphers", Any, Immaterial),
    keyword("clearallforwardings", Choice(FLAG), Immaterial),
    keyword("compression", Choice(COMPRESSION), Immaterial),
    keyword("controlmaster", Choice(MASTER), Immaterial),
    keyword("controlpath", Word, Immaterial),
    keyword("controlpersist", Any, Immaterial),
    keyword("dynamicforward", Any, Immaterial),
    keyword("enableescapecommandline", Choice(FLAG), Immaterial),
    keyword("enablesshkeysign", Choice(FLAG), Immaterial),
    keyword("escapechar", Any, Immaterial),
    keyword("exitonforwardfailure", Choice(FLAG), Immaterial),
    keyword("fingerprinthash", Any, Immaterial),
    keyword("forkafterauthentication", Choice(FLAG), Immaterial),
    keyword("forwardagent", Any, Immaterial),
    keyword("forwardx11", Choice(FLAG), Immaterial),
    keyword("forwardx11timeout", Seconds, Immaterial),
    keyword("forwardx11trusted", Choice(FLAG), Immaterial),
    keyword("gatewayports", Choice(FLAG), Immaterial),
    keyword("gssapiauthentication", Choice(FLAG), Immaterial),
    keyword("gssapiclientidentity", Word, Immaterial),
    keyword("gssapidelegatecredentials", Choice(FLAG), Immaterial),
    keyword("gssapikexalgorithms", Any, Immaterial),
    keyword("gssapikeyexchange", Choice(FLAG), Immaterial),
    keyword("gssapirenewalforcesrekey", Choice(FLAG), Immaterial),
    keyword("gssapiserveridentity", Word, Immaterial),
    keyword("gssapitrustdns", Choice(FLAG), Immaterial),
    keyword("hostbasedacceptedalgorithms", Algorithms, Immaterial),
    keyword("hostbasedauthentication", Choice(FLAG), Immaterial),
    keyword("ipqos", Any, Immaterial),
    keyword("kbdinteractivedevices", Word, Immaterial),
    keyword("kexalgorithms", Any, Immaterial),
    keyword("localcommand", Command, Immaterial),
    keyword("localforward", Any, Immaterial),
    keyword("loglevel", Any, Immaterial),
    keyword("logverbose", Any, Immaterial),
    keyword("macs", Any, Immaterial),
    keyword("numberofpasswordprompts", Number, Immaterial),
    keyword("obscurekeystroketiming", Any, Immaterial),
    keyword("permitlocalcommand", Choice(FLAG), Immaterial),
    keyword("permitremoteopen", Any, Immaterial),
    keyword("pkcs11provider", Word, Immaterial),
    keyword("rekeylimit", Any, Immaterial),
    keyword("remotecommand", Command, Immaterial),
    keyword("remoteforward", Any, Immaterial),
    keyword("requesttty", Choice(TERMINAL), Immaterial),
    keyword("securitykeyprovider", Word, Immaterial),
    keyword("sendenv", Any, Immaterial),
    keyword("sessiontype", Choice(SESSION), Immaterial),
    keyword("setenv", Any, Immaterial),
    keyword("stdinnull", Choice(FLAG), Immaterial),
    keyword("streamlocalbindmask", Any, Immaterial),
    keyword("streamlocalbindunlink", Choice(FLAG), Immaterial),
    keyword("syslogfacility", Any, Immaterial),
    keyword("tunnel", Any, Immaterial),
    keyword("tunneldevice", Any, Immaterial),
    keyword("updatehostkeys", Choice(ASK), Immaterial),
    keyword("verifyhostkeydns", Choice(ASK), Immaterial),
    keyword("versionaddendum", Any, Immaterial),
    keyword("visualhostkey", Choice(FLAG), Immaterial),
    keyword("warnweakcrypto", Any, Immaterial),
    keyword("xauthlocation", Word, Immaterial),
    keyword("protocol", Ignored, Immaterial),
    keyword("cipher", Ignored, Immaterial),
    keyword("fallbacktorsh", Ignored, Immaterial),
    keyword("globalknownhostsfile2", Ignored, Immaterial),
    keyword("rhostsauthentication", Ignored, Immaterial),
    keyword("useblacklistedkeys", Ignored, Immaterial),
    keyword("userknownhostsfile2", Ignored, Immaterial),
    keyword("useroaming", Ignored, Immaterial),
    keyword("usersh", Ignored, Immaterial),
    keyword("useprivilegedport", Ignored, Immaterial),
    keyword("afstokenpassing", Ignored, Immaterial),
    keyword("kerberosauthentication", Ignored, Immaterial),
    keyword("kerberostgtpassing", Ignored, Immaterial),
    keyword("rsaauthentication", Ignored, Immaterial),
    keyword("rhostsrsaauthentication", Ignored, Immaterial),
    keyword("compressionlevel", Ignored, Immaterial),
];

/// Other names of the same keyword.
const ALIASES: &[(&str, &str)] = &[
    ("challengeresponseauthentication", "kbdinteractiveauthentication"),
    ("dsaauthentication", "pubkeyauthentication"),
    ("hostbasedkeytypes", "hostbasedacceptedalgorithms"),
    ("identityfile2", "identityfile"),
    ("keepalive", "tcpkeepalive"),
    // Debian's.
    ("protocolkeepalives", "serveraliveinterval"),
    ("pubkeyacceptedkeytypes", "pubkeyacceptedalgorithms"),
    ("setuptimeout", "serveraliveinterval"),
    ("skeyauthentication", "kbdinteractiveauthentication"),
    ("smartcarddevice", "pkcs11provider"),
    ("tisauthentication", "kbdinteractiveauthentication"),
];

/// The keyword of that name, in lower case.
pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// The keyword that may have been meant.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let near = KEYWORDS.iter().map(|keyword| (strsim::jaro_winkler(name, keyword.name), keyword.name));
    near.filter(|(likeness, _)| *likeness > 0.85).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_found_by_any_of_their_names() {
        assert_eq!(find("identityfile2").map(|keyword| keyword.name), Some("identityfile"));
        assert!(find("proxyjmp").is_none());
        assert_eq!(nearest("proxyjmp"), Some("proxyjump"));
        assert_eq!(nearest("zzz"), None);
        assert!(ALIASES.iter().all(|(alias, name)| find(name).is_some() && find(alias).is_some()));
    }
}
