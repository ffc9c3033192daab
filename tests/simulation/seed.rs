//! One seed from its first draw to the last rule.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use fastrand::Rng;
use futures::StreamExt;
use futures::future::{FutureExt, join_all};
use futures::stream::FuturesUnordered;
use omsctl_agent::fakes::set_time;
use omsctl_controller::exit::Exit;
use omsctl_proto::RunResult;
use tokio::runtime::{Builder, RngSeed};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::audit::{Audit, Broken};
use crate::bastion::Bastion;
use crate::controller::{Around, Controller};
use crate::faults;
use crate::fleet::{Fleet, REFERENCE, SELF_INITIALISING};
use crate::network::Weather;
use crate::story::{Command, Leave, Round, Story, Visit, When};

const ARCHIVE_BYTES: usize = 40_000;
/// A day on which all seeds begin.
const BEGINS: Duration = Duration::from_secs(1_790_000_000);
/// Whoever is still there then is killed: some commands wait for as long as nobody comes.
const ROUND: Duration = Duration::from_mins(30);
/// Longer than anything that was torn, paused or left alone is waited for.
const QUIET: Duration = Duration::from_mins(3);
/// When everything works, a command ends within this time.
const ENDS_WITHIN: Duration = Duration::from_hours(1);
/// Closing a connection takes a moment on the slowest way.
const FAREWELL: Duration = Duration::from_secs(5);
/// One that carries on what it finds, one that ends what wants something else, one that mends what failed before.
const APPLIES: usize = 3;

thread_local! {
    /// What a task of this thread's seed said when it panicked.
    static PANICKED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// How a seed went.
pub(crate) struct Outcome {
    /// The rule that was broken.
    pub(crate) broken: Option<Broken>,
    /// All that happened, when it was asked for.
    pub(crate) told: Vec<String>,
    /// How much time went by in it.
    pub(crate) lasted: Duration,
}

/// Panics on this thread are remembered instead of printed, also those of tasks that nobody joins.
pub(crate) fn remember_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name().is_some_and(|name| name.starts_with("seeds")) {
            let what = format!("panic: {panic}");
            PANICKED.with_borrow_mut(|panicked| {
                panicked.get_or_insert(what);
            });
        } else {
            print(panic);
        }
    }));
}

pub(crate) fn run(seed: u64, tells: bool) -> Outcome {
    let mut random = Rng::with_seed(seed);
    let story = Story::of(&mut random);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .rng_seed(RngSeed::from_bytes(&seed.to_le_bytes()))
        .build()
        .unwrap();
    PANICKED.take();
    let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(simulate(&story, random, tells))));
    drop(runtime);
    let panicked = PANICKED.take();
    let mut outcome =
        outcome.unwrap_or_else(|_| Outcome { broken: None, told: Vec::new(), lasted: Duration::ZERO });
    outcome.broken = panicked.map(Broken::Rule).or(outcome.broken);
    if tells {
        outcome.told.insert(0, format!("{story:#?}"));
    }
    outcome
}

async fn simulate(story: &Story, mut random: Rng, tells: bool) -> Outcome {
    set_time(UNIX_EPOCH + BEGINS);
    let began = Instant::now();
    let reference = if story.self_initialising { SELF_INITIALISING } else { REFERENCE };
    let fleet = Fleet::with_image(story.hosts, reference, ARCHIVE_BYTES);
    let weathers = fleet.hosts.iter().zip(&story.delays_ms).map(|(host, delay)| {
        let weather = Weather::new(delay.clone(), random.fork());
        (host.address.clone(), Arc::new(weather))
    });
    let weathers: BTreeMap<_, _> = weathers.collect();
    let most_failures = story.max_failures.map(std::num::NonZeroUsize::get);
    let around = Around {
        audit: Arc::new(Audit::new(&fleet, most_failures, tells)),
        weathers: Arc::new(weathers),
        random: Arc::new(Mutex::new(random)),
    };
    for (host, script) in fleet.hosts.iter().zip(&story.scripts) {
        host.machine.docker.set_script(script.clone());
    }
    let bastions = ["ann@one", "bob@two", "cem@three"].map(|operator| Bastion::of(&fleet, operator));
    tokio::select! {
        biased;
        () = around.audit.broken() => {}
        () = lives(story, &fleet, &bastions, &around) => {}
    }
    Outcome { broken: around.audit.first_broken(), told: around.audit.told(), lasted: began.elapsed() }
}

