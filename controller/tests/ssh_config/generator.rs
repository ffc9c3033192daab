//! Makes cases: a configuration with its includes, a host, options, variables. Mostly valid, and nasty.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::Tally;
use super::original::version;
use super::values::{self, HOSTS};
use super::writing::{ending, keyword, nothing, often, one_of, word};

/// One question to both.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    /// Path to text; the first is the one that is asked about.
    pub files: Vec<(PathBuf, String)>,
    pub host: String,
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
    /// Where the commands of `Match exec` leave their traces.
    pub log: PathBuf,
    /// What occurs in it.
    pub features: Tally,
}

struct Writer<'a> {
    rng: Rng,
    folder: &'a Path,
    home: &'a Path,
    case: Case,
    /// Of 100 values so many are wrong.
    wrong: u32,
    /// Before OpenSSH 9.6 `%C` was another where there is a jump.
    jumps: bool,
}

/// The case of a seed. Its files are to be written below `folder`.
pub(crate) fn case(seed: u64, folder: &Path, home: &Path) -> Case {
    let mut rng = Rng::with_seed(seed);
    let host = one_of(&mut rng, &HOSTS).to_owned();
    let wrong = if often(&mut rng, 12) { 12 } else { 0 };
    let mut environment: BTreeMap<String, String> =
        [("PATH", "/usr/bin:/bin"), ("MARK", "mark"), ("EMPTY", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    if often(&mut rng, 30) {
        environment.insert("SHELL".to_owned(), "/bin/sh".to_owned());
    }
    let case = Case { host, environment, log: folder.join("log"), ..Case::default() };
    let jumps = version() >= (9, 6) || often(&mut rng, 50);
    let mut writer = Writer { rng, folder, home, case, wrong, jumps };
    writer.arguments();
    let name = folder.join("config");
    let text = writer.file(0);
    writer.case.files.insert(0, (name, text));
    writer.case
}

impl Writer<'_> {
    fn occurs(&mut self, feature: &'static str) {
        *self.case.features.entry(feature).or_default() += 1;
    }

    fn wrong(&mut self) -> bool {
        let wrong = often(&mut self.rng, self.wrong);
        if wrong {
            self.occurs("a wrong value");
        }
        wrong
    }

    fn arguments(&mut self) {
        if !often(&mut self.rng, 30) {
            return;
        }
        self.occurs("options");
        for _ in 0..=self.rng.usize(..3) {
            let jumped = self.case.arguments.iter().any(|word| word == "-J" || word.contains("roxy"));
            let mut add =
                |words: &[&str]| self.case.arguments.extend(words.iter().map(|word| (*word).to_owned()));
            match self.rng.u8(..9) {
                0 => add(&["-p", one_of(&mut self.rng, &["2200", "22", "0022"])]),
                1 => add(&["-l", one_of(&mut self.rng, &["root", "ann"])]),
                2 => add(&["-i", one_of(&mut self.rng, &["/etc/passwd", "/no/such/file", "/etc/group"])]),
                3 => add(&[one_of(&mut self.rng, &["-4", "-6", "-C", "-v", "-T", "-N"])]),
                4 if self.jumps && !jumped => add(&["-J", "cli@jump:7"]),
                _ => {
                    let line = self.setting();
                    self.case.arguments.extend(["-o".to_owned(), line.replace(['\n', '\r'], "")]);
                }
            }
        }
    }

    fn file(&mut self, depth: usize) -> String {
        let mut text = String::new();
        for _ in 0..=self.rng.usize(..if depth == 0 { 8 } else { 3 }) {
            match self.rng.u8(..12) {
                0 => text.push_str(nothing(&mut self.rng)),
                1 => text.push_str(&self.setting()),
                2..=5 => text.push_str(&self.host_block()),
                6..=9 => text.push_str(&self.match_block()),
                _ if depth < 3 => text.push_str(&self.include(depth)),
                _ => text.push_str(&self.setting()),
            }
            text.push('\n');
            for _ in 0..self.rng.usize(..4) {
                text.push_str(&self.setting());
                text.push('\n');
            }
        }
        if often(&mut self.rng, 10) {
            text.pop();
        }
        text
    }

    fn host_block(&mut self) -> String {
        self.occurs("Host");
        let patterns = if self.wrong() {
            vec![String::new()]
        } else {
            values::patterns(&mut self.rng, &self.case.host.clone())
        };
        if patterns.iter().any(|pattern| pattern.starts_with('!')) {
            self.occurs("a negated pattern");
        }
        let words: Vec<String> = patterns.iter().map(|pattern| word(&mut self.rng, pattern)).collect();
        format!("{}{}{}", keyword(&mut self.rng, "Host"), words.join(" "), ending(&mut self.rng))
    }

    fn match_block(&mut self) -> String {
        self.occurs("Match");
        let start = keyword(&mut self.rng, "Match").replace('"', "");
        if often(&mut self.rng, 10) {
            self.occurs("Match all");
            let all =
                one_of(&mut self.rng, &["all", "ALL", "!all", "canonical all", "final all", "all # why"]);
            return format!("{start}{all}");
        }
        let log = self.case.log.display().to_string();
        let mut conditions = Vec::new();
        for _ in 0..=self.rng.usize(..3) {
            let wrong = self.wrong();
            let host = self.case.host.clone();
            let condition = values::condition(&mut self.rng, &host, &log, wrong);
            for (text, feature) in
                [("exec", "Match exec"), ("inal", "Match final"), ("originalhost", "Match originalhost")]
            {
                if condition.contains(text) {
                    self.occurs(feature);
                }
            }
            conditions.push(condition);
        }
        format!("{start}{}", conditions.join(one_of(&mut self.rng, &[" ", "  ", "\t"])))
    }

    fn include(&mut self, depth: usize) -> String {
        self.occurs("Include");
        let number = self.case.files.len();
        let folder = format!("d{}", self.rng.u8(..3));
        let name = self
            .folder
            .join(&folder)
            .join(format!("{}{number}.conf", one_of(&mut self.rng, &["a", "b", ".h", "c"])));
        // Its place in the list is taken before the files that it includes.
        self.case.files.push((name.clone(), String::new()));
        let text = self.file(depth + 1);
        self.case.files[number].1 = text;
        let absolute = self.folder.join(&folder);
        let up = "../".repeat(self.home.components().count());
        let base = match self.rng.u8(..3) {
            0 => {
                self.occurs("Include below ~/.ssh");
                format!("{up}{}", absolute.display().to_string().trim_start_matches('/'))
            }
            1 => format!("~/{up}{}", absolute.display().to_string().trim_start_matches('/'))
                .replacen("../", "", 1),
            _ => absolute.display().to_string(),
        };
        let pattern = match self.rng.u8(..6) {
            0 => format!("{base}/*"),
            1 => format!("{base}/[a-b]*.conf"),
            2 => format!("{base}/?{number}.conf"),
            3 => format!("{base}/*.none"),
            4 => format!("{base}/[!b]*"),
            _ => format!("{base}/{}", name.file_name().unwrap_or_default().to_string_lossy()),
        };
        if pattern.contains(['*', '?']) {
            self.occurs("Include with wildcards");
        }
        format!(
            "{}{}{}",
            keyword(&mut self.rng, "Include"),
            word(&mut self.rng, &pattern),
            ending(&mut self.rng)
        )
    }

    /// One setting on one line.
    fn setting(&mut self) -> String {
        let (wrong, jumps) = (self.wrong(), self.jumps);
        let rng = &mut self.rng;
        let (name, value, feature): (&str, String, &'static str) = match rng.u8(..32) {
            0..=1 => ("User", one_of(rng, &values::USERS).to_owned(), "User"),
            2..=4 => ("HostName", values::host_name(rng, wrong).to_owned(), "HostName"),
            5..=7 => ("IdentityFile", one_file(rng, jumps), "IdentityFile"),
            8 => ("CertificateFile", one_file(rng, jumps), "CertificateFile"),
            9..=10 => return self.several("UserKnownHostsFile", wrong),
            11 => return self.several("GlobalKnownHostsFile", wrong),
            12..=13 if self.jumps => {
                return self.raw("ProxyJump", &values::jump(&mut self.rng.clone(), wrong));
            }
            12..=14 => return self.raw("ProxyCommand", values::command(&mut self.rng.clone())),
            15 => ("IdentityAgent", agent(rng, wrong), "IdentityAgent"),
            16..=17 => {
                let (name, value) = values::algorithms(rng, wrong);
                (name, value, "algorithms")
            }
            18 => return self.unknown(wrong),
            19 if version() >= (9, 4) => ("Tag", one_of(rng, &["blue", "red"]).to_owned(), "Tag"),
            _ => {
                let (name, value) = values::single(rng, wrong);
                let feature =
                    if name.ends_with("Interval") || name.ends_with("Timeout") { "a time" } else { "a word" };
                let line = format!("{}{value}{}", keyword(&mut self.rng, name), ending(&mut self.rng));
                self.occurs(feature);
                return line;
            }
        };
        let line = format!(
            "{}{}{}",
            keyword(&mut self.rng, name),
            word(&mut self.rng, &value),
            ending(&mut self.rng)
        );
        self.occurs(feature);
        if value.contains('%') || value.contains("${") {
            self.occurs("a token");
        }
        line
    }

    fn several(&mut self, name: &'static str, wrong: bool) -> String {
        self.occurs(name);
        let mut files: Vec<String> =
            (0..=self.rng.usize(..3)).map(|_| values::path(&mut self.rng, self.jumps)).collect();
        if name == "GlobalKnownHostsFile" {
            // Tokens stay as they are there.
            files.retain(|file| !file.contains('"'));
        }
        if often(&mut self.rng, 12) {
            files = vec!["none".to_owned()];
        }
        if wrong {
            files.push(
                one_of(&mut self.rng, &["", "none", "~no-such-user/k", "%Z", "${NOT_SET}", "${"]).to_owned(),
            );
        }
        let words: Vec<String> = files.iter().map(|file| word(&mut self.rng, file)).collect();
        let words = if words.is_empty() { "x".to_owned() } else { words.join(" ") };
        format!("{}{words}{}", keyword(&mut self.rng, name), ending(&mut self.rng))
    }

    /// A value that goes to the end of the line.
    fn raw(&mut self, name: &'static str, value: &str) -> String {
        self.rng.u8(..);
        self.occurs(name);
        if value.matches(',').count() > 0 {
            self.occurs("several jumps");
        }
        format!("{}{value}", keyword(&mut self.rng, name))
    }

    fn unknown(&mut self, wrong: bool) -> String {
        self.occurs("IgnoreUnknown");
        match self.rng.u8(..3) {
            0 if wrong => "Nonsense 7".to_owned(),
            0 => "IgnoreUnknown Use*,!UseBad\nUseKeychain yes".to_owned(),
            1 if wrong => "IgnoreUnknown Use*,!UseBad\nUseBad yes".to_owned(),
            1 => "IgnoreUnknown ADDKEY*".to_owned(),
            _ => one_of(
                &mut self.rng,
                &["Protocol 2", "UseRoaming no", "RSAAuthentication yes", "CompressionLevel 6"],
            )
            .to_owned(),
        }
    }
}

fn one_file(rng: &mut Rng, jumps: bool) -> String {
    if often(rng, 8) { "none".to_owned() } else { values::path(rng, jumps) }
}

fn agent(rng: &mut Rng, wrong: bool) -> String {
    let choices: &[&str] = if wrong {
        &["${NOT_SET}", "$a-b", "%Z", "${}", "~no-such-user/x"]
    } else {
        &[
            "none",
            "SSH_AUTH_SOCK",
            "$MARK",
            "$NOT_SET",
            "${MARK}/agent",
            "~/agent",
            "/run/%i/agent.%r",
            "%d/%h",
        ]
    };
    one_of(rng, choices).to_owned()
}
