//! Hostile input, the same at every run: hand-made cases and seeded mutations of valid input through the entrances that
//! the fuzz targets have too. Nothing panics, nothing takes memory without bound, and what is refused says what is wrong.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what is wrong by ending")]

mod archive;
mod entrances;
mod mutation;
mod relay;
mod samples;
mod ssh;

use std::sync::{Mutex, MutexGuard, PoisonError};

use entrances::{agent, controller, existing_config, frames, operators_files};
use omsctl_proto::{ErrorCode, FrameError, MAX_FRAME, MAX_SLICE, ToAgent, ToController};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;
/// Most of a case is the runtime, the samples and what one of them grows to.
const SMALL: usize = 8 * MIB;

/// One test at a time: the allocator counts for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// Counts from its making.
struct Measured {
    before: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Measured {
    fn begin() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        MEMORY.reset_peak_usage();
        Self { before: MEMORY.current_usage(), _alone: alone }
    }

    /// Bytes beyond what was there at the beginning, at the worst moment.
    fn peak(&self) -> usize {
        MEMORY.peak_usage().saturating_sub(self.before)
    }

    fn stays_below(&self, limit: usize) {
        assert!(self.peak() < limit, "{} of {limit} bytes", self.peak());
    }
}

/// A length, and a body that need not be so long.
fn announced(length: u32, body: &[u8]) -> Vec<u8> {
    [&length.to_be_bytes()[..], body].concat()
}

fn frame(body: &[u8]) -> Vec<u8> {
    announced(u32::try_from(body.len()).unwrap(), body)
}

fn refused(bytes: &[u8]) -> FrameError {
    let agents = frames::<ToAgent>(bytes).expect("it is no message to an agent");
    let controllers = frames::<ToController>(bytes).expect("it is no message to a controller");
    assert_eq!(std::mem::discriminant(&agents), std::mem::discriminant(&controllers));
    controllers
}

#[test]
fn a_length_of_four_gibibytes_costs_nothing_and_is_named() {
    let measured = Measured::begin();
    let error = refused(&announced(u32::MAX, b"{"));
    assert!(matches!(error, FrameError::TooLarge(u32::MAX)), "{error}");
    assert_eq!(
        error.to_string(),
        "the peer announced a message of 4294967295 bytes; at most 4194304 are allowed"
    );
    measured.stays_below(MIB);
}

#[test]
fn a_frame_that_never_ends_takes_what_arrived_and_no_more() {
    let measured = Measured::begin();
    assert!(matches!(refused(&announced(MAX_FRAME, b"{\"say\":")), FrameError::Truncated));
    assert!(matches!(refused(&[0, 0]), FrameError::Truncated));
    measured.stays_below(MIB);
}

