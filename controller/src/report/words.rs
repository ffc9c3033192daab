//! The words for steps, gates, sizes and times, the same on every screen. Also makes text of others safe to print.

use omsctl_proto::{Gate, NodeName, StepId, Unit};

use super::agent_part::Progress;

/// What a step is doing: "loading the image".
pub(super) fn doing(step: StepId) -> &'static str {
    match step {
        StepId::MakeDirectories => "making directories",
        StepId::WriteCertificates => "writing certificates",
        StepId::WriteConfig => "writing config.yaml",
        StepId::LoadImage => "loading the image",
        StepId::CreateContainer => "creating the container",
        StepId::ReplaceContainer => "replacing the container",
        StepId::StartContainer => "starting the container",
        StepId::StopContainer => "stopping the container",
        StepId::RestoreContainer => "starting the former container",
        StepId::DumpDatabases => "dumping the databases",
        StepId::RestoreDatabases => "restoring the databases",
        StepId::RestartContainer => "restarting the container",
        StepId::RemoveContainers => "removing containers",
        StepId::RemoveData => "removing data",
        StepId::Initialise => "initialising OMS",
        StepId::ReloadConfig => "reloading the configuration",
        StepId::AwaitServices => "waiting for the services",
        StepId::ServeCertificate => "serving the certificate",
        StepId::ServeVirtualIp => "serving the virtual IP",
        StepId::WithdrawVirtualIp => "withdrawing the virtual IP",
        StepId::LoadTsdbImage => "loading the image of the time-series database",
        StepId::ServeTsdb => "serving the time-series database",
        StepId::AwaitHealthy => "waiting for health",
        StepId::Register => "looking for it in the MetaDB",
        StepId::Deregister => "taking it out of the MetaDB",
    }
}

/// What a step has done: "image loaded".
pub(super) fn did(step: StepId) -> &'static str {
    match step {
        StepId::MakeDirectories => "directories made",
        StepId::WriteCertificates => "certificates written",
        StepId::WriteConfig => "config.yaml written",
        StepId::LoadImage => "image loaded",
        StepId::CreateContainer => "container created and started",
        StepId::ReplaceContainer => "container replaced",
        StepId::StartContainer => "container started",
        StepId::StopContainer => "container stopped",
        StepId::RestoreContainer => "former container started",
        StepId::DumpDatabases => "databases dumped",
        StepId::RestoreDatabases => "databases restored",
        StepId::RestartContainer => "container restarted",
        StepId::RemoveContainers => "containers removed",
        StepId::RemoveData => "data removed",
        StepId::Initialise => "OMS initialised",
        StepId::ReloadConfig => "configuration reloaded",
        StepId::AwaitServices => "all services run",
        StepId::ServeCertificate => "certificate served",
        StepId::ServeVirtualIp => "virtual IP served",
        StepId::WithdrawVirtualIp => "virtual IP withdrawn",
        StepId::LoadTsdbImage => "image of the time-series database loaded",
        StepId::ServeTsdb => "time-series database served",
        StepId::AwaitHealthy => "healthy",
        StepId::Register => "registered in the MetaDB",
        StepId::Deregister => "taken out of the MetaDB",
    }
}

/// What is to be done, for a plan: "load the image".
pub(super) fn to_do(step: StepId) -> &'static str {
    match step {
        StepId::MakeDirectories => "make directories",
        StepId::WriteCertificates => "write certificates",
        StepId::WriteConfig => "write config.yaml",
        StepId::LoadImage => "load the image",
        StepId::CreateContainer => "create the container",
        StepId::ReplaceContainer => "replace the container",
        StepId::StartContainer => "start the container",
        StepId::StopContainer => "stop the container",
        StepId::RestoreContainer => "start the former container",
        StepId::DumpDatabases => "dump the databases",
        StepId::RestoreDatabases => "restore the databases",
        StepId::RestartContainer => "restart the container",
        StepId::RemoveContainers => "remove containers",
        StepId::RemoveData => "remove data",
        StepId::Initialise => "initialise OMS",
        StepId::ReloadConfig => "reload the configuration",
        StepId::AwaitServices => "wait for the services",
        StepId::ServeCertificate => "serve the certificate",
        StepId::ServeVirtualIp => "serve the virtual IP",
        StepId::WithdrawVirtualIp => "withdraw the virtual IP",
        StepId::LoadTsdbImage => "load the image of the time-series database",
        StepId::ServeTsdb => "serve the time-series database",
        StepId::AwaitHealthy => "wait for health",
        StepId::Register => "find it in the MetaDB",
        StepId::Deregister => "take it out of the MetaDB",
    }
}

/// What a host waits for, and for whom.
pub(super) fn waiting(gate: Gate, holder: Option<&NodeName>) -> String {
    match (gate, holder) {
        (Gate::Schema, Some(host)) => format!("waits for its turn: {host} is in the schema step"),
        (Gate::Schema, None) => "waits for its turn in the schema step".to_owned(),
        (Gate::Metadb, _) => "waits until the MetaDB is changed".to_owned(),
        (Gate::Password, _) => "waits until the MetaDB takes the new password".to_owned(),
        (Gate::Turn, Some(host)) => format!("waits for its turn: {host} is being changed"),
        (Gate::Turn, None) => "waits for its turn: others come first".to_owned(),
        (Gate::Stopped, _) => "waits until OMS is stopped on all hosts".to_owned(),
        (Gate::Databases, _) => "waits for all hosts and the databases".to_owned(),
    }
}

