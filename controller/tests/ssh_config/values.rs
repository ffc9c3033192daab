//! Values of the settings: what may stand there, and what may not.

use fastrand::Rng;

use super::original::{none_is_a_jump, version};
use super::writing::{often, one_of, word};

/// Names that patterns are made for, as an operator may type them.
pub(crate) const HOSTS: [&str; 14] = [
    "alpha",
    "beta",
    "Alpha",
    "n1.example.net",
    "n2.example.net",
    "N3.Example.NET",
    "db-01",
    "db-02",
    "10.0.0.1",
    "192.0.2.77",
    "::1",
    "2001:DB8::7",
    "127.1",
    "x",
];
const PATTERNS: [&str; 16] = [
    "*",
    "alpha",
    "beta",
    "?lpha",
    "*.example.net",
    "n?.example.net",
    "n*",
    "db-*",
    "db-0?",
    "10.0.0.*",
    "192.*",
    "*:*",
    "[:?]*",
    "ALPHA",
    "*a*",
    "zz",
];
pub(crate) const USERS: [&str; 8] = ["root", "ann", "bob", "admin", "Ann", "svc-oms", "o.neil", "a b"];

/// One pattern, or several in their order; negated ones among them.
pub(crate) fn patterns(rng: &mut Rng, host: &str) -> Vec<String> {
    let count = 1 + rng.usize(..3);
    (0..count)
        .map(|_| {
            let pattern = if often(rng, 30) { host } else { one_of(rng, &PATTERNS) };
            let negated = if often(rng, 15) { "!" } else { "" };
            format!("{negated}{pattern}")
        })
        .collect()
}

/// A path with tokens, as it may stand in lists of files.
pub(crate) fn path(rng: &mut Rng, jumps: bool) -> String {
    let new = version() >= (9, 6);
    let tokens =
        ["%h", "%n", "%p", "%r", "%u", "%d", "%l", "%L", "%i", "%k", "%%", "%C", "${MARK}", "${EMPTY}", "%j"];
    let mut tokens: Vec<&str> = tokens.into_iter().filter(|token| new || *token != "%j").collect();
    // Before 9.6 the jump was no part of it.
    tokens.retain(|token| new || !jumps || *token != "%C");
    let base = one_of(
        rng,
        &["~/.ssh/k", "/tmp/k", "k", "~root/k", "~/my keys/k", "%d/k", "/etc/ssh/k", "~//k", "k\"q"],
    );
    match rng.u8(..3) {
        0 => base.to_owned(),
        1 => format!("{base}_{}", one_of(rng, &tokens)),
        _ => format!("{base}{}-{}", one_of(rng, &tokens), one_of(rng, &tokens)),
    }
}