#[test]
fn json_that_is_none_or_too_deep_is_refused_with_its_place() {
    let measured = Measured::begin();
    let deep = "[".repeat(1 << 20);
    let deep_in_an_event = format!(r#"{{"say":"event","event":{deep}"#);
    let cases: [(&[u8], &str); 6] = [
        (deep.as_bytes(), "line 1 column"),
        (deep_in_an_event.as_bytes(), "recursion limit exceeded"),
        (b"{\"say\":\"\xff\xfe\"}", "invalid unicode"),
        (br#"{"say":"hello","oldest":-1,"newest":1,"version":"","utc_ms":0}"#, "-1"),
        (br#"{"say":"hello","oldest":1,"newest":1,"version":"","utc_ms":1e999}"#, "out of range"),
        (b"", "EOF"),
    ];
    for (body, why) in cases {
        let error = refused(&frame(body));
        let FrameError::Malformed(source) = &error else { panic!("{error}") };
        assert!(source.to_string().contains(why), "{source} lacks {why}");
    }
    measured.stays_below(SMALL);
}

/// A frame of four MiB is the most that anybody can send at once; JSON that is made of brackets grows in memory.
#[test]
fn the_worst_frame_grows_to_a_bounded_size() {
    let measured = Measured::begin();
    let items = "0,".repeat(usize::try_from(MAX_FRAME).unwrap() / 2 - 40);
    let body = format!(r#"{{"say":"event","event":[{items}0]}}"#);
    assert!(matches!(frames::<ToController>(&frame(body.as_bytes())), Some(FrameError::Malformed(_))));
    measured.stays_below(320 * MIB);
}

#[test]
fn a_billion_laughs_are_a_problem_with_a_place() {
    let measured = Measured::begin();
    let mut lines = vec!["a0: &a0 [x, x, x, x, x, x, x, x, x]".to_owned()];
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        lines.push(format!("a{level}: &a{level} [{aliases}]"));
    }
    let text = lines.join("\n");
    let problems = operators_files(text.as_bytes());
    for file in ["config.yaml", "inventory.yml"] {
        let too_much = "error[INV-107]: the file has more than 200000 values when its aliases are expanded";
        assert!(problems.contains(&format!("{file}:6:10: {too_much}")), "{problems:#?}");
    }
    assert!(existing_config(text.as_bytes()).is_some_and(|error| error.contains("line 6, column 10")));
    measured.stays_below(192 * MIB);
}

#[test]
fn files_that_are_no_text_or_nest_without_end_are_problems_with_a_place() {
    let measured = Measured::begin();
    let deep = "[".repeat(1 << 19);
    let block: String = (0..1_000).map(|level| " ".repeat(level) + "a:\n").collect();
    let cases: [(&[u8], &str); 4] = [
        (b"ok: 1\nbad: \xff\n", "config.yaml:2: error[INV-002]: the file is not UTF-8"),
        (deep.as_bytes(), "config.yaml:1:"),
        (block.as_bytes(), "config.yaml:65:65: error[INV-107]: the file nests deeper than 64 levels"),
        (b"a: *nobody\n", "config.yaml:1:"),
    ];
    for (text, place) in cases {
        let problems = operators_files(text);
        assert!(problems.iter().any(|problem| problem.starts_with(place)), "{place} in {problems:#?}");
    }
    measured.stays_below(192 * MIB);
}

#[test]
fn what_a_host_says_cannot_move_the_cursor() {
    let measured = Measured::begin();
    for escape in
        ["\u{1b}[2J", "\u{1b}]0;title\u{7}", "\u{9b}31m", "\r", "\u{1b}c", "\u{1b}P+q\u{1b}\\", "\u{8}"]
    {
        let heard = controller(&samples::events_that_say(escape));
        assert_eq!(heard.events, samples::EVENTS, "every event is understood");
        // The words around are still told, in each place where words of a host are.
        assert!(heard.told.matches("before").count() >= 4, "{}", heard.told);
    }
    measured.stays_below(SMALL);
}

#[test]
fn a_huge_word_of_a_host_stays_one_word() {
    let measured = Measured::begin();
    let huge = "x".repeat(1 << 20);
    let heard = controller(&samples::events_that_say(&huge));
    assert_eq!(heard.events, samples::EVENTS);
    measured.stays_below(192 * MIB);
}

#[test]
fn numbers_at_their_ends_break_no_sum() {
    let _measured = Measured::begin();
    for number in [0, 1, 999, u64::MAX / 1000, u64::MAX - 1, u64::MAX] {
        for other in [0, 1, 10_000, u64::MAX] {
            let heard = controller(&samples::events_that_count(number, other));
            assert!(heard.events > 0);
        }
    }
}

#[test]
fn an_agent_whose_words_cannot_be_read_is_told_as_that() {
    let _measured = Measured::begin();
    let heard = controller(&announced(u32::MAX, b""));
    let error = heard.answer.expect("no answer");
    assert_eq!(error.code, ErrorCode::Protocol);
    assert!(error.one_line().contains("n1") && error.one_line().contains("4294967295"), "{error:?}");
    let broken_off = controller(&announced(100, b"{")).answer.expect("no answer");
    assert_eq!(broken_off.code, ErrorCode::Unreachable);
}

#[test]
fn an_agent_refuses_what_it_cannot_read_and_says_why() {
    let _measured = Measured::begin();
    for (bytes, why) in [
        (announced(u32::MAX, b""), "4294967295"),
        (announced(9, b"{"), "in the middle"),
        (frame(b"{\"say\":1}"), "not understood"),
    ] {
        let error = agent(&bytes).unwrap_err();
        assert!(error.starts_with("the controller cannot be understood") && error.contains(why), "{error}");
    }
    assert_eq!(agent(&[]), Ok(()));
}

#[test]
fn mutations_of_valid_frames_neither_panic_nor_grow() {
    let measured = Measured::begin();
    let (agents, controllers) = (samples::to_agent(), samples::to_controller());
    let (mut understood, mut refusals) = (0, 0);
    for bytes in mutation::mutations_of_frames(&[agents.clone(), controllers.clone()].concat(), 1_200) {
        let reasons = (frames::<ToAgent>(&bytes), frames::<ToController>(&bytes));
        if matches!(reasons, (Some(_), Some(_))) {
            refusals += 1;
        } else {
            understood += 1;
        }
    }
    // Both ways were gone: mutations that all break at once would try nothing.
    assert!(understood > 200 && refusals > 200, "{understood} understood, {refusals} refused");
    for bytes in mutation::mutations_of_frames(&controllers, 200) {
        controller(&bytes);
    }
    for bytes in mutation::mutations_of_frames(&agents, 100) {
        let _ = agent(&bytes);
    }
    measured.stays_below(SMALL);
}

fn begins(words: &[u8]) -> Vec<u8> {
    [frame(br#"{"reply":"sending"}"#), words.to_vec()].concat()
}

#[test]
fn an_agent_takes_of_another_what_it_asked_for_and_no_more() {
    let measured = Measured::begin();
    let wanted = &relay::bytes()[usize::try_from(relay::OFFSET).unwrap()..];
    let [whole, ..] = &samples::from_peer()[..] else { panic!("no sample") };
    assert_eq!(relay::fetch(whole), (wanted.to_vec(), None));
    let more = [&whole[..], &announced(1, b"x")].concat();
    let cases = [
        (more, wanted.len(), "announced 1 bytes where 0 were left"),
        (begins(&announced(MAX_SLICE + 1, b"x")), 0, "announced 262145 bytes at once"),
        (begins(&announced(u32::MAX, b"x")), 0, "announced 4294967295 bytes at once"),
        (begins(&announced(100, b"half")), 4, "broke off"),
        (begins(&announced(MAX_SLICE, b"x")), 0, "announced 262144 bytes where 5000 were left"),
        (begins(b"\0\0"), 0, "broke off"),
        (frame(br#"{"reply":"not_here"}"#), 0, "does not have these bytes"),
        (announced(u32::MAX, b""), 0, "4294967295"),
        (Vec::new(), 0, "does not have these bytes"),
    ];
    for (words, taken, why) in cases {
        let (bytes, said) = relay::fetch(&words);
        assert_eq!(bytes.len(), taken, "{why}");
        assert!(said.as_ref().is_some_and(|said| said.contains(why)), "{said:?} lacks {why}");
    }
    measured.stays_below(MIB);
}

#[test]
fn an_agent_gives_another_what_it_has_and_nothing_after_its_end() {
    let measured = Measured::begin();
    let given: Vec<Option<usize>> =
        samples::from_guest().iter().map(|ask| relay::serve(ask).map(|bytes| bytes.len())).collect();
    assert_eq!(given, [Some(6_000), Some(5_000), Some(0), None, None, None]);
    for words in [announced(u32::MAX, b""), frame(b"{}"), Vec::new()] {
        assert_eq!(relay::serve(&words), None);
    }
    measured.stays_below(MIB);
}

#[test]
fn mutations_of_what_agents_say_to_each_other_neither_panic_nor_grow() {
    let measured = Measured::begin();
    let words = samples::from_peer();
    let (mut whole, mut broken) = (0, 0);
    for bytes in mutation::mutations_of_frames(&words, 400) {
        match relay::fetch(&bytes) {
            (_, None) => whole += 1,
            (_, Some(_)) => broken += 1,
        }
    }
    assert!(whole > 20 && broken > 100, "{whole} to the end, {broken} not");
    let asks = samples::from_guest();
    let served = mutation::mutations_of_frames(&asks, 1_500);
    let served = served.filter(|bytes| relay::serve(bytes).is_some()).count();
    assert!((10..1_400).contains(&served), "{served} were served");
    measured.stays_below(SMALL);
}

#[test]
fn mutations_of_valid_files_are_read_or_refused() {
    let measured = Measured::begin();
    for bytes in mutation::mutations(&samples::files(), 120) {
        operators_files(&bytes);
        existing_config(&bytes);
    }
    measured.stays_below(32 * MIB);
}

#[test]
fn mutations_of_what_ssh_goes_by_are_read_or_refused_with_a_place() {
    let measured = Measured::begin();
    for sample in ssh::configurations().iter().take(2) {
        // The first two are right; the commands of the second cannot run.
        let problem = ssh::ssh_config(sample);
        assert!(problem.as_ref().is_none_or(|problem| problem.contains("/no/such/shell")), "{problem:?}");
    }
    let configurations = ssh::configurations();
    let mutations = mutation::mutations(&configurations, 2_000);
    let refused = mutations.filter(|bytes| ssh::ssh_config(bytes).is_some()).count();
    assert!((200..1_990).contains(&refused), "{refused} refused");
    let found: usize = mutation::mutations(&ssh::lists(), 2_000).map(|bytes| ssh::known_hosts(&bytes)).sum();
    assert!(found > 500, "{found} lines found");
    measured.stays_below(SMALL);
}

#[test]
fn what_ssh_goes_by_costs_no_more_than_its_size() {
    let measured = Measured::begin();
    let includes = "Include x\n".repeat(100_000);
    assert!(ssh::ssh_config(includes.as_bytes()).is_some());
    let stars = format!("Host {}b\n", "*a".repeat(20_000));
    assert_eq!(ssh::ssh_config(stars.as_bytes()), None);
    let jumps = format!("ProxyJump {}b\n", "a,".repeat(100_000));
    assert!(ssh::ssh_config(jumps.as_bytes()).is_some_and(|problem| problem.contains("more than 8 hosts")));
    let files = "IdentityFile a%\n".repeat(50_000);
    assert!(ssh::ssh_config(files.as_bytes()).is_none(), "it is one file");
    let names = format!("{} x\n", "*?,".repeat(100_000));
    assert_eq!(ssh::known_hosts(names.as_bytes()), 0);
    measured.stays_below(96 * MIB);
}

#[test]
fn mutations_of_image_archives_are_refused_or_are_the_image() {
    let measured = Measured::begin();
    let (mut taken, mut refused) = (0, 0);
    for bytes in mutation::mutations(&archive::samples(), 600) {
        match archive::image_archive(&bytes) {
            Ok(()) => taken += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(taken > 20 && refused > 200, "{taken} taken, {refused} refused");
    measured.stays_below(64 * MIB);
}

#[test]
fn of_a_bomb_only_what_comes_out_of_it_at_a_time_is_held() {
    // Making it takes memory too, which is nobody else's.
    let making = Measured::begin();
    let bomb = archive::bomb(400);
    drop(making);
    assert!(bomb.len() < 8 * MIB);
    let measured = Measured::begin();
    archive::image_archive(&bomb).unwrap();
    measured.stays_below(64 * MIB);
}

/// What the fuzz targets start from.
#[test]
#[ignore = "writes tests/fuzz/seeds anew; run it when the wire changes"]
fn seeds_of_the_fuzz_targets() {
    let (agents, controllers, files) = (samples::to_agent(), samples::to_controller(), samples::files());
    let targets = [
        ("frames", [agents.clone(), controllers.clone()].concat()),
        ("agent", agents),
        ("controller", controllers),
        ("fetch", samples::from_peer()),
        ("serve", samples::from_guest()),
        ("image_archive", archive::samples()),
        ("existing_config", files.clone()),
        ("operators_files", files),
        ("ssh_config", ssh::configurations()),
        ("known_hosts", ssh::lists()),
    ];
    for (target, samples) in targets {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, sample) in samples.iter().enumerate() {
            std::fs::write(folder.join(format!("{number:02}")), sample).unwrap();
        }
    }
}
