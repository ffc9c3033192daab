//! Former runs, for people, newest first.

use jiff::Timestamp;
use omsctl_proto::RunResult;

use super::document::{HistoryDocument, RunDocument};
use super::table::{Cell, table};
use super::words;
use crate::out::{Paint, Style};

/// The text of `history`.
pub fn history_text(history: &HistoryDocument, style: Style) -> String {
    if history.runs.is_empty() {
        return "There are no runs yet.\n".to_owned();
    }
    let rows: Vec<Vec<Cell>> = history.runs.iter().map(row).collect();
    table(&["RUN", "STARTED (UTC)", "TOOK", "RESULT", "COMMAND"], &rows, style)
}

fn row(run: &RunDocument) -> Vec<Cell> {
    let (word, paint) = result_words(run.result);
    vec![
        Cell::new(run.run.as_str()),
        Cell::new(minute(&run.started)),
        Cell::new(took(run).unwrap_or_else(|| "-".to_owned())),
        Cell::painted(word, paint),
        Cell::new(run.command.as_str()),
    ]
}

/// `2026-11-22 17:40:00` of an RFC 3339 time.
fn minute(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

fn took(run: &RunDocument) -> Option<String> {
    let started: Timestamp = run.started.parse().ok()?;
    let finished: Timestamp = run.finished.as_ref()?.parse().ok()?;
    let milliseconds = finished.as_millisecond().checked_sub(started.as_millisecond())?;
    u64::try_from(milliseconds).ok().map(words::duration)
}

fn result_words(result: Option<RunResult>) -> (&'static str, Paint) {
    match result {
        Some(RunResult::Done) => ("done", Paint::Good),
        Some(RunResult::Unchanged) => ("nothing to do", Paint::Good),
        Some(RunResult::Failed) => ("failed", Paint::Bad),
        Some(RunResult::Refused) => ("refused", Paint::Warning),
        Some(RunResult::Unreachable) => ("host unreachable", Paint::Warning),
        Some(RunResult::Busy) => ("hosts were busy", Paint::Warning),
        Some(RunResult::Interrupted) => ("interrupted", Paint::Warning),
        None => ("not finished", Paint::Faint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    #[test]
    fn a_run_has_one_line() {
        let run = |finished: Option<&str>, result| RunDocument {
            run: fixtures::run(),
            command: "omsctl apply --yes".to_owned(),
            started: "2026-11-22T17:40:00.000Z".to_owned(),
            finished: finished.map(str::to_owned),
            result,
        };
        let runs = vec![
            run(None, None),
            run(Some("2026-11-22T17:43:12.400Z"), Some(RunResult::Failed)),
            run(Some("garbage"), Some(RunResult::Done)),
        ];
        assert_eq!(
            history_text(&HistoryDocument { runs }, Style::PLAIN),
            "\
RUN                     STARTED (UTC)        TOOK        RESULT        COMMAND
20261122t174000-3f9a2c  2026-11-22 17:40:00  -           not finished  omsctl apply --yes
20261122t174000-3f9a2c  2026-11-22 17:40:00  3 min 12 s  failed        omsctl apply --yes
20261122t174000-3f9a2c  2026-11-22 17:40:00  -           done          omsctl apply --yes
"
        );
        assert_eq!(history_text(&HistoryDocument { runs: vec![] }, Style::PLAIN), "There are no runs yet.\n");
    }
}
