//! The two constant shell scripts that put the agent in place, and the words that are handed to them.
//!
//! They reach the host as single-quoted words through the log-in shell, which may be sh, csh or fish. So they are one
//! line each, without single quotes, without `!` (csh would expand it) and without `\\` or `\'` (fish would). They
//! are told only digests, sizes, and words that [`plain`] has passed. The tests run them in a real `sh`.

use crate::ports::AgentCommand;

/// Where an agent may live, best first: the first that lets programs run and has room.
pub(super) const PLACES: [&str; 4] =
    ["/var/lib/omsctl/bin", "/opt/omsctl/bin", "/usr/local/lib/omsctl/bin", "/run/omsctl/bin"];

/// Becomes root when it is not: `$1` is `sudo`'s prompt or `-`; the rest is for `sh -c`.
const GATE: &str = concat!(
    r#"p=$1; shift; if [ "$(id -u)" = 0 ]; then exec sh -c "$@"; fi; "#,
    r#"if [ "$p" = - ]; then exec env LC_ALL=C sudo -n -- sh -c "$@"; fi; "#,
    r#"exec env LC_ALL=C sudo -S -p "$p" -- sh -c "$@""#,
);

/// As [`GATE`], for a sudo that wants a terminal (`requiretty`). `script` makes one, so that sudo has it as its controlling
/// terminal; what the program reads and writes goes past it, byte for byte, over the pipes that were there before.
const TERMINAL_GATE: &str = concat!(
    r#"p=$1; shift; if [ "$(id -u)" = 0 ]; then exec sh -c "$@"; fi; "#,
    r"if command -v script > /dev/null; then :; else ",
    r#"echo "sudo: sorry, you must have a tty, and there is no script to make one" >&2; exit 1; fi; "#,
    // Inside the quotes that the inner shell takes away, no word has one.
    r#"q=$(printf "\047"); c=; for w in "$@"; do c="$c $q$w$q"; done; "#,
    r#"s="sudo -S -p $q$p$q"; if [ "$p" = - ]; then s="sudo -n"; fi; "#,
    r"exec 3<&0 4>&1 5>&2; exec env LC_ALL=C SHELL=/bin/sh script -qefc ",
    r#""exec $s -- sh -c $c <&3 >&4 2>&5 3<&- 4>&- 5>&-" /dev/null < /dev/null > /dev/null 2>&5"#,
);

