//! The results of checks for people: what failed first, each with its remedy, equal results told once.

use std::collections::BTreeMap;

use omsctl_proto::{CheckResult, CheckStatus, NodeName};

use super::document::passed;
use super::words;
use crate::out::{Paint, Style};

/// The text of `check`, and of an `apply` that stops at a check.
pub fn check_text(checks: &[CheckResult], style: Style) -> String {
    let mut text = check_blocks(checks, style);
    text.push_str(&passes(checks, style));
    text.push_str(&last_line(checks, style));
    text
}

/// What did not pass, worst first, equal ones once with their hosts.
pub(super) fn check_blocks(checks: &[CheckResult], style: Style) -> String {
    let mut text = String::new();
    for status in [CheckStatus::Fail, CheckStatus::Unknown, CheckStatus::Warn] {
        for trouble in folded(checks, status) {
            text.push_str(&trouble.text(style));
        }
    }
    text
}

type Place<'a> = Option<&'a NodeName>;

/// One trouble, on all the hosts that have it: they differ in nothing but what was found, a number for instance.
struct Trouble<'a> {
    check: &'a CheckResult,
    hosts: Vec<Place<'a>>,
    found: Vec<(&'a str, Vec<Place<'a>>)>,
}

fn folded(checks: &[CheckResult], status: CheckStatus) -> Vec<Trouble<'_>> {
    let mut folded: Vec<Trouble<'_>> = Vec::new();
    for check in checks.iter().filter(|check| check.status == status) {
        let host = check.node.as_ref();
        let same = |other: &CheckResult| {
            (&other.name, &other.expected, &other.fix) == (&check.name, &check.expected, &check.fix)
        };
        match folded.iter_mut().find(|trouble| same(trouble.check)) {
            Some(trouble) => trouble.add(&check.found, host),
            None => {
                folded.push(Trouble { check, hosts: vec![host], found: vec![(&check.found, vec![host])] });
            }
        }
    }
    folded
}

impl<'a> Trouble<'a> {
    fn add(&mut self, found: &'a str, host: Place<'a>) {
        // A host with two disks has two rows of one name.
        if !self.hosts.contains(&host) {
            self.hosts.push(host);
        }
        match self.found.iter_mut().find(|(other, _)| *other == found) {
            Some((_, hosts)) => hosts.push(host),
            None => self.found.push((found, vec![host])),
        }
    }

    fn text(&self, style: Style) -> String {
        let check = self.check;
        let (word, paint) = match check.status {
            CheckStatus::Fail => ("failed", Paint::Bad),
            CheckStatus::Unknown => ("unknown", Paint::Bad),
            CheckStatus::Warn => ("warning", Paint::Warning),
            CheckStatus::Pass => ("passed", Paint::Good),
        };
        let gap = " ".repeat(9 - word.len());
        let mut text = format!("{}{gap}{} on {}\n", style.paint(paint, word), check.name, place(&self.hosts));
        labelled(&mut text, "expected", &check.expected);
        if let [(found, _)] = self.found.as_slice() {
            labelled(&mut text, "found", found);
        } else {
            for (at, (found, hosts)) in self.found.iter().enumerate() {
                let label = if at == 0 { "found" } else { "" };
                labelled(&mut text, label, &format!("{}: {found}", place(hosts)));
            }
        }
        labelled(&mut text, "to do", &check.fix);
        text
    }
}

