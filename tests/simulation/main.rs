//! The simulation: real controllers and real agents in one process, over simulated hosts and links, on a paused clock,
//! driven by a seed. A seed draws the hosts, who comes with which command, and what breaks when; then every rule is
//! checked at every step, and in the end a few `apply`s must make everything as the files say.
//!
//! `OMSCTL_SEEDS=10000` tries so many seeds, `OMSCTL_SEED=N` tells the whole story of one. A seed replays exactly: one
//! thread, tokio's own choices seeded, time that only moves when nobody has anything to do.
//!
//! A link is a byte stream over SSH, so nothing overtakes anything on one connection, and nothing of it comes twice. What
//! does happen, and is simulated: orders that are said again over the next connection after they were taken, orders of a
//! torn connection that arrive when the next one is open already, sessions of dead controllers that hold their hosts for a
//! while, two controllers that speak to one agent, and events that are told again to whoever attaches later.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what is wrong by ending")]

mod audit;
mod controller;
mod faults;
mod network;
mod seed;
mod story;

#[path = "../simulated/bastion.rs"]
#[expect(dead_code, reason = "shared with the in-process suite")]
mod bastion;
#[path = "../simulated/fleet.rs"]
#[expect(dead_code, reason = "shared with the in-process suite")]
mod fleet;
#[path = "../simulated/history.rs"]
#[expect(dead_code, reason = "shared with the in-process suite")]
mod history;
#[path = "../simulated/link.rs"]
#[expect(dead_code, reason = "shared with the in-process suite")]
mod link;
#[path = "../simulated/metadb.rs"]
#[expect(dead_code, reason = "shared with the in-process suite")]
mod metadb;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use mimalloc::MiMalloc;

use crate::audit::Broken;

/// Thousands of stories are mostly small allocations, for which that of a static C library is slow.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Without `OMSCTL_SEEDS`: as many as a debug build does in some seconds.
const SEEDS: u64 = 100;
/// Seeds that are run twice.
const REPLAYED: u64 = 8;
/// Of a failing seed's story, without `OMSCTL_SEED`.
const LAST_WORDS: usize = 60;

#[test]
fn every_rule_holds_whatever_breaks() {
    seed::remember_panics();
    if let Some(seed) = number("OMSCTL_SEED") {
        let outcome = on_a_thread(move || seed::run(seed, true));
        println!("{}\nseed {seed}, {:.0?} of simulated time", outcome.told.join("\n"), outcome.lasted);
        assert_eq!(outcome.broken, None);
        return;
    }
    let (seeds, began) = (number("OMSCTL_SEEDS").unwrap_or(SEEDS), Instant::now());
    let next = AtomicU64::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for worker in 0..std::thread::available_parallelism().unwrap().get() {
            let (next, failed) = (&next, &failed);
            let seeds = move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    if let Some(broken) = seed::run(seed, false).broken {
                        failed.lock().unwrap().push((seed, broken));
                    }
                }
            };
            std::thread::Builder::new().name(format!("seeds {worker}")).spawn_scoped(scope, seeds).unwrap();
        }
    });
    let (mut failed, limits): (Vec<_>, Vec<_>) =
        failed.into_inner().unwrap().into_iter().partition(|(_, broken)| matches!(broken, Broken::Rule(_)));
    println!("{seeds} seeds in {:.1?}; {} met the known limit", began.elapsed(), limits.len());
    failed.sort();
    for (seed, broken) in &failed {
        println!("seed {seed}: {broken:?}");
    }
    if let Some((seed, _)) = failed.first().cloned() {
        let told = on_a_thread(move || seed::run(seed, true)).told;
        println!("the end of seed {seed}:\n{}", told[told.len().saturating_sub(LAST_WORDS)..].join("\n"));
        println!("all of it: OMSCTL_SEED={seed} cargo test -p system-tests --test simulation -- --nocapture");
    }
    assert!(failed.is_empty(), "{} of {seeds} seeds failed", failed.len());
}

#[test]
fn a_seed_replays_exactly() {
    seed::remember_panics();
    let mut told = Vec::new();
    for seed in 0..REPLAYED {
        let [first, second] = [(), ()].map(|()| on_a_thread(move || seed::run(seed, true)));
        assert!(first.told.len() > 30, "{:?}", first.told);
        for (number, (one, other)) in first.told.iter().zip(&second.told).enumerate() {
            assert_eq!(one, other, "seed {seed}, line {number}");
        }
        assert_eq!(first.told.len(), second.told.len(), "seed {seed}");
        told.push(first.told);
    }
    told.dedup();
    assert_eq!(u64::try_from(told.len()), Ok(REPLAYED), "each seed is another story");
}

/// Of its own for each seed: what a thread remembers must not matter.
fn on_a_thread<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().name("seeds".to_owned()).spawn(run).unwrap();
    thread.join().expect("a seed says what is wrong, and panics not")
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}
