//! Where bytes of others come in, each as one function: a hostile agent, a hostile controller, files that somebody else
//! wrote. The suite beside it and the fuzz targets share them. A broken promise ends in a panic.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use omsctl_agent::fakes::{FakeMachine, Judge};
use omsctl_controller::out::{Out, Style};
use omsctl_controller::report::{self, ApplyDocument, JsonLines, Lines, Tally, Telling, summary};
use omsctl_controller::rollout::{FromAgent, Session};
use omsctl_inventory::{Sources, parse_existing_config};
use omsctl_proto::{
    CheckResult, CheckStatus, ErrorCode, ErrorReport, Event, EventKind, FrameError, Hello, NodeName,
    NodeOutcome, NodeResult, RunResult, Secret, ToAgent, ToController, read_frame, write_frame,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt;

/// Time is simulated: what waits for 24 hours does so at once.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(future)
}

/// All frames that the bytes hold. What was understood is written and understood again; why the reading ended.
pub(crate) fn frames<T>(bytes: &[u8]) -> Option<FrameError>
where
    T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug + Sync,
{
    run(async {
        let mut rest = bytes;
        loop {
            match read_frame::<T, _>(&mut rest).await {
                Ok(Some(message)) => {
                    let mut wire = Vec::new();
                    match write_frame(&mut wire, &message).await {
                        // Escapes can be longer than what they stand for.
                        Err(FrameError::Oversized(_)) => continue,
                        written => written.expect("what was read can be written"),
                    }
                    let again: Option<T> = read_frame(&mut wire.as_slice()).await.expect("and read again");
                    assert_eq!(again, Some(message));
                }
                Ok(None) => return None,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    return Some(error);
                }
            }
        }
    })
}

/// An agent's session with a controller that says this after its hello; how it ended.
pub(crate) fn agent(bytes: &[u8]) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    run(async {
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        let machine = FakeMachine::new("n1", address, folder.path(), &Judge::default());
        let mut input = Vec::new();
        write_frame(&mut input, &ToAgent::Hello(Hello::new("0", 0))).await.expect("a hello");
        input.extend_from_slice(bytes);
        let ended = omsctl_agent::session(input.as_slice(), tokio::io::sink(), machine.world()).await;
        machine.daemons.kill();
        ended.map_err(|error| ErrorReport::from_error(ErrorCode::Protocol, &error).one_line())
    })
}

/// What a controller was told, and what it made of it.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) events: usize,
    /// Why its only question has no answer.
    pub(crate) answer: Option<ErrorReport>,
    /// Everything that an operator would see.
    pub(crate) told: String,
}

/// A controller's session with an agent that says this after its hello.
pub(crate) fn controller(bytes: &[u8]) -> Heard {
    run(async {
        let name = NodeName::new("n1").expect("a name");
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let hello = ToController::Hello(Hello::new("0", 0));
        let bytes = bytes.to_vec();
        let agent = tokio::spawn(async move {
            write_frame(&mut theirs, &hello).await.expect("a hello");
            // The controller leaves when it has heard enough.
            let _ = theirs.write_all(&bytes).await;
            let _ = theirs.shutdown().await;
        });
        let mut session = Session::open(name.clone(), Box::new(ours), 0).await.expect("a session");
        let mut screen = Screen::new(name);
        let answer = session.left().await.map(|_| ());
        while let Some(word) = session.inbox.recv().await {
            screen.hear(word);
        }
        agent.await.expect("the agent's part");
        screen.end(answer.err())
    })
}

/// What an operator sees of one host: lines as they come, then check, summary and document.
struct Screen {
    name: NodeName,
    tally: Tally,
    lines: Lines,
    json: JsonLines,
    seen: Memory,
    streamed: Memory,
    events: usize,
    last: Option<Event>,
    error: Option<ErrorReport>,
}

impl Screen {
    fn new(name: NodeName) -> Self {
        let (seen, streamed) = (Memory::default(), Memory::default());
        Self {
            name,
            tally: Tally::default(),
            lines: Lines::new(Box::new(seen.clone()), Style::PLAIN, Telling::Replay),
            json: JsonLines::new(Box::new(streamed.clone())),
            seen,
            streamed,
            events: 0,
            last: None,
            error: None,
        }
    }

    fn hear(&mut self, word: FromAgent) {
        let FromAgent::Event(event) = word else { return };
        // As the walk of a host does: the connection says who speaks.
        let event = Event { node: Some(self.name.clone()), ..*event };
        if let EventKind::NodeFailed { error, .. } | EventKind::NodeUnknown { error } = &event.kind {
            self.error = Some(error.clone());
        }
        self.show(event);
    }

    fn show(&mut self, event: Event) {
        self.events += 1;
        self.tally.add(&event);
        self.lines.on_event(&event).expect("memory takes everything");
        self.json.on_event(&event).expect("memory takes everything");
        self.last = Some(event);
    }