fn place(hosts: &[Place<'_>]) -> String {
    let names: Vec<&str> =
        hosts.iter().map(|host| host.map_or("the whole cluster", NodeName::as_str)).collect();
    words::list(&names)
}

fn labelled(text: &mut String, label: &str, value: &str) {
    if !value.is_empty() {
        words::add_line(text, &format!("         {label:<8}  {}", words::clean(value)));
    }
}

/// One line per check that passed, with the number of hosts.
fn passes(checks: &[CheckResult], style: Style) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut hosts: BTreeMap<&str, usize> = BTreeMap::new();
    for check in checks.iter().filter(|check| check.status == CheckStatus::Pass) {
        if !names.contains(&check.name.as_str()) {
            names.push(&check.name);
        }
        *hosts.entry(&check.name).or_default() += usize::from(check.node.is_some());
    }
    let word = style.paint(Paint::Good, "passed");
    let line = |name: &&str| match hosts.get(name).copied().unwrap_or(0) {
        0 => format!("{word}   {name}\n"),
        number => format!("{word}   {name} on {}\n", words::count(number, "host")),
    };
    names.iter().map(line).collect()
}

fn last_line(checks: &[CheckResult], style: Style) -> String {
    let number = |status| checks.iter().filter(|check| check.status == status).count();
    let all = words::count(checks.len(), "check");
    let bad = number(CheckStatus::Fail) + number(CheckStatus::Unknown);
    let warnings = match number(CheckStatus::Warn) {
        0 => String::new(),
        number => format!(", {}", words::count(number, "warning")),
    };
    let (paint, line) = if passed(checks) {
        (Paint::Good, format!("passed: {all}{warnings}"))
    } else {
        (Paint::Bad, format!("failed: {bad} of {all}{warnings}"))
    };
    format!("{}\n", style.paint(paint, &line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures::check;

    #[test]
    fn failures_come_first_and_equal_ones_once() {
        let down = ["Docker answers", "Cannot connect to the Docker daemon", "Run: systemctl start docker"];
        let checks = [
            check(Some("n1"), "docker", CheckStatus::Pass, ["Docker answers", "24.0.7", ""]),
            check(Some("n1"), "memory", CheckStatus::Warn, ["64 GB", "4 GB", ""]),
            check(Some("n2"), "docker", CheckStatus::Fail, down),
            check(Some("n3"), "docker", CheckStatus::Fail, down),
            check(None, "metadb", CheckStatus::Unknown, ["a cluster of ours", "no answer", "Open the port."]),
            check(Some("n1"), "ports", CheckStatus::Pass, ["free", "free", ""]),
            check(Some("n2"), "ports", CheckStatus::Pass, ["free", "free", ""]),
        ];
        assert_eq!(
            check_text(&checks, Style::PLAIN),
            "\
failed   docker on n2 and n3
         expected  Docker answers
         found     Cannot connect to the Docker daemon
         to do     Run: systemctl start docker
unknown  metadb on the whole cluster
         expected  a cluster of ours
         found     no answer
         to do     Open the port.
warning  memory on n1
         expected  64 GB
         found     4 GB
passed   docker on 1 host
passed   ports on 2 hosts
failed: 3 of 7 checks, 1 warning
"
        );
    }

    #[test]
    fn what_differs_only_in_a_number_is_one_trouble_and_keeps_each_number() {
        let free =
            |host, found| check(Some(host), "disk", CheckStatus::Warn, ["50 GiB", found, "Make room."]);
        let checks = [
            free("n1", "20 GiB free"),
            free("n2", "21 GiB free"),
            free("n3", "20 GiB free"),
            free("n3", "8 GiB free"),
            check(Some("n4"), "disk", CheckStatus::Warn, ["90 GiB", "20 GiB free", "Make room."]),
        ];
        assert_eq!(
            check_text(&checks, Style::PLAIN),
            "\
warning  disk on n1, n2 and n3
         expected  50 GiB
         found     n1 and n3: 20 GiB free
                   n2: 21 GiB free
                   n3: 8 GiB free
         to do     Make room.
warning  disk on n4
         expected  90 GiB
         found     20 GiB free
         to do     Make room.
passed: 5 checks, 5 warnings
"
        );
    }

    #[test]
    fn passing_says_so_at_the_end() {
        let checks = [check(Some("n1"), "docker", CheckStatus::Pass, ["", "", ""])];
        assert_eq!(check_text(&checks, Style::PLAIN), "passed   docker on 1 host\npassed: 1 check\n");
    }
}