/// A number that says how far a step is: "1.2 of 3.4 GB", "9 of 12 services".
pub(super) fn progress(progress: &Progress) -> String {
    match (progress.unit, progress.total) {
        (Unit::Bytes, Some(total)) => bytes_of(progress.current, total),
        (Unit::Bytes, None) => bytes(progress.current),
        (Unit::Services, Some(total)) => format!("{} of {total} services", progress.current),
        (Unit::Services, None) => format!("{} services", progress.current),
        (Unit::Databases, Some(total)) => format!("{} of {total} databases", progress.current),
        (Unit::Databases, None) => format!("{} databases", progress.current),
        (Unit::InitSteps, Some(total)) => format!("part {} of {total}", progress.current),
        (Unit::InitSteps, None) => format!("part {}", progress.current),
    }
}

const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];

/// Decimal units, as disks and links are sold: "3.4 GB".
pub(super) fn bytes(count: u64) -> String {
    let (divisor, unit) = scale(count);
    format!("{} {unit}", in_units(count, divisor))
}

/// "1.2 of 3.4 GB": both in the unit of the larger.
pub(super) fn bytes_of(current: u64, total: u64) -> String {
    let (divisor, unit) = scale(total.max(current));
    format!("{} of {} {unit}", in_units(current, divisor), in_units(total, divisor))
}

fn scale(count: u64) -> (u64, &'static str) {
    let mut scale = (1, UNITS[0]);
    for unit in &UNITS[1..] {
        if count / scale.0 < 1000 {
            break;
        }
        scale = (scale.0 * 1000, unit);
    }
    scale
}

fn in_units(count: u64, divisor: u64) -> String {
    let tenths = count / (divisor / 10).max(1);
    if divisor == 1 { count.to_string() } else { format!("{}.{}", tenths / 10, tenths % 10) }
}

/// "0.9 s", "48 s", "3 min 12 s", "1 h 2 min".
pub(super) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..10 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Appends a line and its end.
pub(super) fn add_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// "1 host", "3 hosts".
pub(super) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// "node1", "node1 and node2", "node1, node2 and node3".
pub(super) fn list<T: ToString>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(T::to_string).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// Rows of at most `columns`, broken at spaces, the later ones indented; a longer word is cut.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split(' ') {
        let width = |row: &str| console::measure_text_width(row);
        let full = rows.last().is_some_and(|row| !row.is_empty() && width(row) + 1 + width(word) > columns);
        if full {
            rows.push(format!("  {word}"));
        } else if let Some(row) = rows.last_mut() {
            if !row.is_empty() {
                row.push(' ');
            }
            row.push_str(word);
        }
    }
    rows.iter().map(|row| console::truncate_str(row, columns, "").into_owned()).collect()
}

/// Text that somebody else wrote, on one line and without what could move a cursor or change a colour.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in console::strip_ansi_codes(text).chars() {
        if !character.is_control() {
            cleaned.push(character);
        } else if !cleaned.ends_with(' ') && !cleaned.is_empty() {
            cleaned.push(' ');
        }
    }
    cleaned.truncate(cleaned.trim_end().len());
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit_that_fits() {
        for (count, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (2_621_440, "2.6 MB"),
            (3_400_000_000, "3.4 GB"),
            (12_345_678_901_234, "12.3 TB"),
            (u64::MAX, "18446744.0 TB"),
        ] {
            assert_eq!(bytes(count), expected, "{count}");
        }
        assert_eq!(bytes_of(40_000_000, 3_400_000_000), "0.0 of 3.4 GB");
        assert_eq!(bytes_of(1_200_000_000, 3_400_000_000), "1.2 of 3.4 GB");
    }

    #[test]
    fn times_are_as_exact_as_they_matter() {
        for (milliseconds, expected) in [
            (0, "0.0 s"),
            (949, "0.9 s"),
            (9_999, "9.9 s"),
            (48_700, "48 s"),
            (192_000, "3 min 12 s"),
            (3_720_000, "1 h 2 min"),
        ] {
            assert_eq!(duration(milliseconds), expected);
        }
    }

    #[test]
    fn long_text_is_broken_at_spaces() {
        assert_eq!(wrap("one two three", 40), ["one two three"]);
        assert_eq!(wrap("one two three", 8), ["one two", "  three"]);
        assert_eq!(wrap("abcdefghijkl", 5), ["abcde"]);
    }

    #[test]
    fn text_of_others_cannot_move_the_cursor() {
        assert_eq!(clean("a\x1b[2J\x1b[31mred\x1b[0m\r\nb\u{7}\n"), "ared b");
    }

    #[test]
    fn lists_read_like_sentences() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(count(1, "host") + " " + &count(2, "step"), "1 host 2 steps");
    }
}
