//! The original: the machine's OpenSSH.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What `ssh -G` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Keyword to values, in their order.
    Listed(BTreeMap<String, Vec<String>>),
    /// What it said on stderr.
    Refused(String),
}

/// The version of the machine's OpenSSH: what it does not know is not generated.
pub(crate) fn version() -> (u32, u32) {
    static VERSION: OnceLock<(u32, u32)> = OnceLock::new();
    *VERSION.get_or_init(|| {
        let output = Command::new("ssh").arg("-V").output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let number = text.strip_prefix("OpenSSH_").and_then(|rest| rest.split(['p', ',']).next()).unwrap();
        let (major, minor) = number.split_once('.').unwrap();
        (major.parse().unwrap(), minor.parse().unwrap())
    })
}

/// Whether `ProxyJump none` keeps a later `ProxyCommand` from counting, as the manual says: it did until the update of
/// 2026 for CVE-2026-35386.
pub(crate) fn none_is_a_jump() -> bool {
    static HOLDS: OnceLock<bool> = OnceLock::new();
    *HOLDS.get_or_init(|| {
        let options = ["-oProxyJump=none", "-oProxyCommand=x"].map(str::to_owned);
        let answer = listing(Path::new("none"), &options, "h", &BTreeMap::new());
        matches!(answer, Answer::Listed(values) if !values.contains_key("proxycommand"))
    })
}

/// Asks `ssh -G` with nothing in its environment but the case's variables.
pub(crate) fn listing(
    file: &Path,
    arguments: &[String],
    host: &str,
    environment: &BTreeMap<String, String>,
) -> Answer {
    let mut command = Command::new("ssh");
    command.arg("-G").arg("-F").arg(file).args(arguments).arg("--").arg(host);
    command.env_clear().envs(environment).stdin(Stdio::null());
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    // OpenSSH 9 calls a list of algorithms invalid and goes on as if there were none; omsctl refuses it.
    if !output.status.success() || stderr.contains("fill_default_options: ") {
        return Answer::Refused(stderr);
    }
    let stdout = String::from_utf8(output.stdout).unwrap();
    let mut listed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in stdout.lines() {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        listed.entry(keyword.to_owned()).or_default().push(value.to_owned());
    }
    Answer::Listed(listed)
}

/// The lines of the file that `ssh-keygen -F` finds for the name, among those with a key that it can read.
pub(crate) fn known_lines(file: &Path, name: &str) -> Vec<usize> {
    let mut command = Command::new("ssh-keygen");
    let output = command.args(["-l", "-F", name, "-f"]).arg(file).stdin(Stdio::null()).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |text: &str| {
        let after = text.strip_prefix("# Host ")?.rsplit_once("found: line ")?.1;
        after.split(' ').next()?.parse().ok()
    };
    stdout.lines().filter_map(line).collect()
}