/// `$1` marker, `$2` places joined by `:`, `$3` agents as `ARCH:SHA256:SIZE,…`, the rest is for the agent.
///
/// Says, each on a line of its own after the marker: `start FILE` (from the next byte on it is the agent),
/// `elsewhere PLACE REASON` (a better place will not do), `need SIZE ARCH` (send that many bytes), or `fail WHAT REASON`.
const SCRIPT: &str = concat!(
    r"umask 077; m=$1; l=$2; s=$3; shift 3; ",
    r"PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH; ",
    r#"say() { printf "\n%s %s\n" "$m" "$*"; }; "#,
    r#"line() { printf "%s" "$1" | tr "\n" " "; }; "#,
    r"a=$(uname -m); case $a in amd64) a=x86_64;; arm64) a=aarch64;; esac; h=; ",
    r#"for w in $(printf %s "$s" | tr , " "); do case $w in "$a":*) h=${w#*:}; z=${h#*:}; h=${h%%:*};; esac; done; "#,
    r#"if [ -z "$h" ]; then say fail arch "$a"; exit 0; fi; "#,
    r#"n=omsctl-agent-$h; l=$(printf %s "$l" | tr : " "); "#,
    // A cached agent: right size, and it runs.
    r#"for d in $l; do f=$d/$n; if [ -f "$f" ] && [ "$(wc -c < "$f")" -eq "$z" ] "#,
    r#"&& "$f" --version > /dev/null 2>&1 < /dev/null; then say start "$f"; exec "$f" "$@"; fi; done; "#,
    // A place for it: a program can run there, and there is room.
    r#"w=; p=; for d in $l; do t=$d/.$n.$$; if e=$( (mkdir -p "$d" && chmod 700 "$d" "#,
    r##"&& printf "#\041/bin/sh\nexit 0\n" > "$t" && chmod 700 "$t" && "$t") 2>&1 < /dev/null); then rm -f "$t"; "##,
    r#"k=$(df -Pk "$d" 2> /dev/null | tail -n 1 | awk "{print \$(NF-2)}"); "#,
    r#"if [ -n "$k" ] && [ "$k" -lt $((z / 1024 + 256)) ] 2> /dev/null; then w="$w$d: only $k KiB are free; "; "#,
    r#"else p=$d; break; fi; else rm -f "$t" 2> /dev/null; w="$w$d: $(line "$e"); "; fi; done; "#,
    r#"if [ -z "$p" ]; then say fail place "$w"; exit 0; fi; "#,
    r#"if [ -n "$w" ]; then say elsewhere "$p" "$w"; fi; "#,
    // Receive, prove, put in place.
    r#"t=$p/.$n.$$; trap "rm -f $t; exit 1" HUP INT TERM; say need "$z" "$a"; "#,
    r#"e=$(head -c "$z" 2>&1 > "$t"); g=$(wc -c < "$t"); "#,
    r#"if [ "$g" -eq "$z" ] 2> /dev/null; then :; else rm -f "$t"; "#,
    r#"if [ -n "$e" ]; then say fail place "$p: $(line "$e")"; else say fail short "$((g)) of $z bytes came"; fi; exit 0; fi; "#,
    r#"c=$(sha256sum "$t" 2> /dev/null | cut -c 1-64); if [ -n "$c" ] && [ "$c" = "$h" ] || [ -z "$c" ]; then :; "#,
    r#"else rm -f "$t"; say fail short "its SHA-256 is $c"; exit 0; fi; "#,
    r#"if e=$(chmod 700 "$t" 2>&1 && "$t" --version 2>&1 < /dev/null); then :; "#,
    r#"else rm -f "$t"; say fail run "$(line "$e")"; exit 0; fi; "#,
    r#"if e=$(mv -f "$t" "$p/$n" 2>&1); then :; else rm -f "$t"; say fail place "$(line "$e")"; exit 0; fi; "#,
    r#"trap - HUP INT TERM; say start "$p/$n"; exec "$p/$n" "$@""#,
);

/// How root is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escalation<'a> {
    /// The log-in is what it is.
    None,
    /// By `sudo`, unless the log-in is root.
    Sudo {
        /// With `sudo -S`, that asks for the password so; without one `sudo -n`.
        prompt: Option<&'a str>,
        /// It wants a terminal.
        terminal: bool,
    },
}

/// The words of the command that puts the agent in place and starts it. The error says which word is not plain.
pub(super) fn words(
    escalation: Escalation<'_>,
    marker: &str,
    places: &[String],
    agents: &str,
    command: &AgentCommand,
) -> Result<Vec<String>, String> {
    let arguments = command.arguments();
    if let Some(odd) = arguments.iter().find(|word| !plain(word)) {
        return Err(format!("{odd:?} holds characters that no host name has"));
    }
    let mut words: Vec<String> = match escalation {
        Escalation::None => ["sh", "-c"].map(str::to_owned).to_vec(),
        Escalation::Sudo { prompt, terminal } => {
            let gate = if terminal { TERMINAL_GATE } else { GATE };
            ["sh", "-c", gate, "omsctl", prompt.unwrap_or("-")].map(str::to_owned).to_vec()
        }
    };
    words.extend([SCRIPT, "omsctl", marker, &places.join(":"), agents].map(str::to_owned));
    words.extend(arguments);
    Ok(words)
}

/// Letters, digits and what host names, addresses and digests are made of: the same in every shell.
fn plain(word: &str) -> bool {
    (1..=300).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-%".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_mean_the_same_in_every_log_in_shell() {
        for script in [GATE, TERMINAL_GATE, SCRIPT] {
            for forbidden in ["'", "!", "\n", r"\\"] {
                assert!(!script.contains(forbidden), "{forbidden:?} is in {script}");
            }
        }
    }

    #[test]
    fn odd_words_never_reach_a_shell() {
        let check = |host: &str, accepted: bool| {
            let command = AgentCommand::Connect { host: host.to_owned(), port: 2883 };
            let words = words(Escalation::None, "m", &["/p".to_owned()], "", &command);
            assert_eq!(words.is_ok(), accepted, "{host}");
        };
        check("metadb-1.example.net", true);
        check("fe80::1%eth0", true);
        check("", false);
        check("a b", false);
        check("$(reboot)", false);
        check("a'b", false);
    }
}