    /// The controller's own last words about the host, with what the host said in them.
    fn end(mut self, answer: Option<ErrorReport>) -> Heard {
        let found = answer.as_ref().map(ErrorReport::one_line).unwrap_or_default();
        let check = CheckResult {
            node: Some(self.name.clone()),
            name: "docker".to_owned(),
            status: CheckStatus::Unknown,
            expected: String::new(),
            found,
            fix: answer.as_ref().and_then(|error| error.hint.clone()).unwrap_or_default(),
        };
        let events = self.events;
        if let Some(last) = self.last.take() {
            let result = if self.error.is_some() { NodeResult::Failed } else { NodeResult::Waiting };
            let nodes = vec![NodeOutcome { node: self.name.clone(), result, error: self.error.take() }];
            let ended = |seq, kind| Event { node: None, seq, kind, ..last.clone() };
            self.show(ended(1, EventKind::Check { check: check.clone() }));
            let (result, exit, consoles) = (RunResult::Failed, 1, Vec::new());
            self.show(ended(
                2,
                EventKind::RolloutFinished { result, exit, nodes, consoles, ha_enabled: false },
            ));
        }
        let mut told = self.seen.text();
        told.push_str(&summary(&self.tally, Style::PLAIN));
        told.push_str(&report::check_text(&[check], Style::PLAIN));
        let (out, written) = Out::in_memory();
        out.document(&ApplyDocument::of(&self.tally)).expect("memory takes everything");
        if let Some(error) = &answer {
            out.message(&error.one_line());
        }
        told.push_str(&written.stdout());
        told.push_str(&written.stderr());
        told.push_str(&self.streamed.text());
        for character in told.chars() {
            assert!(
                character == '\n' || !character.is_control(),
                "{character:?} reaches the terminal: {told:?}"
            );
        }
        for line in self.streamed.text().lines() {
            let _: Event = serde_json::from_str(line).expect("every line of --format jsonl is an event");
        }
        Heard { events, answer, told }
    }
}

/// A stream that is kept.
#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).expect("UTF-8")
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A `config.yaml` that a host has already; what is wrong with it.
pub(crate) fn existing_config(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let _ = omsctl_inventory::mask(text);
    parse_existing_config(text).err().map(|error| error.to_string())
}

/// The operator's files, each with these bytes in its turn, and `--limit`; every problem that is told.
pub(crate) fn operators_files(bytes: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("group_vars")).expect("a folder");
    let plain: [(&str, &[u8]); 5] = [
        ("inventory.ini", b"n1 ansible_host=10.0.0.1\n"),
        ("inventory.yml", b"all: {hosts: {n1: {ansible_host: 10.0.0.1}}}\n"),
        ("config.yaml", b"oms_meta_host: 10.0.0.9\n"),
        ("variables", b"NAME=value\n"),
        ("group_vars/all", b"a: 1\n"),
    ];
    let digits = bytes.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    let vault = "$ANSIBLE_VAULT;1.1;AES256\n";
    let hostile: [(&str, Vec<u8>); 9] = [
        ("inventory.ini", bytes.to_vec()),
        ("inventory.yml", bytes.to_vec()),
        ("config.yaml", bytes.to_vec()),
        ("variables", bytes.to_vec()),
        ("group_vars/all", bytes.to_vec()),
        // A literal of Python.
        ("inventory.ini", [b"n1 ansible_host=10.0.0.1\n[all:vars]\nansible_user=", bytes].concat()),
        // What Ansible Vault encrypted: its lines, what the lines say, and the same as a value that is used.
        ("group_vars/all", [vault.as_bytes(), bytes].concat()),
        ("group_vars/all", format!("{vault}{digits}\n").into_bytes()),
        ("group_vars/all", format!("ansible_user: !vault |\n  {vault}  {digits}\n").into_bytes()),
    ];
    let mut problems = Vec::new();
    for (file, text) in &hostile {
        for (file, text) in &plain {
            std::fs::write(folder.path().join(file), text).expect("a file");
        }
        std::fs::write(folder.path().join(file), text).expect("a file");
        let inventory = if *file == "inventory.yml" { "inventory.yml" } else { "inventory.ini" };
        problems.extend(problems_of(folder.path(), inventory, None));
    }
    for (file, text) in &plain {
        std::fs::write(folder.path().join(file), text).expect("a file");
    }
    let limit = String::from_utf8_lossy(bytes);
    problems.extend(problems_of(folder.path(), "inventory.ini", Some(&limit)));
    problems
}

fn problems_of(folder: &Path, inventory: &str, limit: Option<&str>) -> Vec<String> {
    let sources = Sources {
        inventories: vec![inventory.into()],
        config: "config.yaml".into(),
        env_file: Some("variables".into()),
        environment: BTreeMap::new(),
        limit: limit.map(str::to_owned),
        vault_passwords: vec![Secret::new("password")],
        working_directory: folder.to_owned(),
    };
    let problems = match omsctl_inventory::load(&sources) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems.0,
    };
    for problem in &problems {
        assert!(problem.file.is_some() || problem.line.is_none(), "a line of no file: {problem:?}");
        assert!(!problem.message.is_empty());
    }
    problems.iter().map(ToString::to_string).collect()
}