/// Keywords that take one word of these; `true` when all of them are right.
type Words = (&'static str, &'static [&'static str], &'static [&'static str]);
const FLAG: &[&str] = &["yes", "no", "YES", "No", "true", "false"];
const NO_FLAG: &[&str] = &["maybe", "1", "on", "\"\""];
const WORDS: [Words; 25] = [
    ("HashKnownHosts", FLAG, NO_FLAG),
    ("IdentitiesOnly", FLAG, NO_FLAG),
    ("KbdInteractiveAuthentication", FLAG, NO_FLAG),
    ("ChallengeResponseAuthentication", FLAG, NO_FLAG),
    ("NoHostAuthenticationForLocalhost", FLAG, NO_FLAG),
    ("PasswordAuthentication", FLAG, NO_FLAG),
    ("TCPKeepAlive", FLAG, NO_FLAG),
    ("PubkeyAuthentication", &["yes", "no", "unbound", "host-bound", "TRUE"], NO_FLAG),
    ("StrictHostKeyChecking", &["yes", "no", "ask", "off", "accept-new", "true", "FALSE"], &["never", "new"]),
    ("AddressFamily", &["inet", "inet6", "any", "ANY"], &["ipv4", "4"]),
    ("CanonicalizeHostname", &["no", "false"], &["perhaps"]),
    ("ConnectionAttempts", &["1", "3", "+2", "007"], &["-1", "x", "99999999999", "3s", "0"]),
    ("ServerAliveCountMax", &["0", "3", "10", "2147483647"], &["2147483648", "-3", "1.5"]),
    ("RequiredRSASize", &["1024", "2048"], &["big"]),
    (
        "ServerAliveInterval",
        &["0", "15", "1m", "1m30s", "none", "2H", "\"1m 5\""],
        &["1x", "-5", "m", "1m-5"],
    ),
    (
        "ConnectTimeout",
        &["0", "5", "1m30s", "1h", "1d2h3m4s", "1w", "none", "90S"],
        &["soon", "-1", "5 s", "99999999w"],
    ),
    (
        "Port",
        &["22", "2222", "1", "65535", "+22", "0022", "ssh"],
        &["0", "65536", "-22", "no-such-service", "22 23"],
    ),
    ("HostKeyAlias", &["alias", "Alias.Example", "[a]:7"], &["\"\"", "a b"]),
    ("PreferredAuthentications", &["publickey", "publickey,password", "keyboard-interactive,none"], &["a b"]),
    ("RevokedHostKeys", &["none", "/etc/ssh/revoked", "~/revoked", "NONE"], &["a b"]),
    ("ForwardAgent", FLAG, &[]),
    ("Compression", &["yes", "no"], &["6", "true"]),
    ("BatchMode", &["no", "false"], NO_FLAG),
    ("UpdateHostKeys", &["yes", "no", "ask"], &["later"]),
    ("RequestTTY", &["yes", "no", "force", "auto"], &["never"]),
];

const ALGORITHMS: [&str; 14] = [
    "ssh-ed25519",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ecdsa-sha2-nistp256",
    "ssh-ed25519-cert-v01@openssh.com",
    "ecdsa*",
    "*-cert-v01@openssh.com",
    "rsa-*",
    "sk-*",
    "ssh-rsa",
    "rsa-sha2-512-cert-v01@openssh.com",
    "ED25519",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    "*ed25519*",
];

/// A setting with one word, and whether ssh takes it.
pub(crate) fn single(rng: &mut Rng, wrong: bool) -> (&'static str, String) {
    let (keyword, right, not) = WORDS[rng.usize(..WORDS.len())];
    let value = if wrong && !not.is_empty() { one_of(rng, not) } else { one_of(rng, right) };
    (keyword, value.to_owned())
}

/// `HostKeyAlgorithms` and its like.
pub(crate) fn algorithms(rng: &mut Rng, wrong: bool) -> (&'static str, String) {
    let keyword = one_of(
        rng,
        &["HostKeyAlgorithms", "PubkeyAcceptedAlgorithms", "PubkeyAcceptedKeyTypes", "CASignatureAlgorithms"],
    );
    let sign = one_of(rng, &["", "", "+", "-", "^"]);
    let names: Vec<&str> = (0..=rng.usize(..3)).map(|_| one_of(rng, &ALGORITHMS)).collect();
    let bad = if wrong { one_of(rng, &[",nonsense", ",!ssh-rsa", ",ssh-nothing*"]) } else { "" };
    (keyword, format!("{sign}{}{bad}", names.join(",")))
}

/// A jump, or several.
pub(crate) fn jump(rng: &mut Rng, wrong: bool) -> String {
    if wrong {
        return one_of(
            rng,
            &["a:b", "u@", "@h", "a:0", "[::1", "ssh://h/path", "a,,b", "a,", "[::1]x", "ssh://a..b"],
        )
        .to_owned();
    }
    if often(rng, 10) && none_is_a_jump() {
        return one_of(rng, &["none", "None"]).to_owned();
    }
    let hop = |rng: &mut Rng| {
        let user = one_of(rng, &["", "", "u@", "root@", "u@v@"]);
        let host = one_of(rng, &["jump", "Jump2", "j.example.net", "10.9.9.9", "[::1]", "[2001:db8::1]"]);
        let port = one_of(rng, &["", "", ":22", ":2222", ":"]);
        if often(rng, 20) && !user.contains("v@") && !host.contains('[') {
            format!("ssh://{user}{host}{port}{}", one_of(rng, &["", "/"]))
        } else {
            format!("{user}{host}{port}")
        }
    };
    let hops: Vec<String> = (0..=rng.usize(..3)).map(|_| hop(rng)).collect();
    hops.join(",")
}

/// A `HostName`.
pub(crate) fn host_name(rng: &mut Rng, wrong: bool) -> &'static str {
    if wrong {
        return one_of(rng, &["%n.example", "%z", "h%", "a b"]);
    }
    one_of(
        rng,
        &[
            "%h.example.net",
            "%h",
            "real.example.net",
            "REAL.Example",
            "10.1.2.3",
            "127.1",
            "0x7f.1",
            "::0001",
            "1.2.3",
            "FE80::A",
            "::ffff:10.0.0.1",
            "%%h",
            "010.1.1.1",
            "::1.2.3.4",
            "256.1.1.1",
        ],
    )
}

/// A command for `ProxyCommand`.
pub(crate) fn command(rng: &mut Rng) -> &'static str {
    one_of(
        rng,
        &[
            "none",
            "nc %h %p",
            "ssh -W \"%h:%p\" bastion # no comment",
            "None",
            "sh -c 'nc %h %p'",
            "=x",
            "nc  two  blanks",
            "%Z",
        ],
    )
}

/// One condition of a `Match`.
pub(crate) fn condition(rng: &mut Rng, host: &str, log: &str, wrong: bool) -> String {
    if wrong {
        return one_of(rng, &["host", "nonsense x", "all host x", "user", "exec"]).to_owned();
    }
    let negated = if often(rng, 15) { "!" } else { "" };
    let list = |rng: &mut Rng| patterns(rng, host).join(",");
    let separator = one_of(rng, &[" ", " ", " ", "=", "\t"]);
    let condition = match rng.u8(..if version() >= (9, 4) { 9 } else { 8 }) {
        0 => format!("host{separator}{}", list(rng)),
        1 => format!("originalhost{separator}{}", list(rng)),
        2 => format!("user{separator}{}", one_of(rng, &["root", "ann,bob", "*", "!root,*", "ROOT", "r*"])),
        3 => format!("localuser{separator}{}", one_of(rng, &["root", "*", "!root,*", "nobody"])),
        4 => one_of(rng, &["final", "canonical", "FINAL"]).to_owned(),
        5 | 6 => format!("exec \"{}\"", executed(rng, log)),
        7 => {
            let list = list(rng);
            format!("Host {}", word(rng, &list))
        }
        _ => format!("tagged {}", one_of(rng, &["blue", "*", "b*"])),
    };
    format!("{negated}{condition}")
}

/// A command whose running leaves a trace.
fn executed(rng: &mut Rng, log: &str) -> String {
    let test = one_of(
        rng,
        &[
            "true",
            "false",
            "test %p = 22",
            "test %r = root",
            "test %h = %n",
            "test x$MARK = xmark",
            "exit 3",
            "test %k = %h -o 1 -gt 2",
            "test %i-%u-%d-%l-%L = x",
            "test %C = x",
        ],
    );
    format!("echo '%n %h %p %r %k' >> {log}; {test}")
}
