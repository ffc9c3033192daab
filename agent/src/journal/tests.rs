//! Numbers, durability and repair of the event file.

use std::io::Write;

use omsctl_proto::{EventKind, NodeName, RunId, StepId, Unit};

use super::{Journal, JournalError, read};

fn open(folder: &tempfile::TempDir) -> Result<Journal, JournalError> {
    let path = folder.path().join("events.jsonl");
    Journal::open(path, RunId::new("r-1").unwrap(), NodeName::new("n1").unwrap())
}

fn warning(message: &str) -> EventKind {
    EventKind::StepWarning { step: StepId::LoadImage, message: message.to_owned() }
}

fn numbers(folder: &tempfile::TempDir) -> Vec<u64> {
    read(&folder.path().join("events.jsonl")).unwrap().iter().map(|event| event.seq).collect()
}

#[tokio::test]
async fn numbers_have_no_gap_over_restarts_and_incarnations_differ() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&folder).unwrap();
    first.tell(warning("a")).unwrap();
    first.tell(warning("b")).unwrap();
    drop(first);
    let second = open(&folder).unwrap();
    second.tell(warning("c")).unwrap();
    assert_eq!(numbers(&folder), [1, 2, 3]);
    let events = second.events();
    assert_eq!(events[0].boot, events[1].boot);
    assert_ne!(events[1].boot, events[2].boot);
    assert_eq!(second.after(2).unwrap().seq, 3);
    assert!(second.after(3).is_none());
}

#[tokio::test]
async fn a_torn_last_line_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder).unwrap().tell(warning("a")).unwrap();
    let path = folder.path().join("events.jsonl");
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"v\":1,\"run\":\"r-1\",\"no").unwrap();
    assert_eq!(numbers(&folder), [1]);
    open(&folder).unwrap().tell(warning("b")).unwrap();
    assert_eq!(numbers(&folder), [1, 2]);
}

#[tokio::test]
async fn a_gap_is_damage_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder).unwrap();
    for message in ["a", "b", "c"] {
        journal.tell(warning(message)).unwrap();
    }
    let path = folder.path().join("events.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let without: Vec<&str> =
        text.lines().enumerate().filter(|(index, _)| *index != 1).map(|(_, line)| line).collect();
    std::fs::write(&path, without.join("\n") + "\n").unwrap();
    assert!(matches!(open(&folder), Err(JournalError::Damaged { line: 2, .. })));
}

#[tokio::test]
async fn lossy_events_pass_by_and_nothing_follows_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder).unwrap();
    let mut passing = journal.passing();
    journal.tell(warning("a")).unwrap();
    let progress =
        EventKind::StepProgress { step: StepId::LoadImage, current: 1, total: None, unit: Unit::Bytes };
    journal.tell(progress).unwrap();
    let (base, event) = passing.try_recv().unwrap();
    assert_eq!((base, event.seq), (1, 0));
    journal.tell(EventKind::NodeDone { changed: true }).unwrap();
    assert!(matches!(journal.tell(warning("late")), Err(JournalError::Ended)));
    assert_eq!(numbers(&folder), [1, 2]);
    assert_eq!(journal.terminal(), Some(2));
    assert!(!folder.path().join("reserve").exists());
}