async fn lives(story: &Story, fleet: &Fleet, bastions: &[Bastion<'_>; 3], around: &Around) {
    for round in &story.rounds {
        for bastion in bastions {
            write_files(bastion, story, round);
        }
        play(story, round, fleet, bastions, around).await;
    }
    faults::end_all(fleet, around);
    sleep(QUIET).await;
    ends_well(story, &bastions[0], around).await;
}

/// The commands of a round and its faults side by side.
async fn play(story: &Story, round: &Round, fleet: &Fleet, bastions: &[Bastion<'_>; 3], around: &Around) {
    let base = *around.audit.kept().borrow();
    let faults = round.faults.iter().map(|(when, fault)| async {
        reach(*when, base, around.audit.kept()).await;
        faults::strike(*fault, fleet, around).await;
    });
    let mut faults: FuturesUnordered<_> = faults.collect();
    let visits = join_all(round.visits.iter().enumerate().map(|(number, visit)| {
        let bastion = &bastions[visit.bastion];
        visited(number, visit, base, story, bastion, around).boxed_local()
    }));
    let commands = async {
        // Only the agents are left after it.
        let _ = timeout(ROUND, visits).await;
        sleep(round.rest).await;
    };
    let breaking = async {
        while faults.next().await.is_some() {}
        pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = commands => {}
        () = breaking => {}
    }
    around.audit.look();
}

async fn visited(
    number: usize,
    visit: &Visit,
    base: u64,
    story: &Story,
    bastion: &Bastion<'_>,
    around: &Around,
) {
    reach(visit.comes, base, around.audit.kept()).await;
    let who = format!("{} #{number} {:?}", bastion.operator, visit.command);
    let leaves = async {
        match visit.leaves {
            Some((when, leave)) => {
                reach(when, base, around.audit.kept()).await;
                leave
            }
            None => pending::<Leave>().await,
        }
    };
    Controller::new(who, bastion, around).run(visit.command, story, leaves).await;
}

async fn reach(when: When, base: u64, mut kept: watch::Receiver<u64>) {
    match when {
        When::After(time) => sleep(time).await,
        When::Kept(count) => {
            // The audit lives as long as the seed.
            let _ = kept.wait_for(|kept| *kept >= base + count).await;
        }
    }
}

/// Nothing breaks any more: a few times `apply`, and everything is as the files say, once and for all.
async fn ends_well(story: &Story, ann: &Bastion<'_>, around: &Around) {
    let audit = &around.audit;
    let last = story.rounds.last().unwrap();
    let mut exits = Vec::new();
    while exits.last() != Some(&Exit::Done) && exits.len() < APPLIES {
        let take_over = exits.last() == Some(&Exit::Busy);
        exits.extend(apply(take_over, story, ann, around).await);
    }
    audit.require(exits.last() == Some(&Exit::Done), || format!("nothing broke any more, and: {exits:?}"));
    let wanted = endpoint(last.config);
    for host in ann.fleet.hosts.iter().take(usize::from(last.hosts)) {
        let container = host.container().await;
        audit.require(container.is_some_and(|container| container.running), || {
            format!("{} does not run at the end", host.name)
        });
        audit.require(host.config().contains(&wanted), || format!("{} has another config.yaml", host.name));
        audit.require(ann.fleet.metadb.shows(&host.address), || format!("{} is not registered", host.name));
    }
    sleep(FAREWELL).await;
    let alone = ann.fleet.is_left_alone().await;
    audit.require(alone, || {
        let left = ann.fleet.hosts.iter().map(|host| {
            format!(
                "{}: {} agents, {} channels",
                host.name,
                host.machine.daemons.alive(),
                host.link.open_channels()
            )
        });
        left.collect::<Vec<_>>().join(", ")
    });
    let calls = ann.fleet.calls();
    let exit = apply(false, story, ann, around).await;
    let unchanged = ann.store.last().result == Some(RunResult::Unchanged) && ann.fleet.calls() == calls;
    audit.require(exit == Some(Exit::Done) && unchanged, || "the last apply changed something".to_owned());
    audit.look();
    audit.all_ended();
    let leftovers = ann.fleet.leftovers();
    audit.require(leftovers.is_empty(), || format!("left behind: {leftovers:?}"));
}

async fn apply(take_over: bool, story: &Story, ann: &Bastion<'_>, around: &Around) -> Option<Exit> {
    let command = Command::Apply { take_over, wait: false };
    let controller = Controller::new(format!("{} in the end", ann.operator), ann, around);
    let ended = timeout(ENDS_WITHIN, controller.run(command, story, pending())).await;
    around.audit.require(ended.is_ok(), || "nothing breaks any more, and an apply does not end".to_owned());
    ended.ok().flatten()
}

fn write_files(bastion: &Bastion<'_>, story: &Story, round: &Round) {
    bastion.list_hosts(usize::from(round.hosts));
    bastion.write_config(&format!("apsara_audit_sls_endpoint: {}\n", endpoint(round.config)));
    if story.sequential {
        let path = bastion.folder.path().join("inventory.ini");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text + "oms_init_order=sequential\n").unwrap();
    }
}

fn endpoint(config: u8) -> String {
    format!("sls{config}.example.com")
}
