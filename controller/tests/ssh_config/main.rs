//! Compares what omsctl makes of `ssh_config` and `known_hosts` files with what `ssh -G` and `ssh-keygen -F` make of them.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what is wrong by ending; the tally is for people"
)]

mod command;
mod configuration;
mod generator;
mod known_hosts;
mod original;
mod values;
mod writing;

use std::collections::BTreeMap;
use std::time::Instant;

/// What occurred, and how often.
type Tally = BTreeMap<&'static str, u64>;

/// Runs the seeds on all cores, each worker with a place of its own, and adds up what occurred.
fn on_all_cores(seeds: std::ops::Range<u64>, work: impl Fn(u64, &std::path::Path) -> Tally + Sync) -> Tally {
    let begun = Instant::now();
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let mut total = Tally::new();
    std::thread::scope(|scope| {
        let (seeds, work) = (&seeds, &work);
        let worker = |worker: u64| {
            scope.spawn(move || {
                let folder = tempfile::tempdir().unwrap();
                let own = seeds.clone().filter(|seed| seed % workers == worker);
                own.fold(Tally::new(), |tally, seed| added(tally, work(seed, folder.path())))
            })
        };
        let running: Vec<_> = (0..workers).map(worker).collect();
        for one in running {
            match one.join() {
                Ok(tally) => total = added(std::mem::take(&mut total), tally),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    println!("{} cases in {:.1} s: {total:#?}", seeds.end - seeds.start, begun.elapsed().as_secs_f64());
    total
}

fn added(mut total: Tally, more: Tally) -> Tally {
    for (name, count) in more {
        *total.entry(name).or_default() += count;
    }
    total
}
