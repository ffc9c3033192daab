//! What a seed means: hosts, what their initialisations do, who comes when with which command, and what breaks when.
//! Data only, all of it drawn before anything begins, so that it can be printed.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;
use omsctl_agent::fakes::{InitScript, Verdict};

/// One simulation.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) hosts: u8,
    pub(crate) self_initialising: bool,
    pub(crate) sequential: bool,
    pub(crate) max_failures: Option<NonZeroUsize>,
    /// Of the way to each host.
    pub(crate) delays_ms: Vec<RangeInclusive<u64>>,
    /// Of the initialisations on each host, as long as there are faults.
    pub(crate) scripts: Vec<InitScript>,
    pub(crate) rounds: Vec<Round>,
}

/// Somebody changes the files and comes with a command, others come too, and things break meanwhile.
#[derive(Debug)]
pub(crate) struct Round {
    /// Of the inventory, from its first line.
    pub(crate) hosts: u8,
    /// Which of several contents config.yaml has.
    pub(crate) config: u8,
    pub(crate) visits: Vec<Visit>,
    pub(crate) faults: Vec<(When, Fault)>,
    /// From the end of the last command to the next round.
    pub(crate) rest: Duration,
}

/// A moment of a round.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    After(Duration),
    /// When controllers have kept so many events in this round.
    Kept(u64),
}

/// A controller.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) comes: When,
    /// 0, 1 or 2.
    pub(crate) bastion: usize,
    pub(crate) command: Command,
    pub(crate) leaves: Option<(When, Leave)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Apply { take_over: bool, wait: bool },
    Attach { read_only: bool },
    Reap,
}

/// How a controller is ended from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leave {
    /// Its process is killed: its connections close.
    Killed,
    /// Its bastion loses power: nobody closes anything.
    PowerLost,
    /// So many times Ctrl-C, each so much later.
    Interrupted(u8, Duration),
}

/// What breaks. Hosts are numbered from 0.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// All connections to the host, at both ends at once.
    Cut(usize),
    CutAll,
    /// The bastion's end closes, the host's end so much later.
    Tear(usize, Duration),
    TearAll(Duration),
    /// Instead of the host's event of this number.
    CutAtEvent(usize, u64),
    /// The host cannot be reached for so long.
    Away(usize, Duration),
    AllAway(Duration),
    /// Nothing moves between bastion and host for so long, and nobody is told.
    Pause(usize, Duration),
    KillAgents(usize),
    Reboot(usize),
    /// Docker restarts and leaves its containers stopped.
    StopContainers(usize),
    /// Docker does not answer for so long.
    DockerSilent(usize, Duration),
}

impl Story {
    pub(crate) fn of(random: &mut Rng) -> Self {
        // Two or three hosts meet in every way that many do, and cost less.
        let hosts = match random.u8(0..200) {
            0..174 => random.u8(1..=3),
            174..195 => random.u8(4..=6),
            195..199 => random.u8(7..=20),
            _ => random.u8(21..=50),
        };
        let mut serving = hosts;
        let rounds = 1 + usize::from(chance(random, 35)) + usize::from(chance(random, 15));
        let mut grown = Vec::new();
        for _ in 0..rounds {
            grown.push(serving);
            serving = if chance(random, 40) { random.u8(1..=serving) } else { serving };
        }
        grown.reverse();
        let mut config = 0;
        let rounds = grown.into_iter().map(|hosts| {
            config += u8::from(chance(random, 40));
            Round::of(random, hosts, config)
        });
        let rounds = rounds.collect();
        Self {
            hosts,
            self_initialising: chance(random, 20),
            sequential: chance(random, 20),
            max_failures: chance(random, 40).then(|| NonZeroUsize::new(random.usize(1..=3)).unwrap()),
            delays_ms: (0..hosts).map(|_| delay(random)).collect(),
            scripts: (0..hosts).map(|_| script(random)).collect(),
            rounds,
        }
    }
}

impl Round {
    fn of(random: &mut Rng, hosts: u8, config: u8) -> Self {
        let first = Visit {
            comes: When::After(Duration::ZERO),
            bastion: 0,
            command: Command::Apply { take_over: chance(random, 15), wait: chance(random, 15) },
            leaves: chance(random, 40).then(|| (moment(random, hosts), leave(random))),
        };
        let mut visits = vec![first];
        for number in 0..3_u64 {
            if chance(random, 30) {
                let mut visit = Visit::of(random, hosts);
                if let When::After(time) = &mut visit.comes {
                    // Two that begin at the same instant are another story.
                    *time += Duration::from_millis(700 + number);
                }
                visits.push(visit);
            }
        }
        let count = if chance(random, 10) { 0 } else { random.usize(1..=4) };
        let faults = (0..count).map(|_| (moment(random, hosts), fault(random, usize::from(hosts)))).collect();
        Self { hosts, config, visits, faults, rest: seconds(random, 0.1, 400.0) }
    }
}

impl Visit {
    fn of(random: &mut Rng, hosts: u8) -> Self {
        let command = match random.u8(0..100) {
            0..35 => Command::Apply { take_over: chance(random, 20), wait: chance(random, 30) },
            35..75 => Command::Attach { read_only: false },
            75..90 => Command::Attach { read_only: true },
            _ => Command::Reap,
        };
        Self {
            comes: moment(random, hosts),
            bastion: random.usize(0..3),
            command,
            leaves: chance(random, 30).then(|| (moment(random, hosts), leave(random))),
        }
    }
}

fn leave(random: &mut Rng) -> Leave {
    match random.u8(0..4) {
        0 | 1 => Leave::Killed,
        2 => Leave::PowerLost,
        _ => Leave::Interrupted(random.u8(1..=3), seconds(random, 0.01, 20.0)),
    }
}

fn fault(random: &mut Rng, hosts: usize) -> Fault {
    let host = random.usize(0..hosts);
    match random.u8(0..14) {
        0 => Fault::Cut(host),
        1 => Fault::CutAll,
        2 | 3 => Fault::Tear(host, seconds(random, 0.01, 60.0)),
        4 => Fault::TearAll(seconds(random, 0.01, 60.0)),
        5 | 6 => Fault::CutAtEvent(host, random.u64(1..30)),
        7 => Fault::Away(host, seconds(random, 0.5, 240.0)),
        8 => Fault::AllAway(seconds(random, 0.5, 240.0)),
        9 => Fault::Pause(host, seconds(random, 0.5, 120.0)),
        10 => Fault::KillAgents(host),
        11 => Fault::Reboot(host),
        12 => Fault::StopContainers(host),
        _ => Fault::DockerSilent(host, seconds(random, 0.5, 60.0)),
    }
}

/// Most often at some event of the rollout, where something is at stake.
fn moment(random: &mut Rng, hosts: u8) -> When {
    if chance(random, 65) {
        When::Kept(random.u64(1..=10 + 35 * u64::from(hosts)))
    } else {
        When::After(seconds(random, 0.01, 120.0))
    }
}

fn delay(random: &mut Rng) -> RangeInclusive<u64> {
    match random.u8(0..10) {
        0..6 => 0..=0,
        6 | 7 => 0..=3,
        8 => 10..=60,
        _ => 50..=900,
    }
}

fn script(random: &mut Rng) -> InitScript {
    let verdict = if chance(random, 10) { Verdict::FailsIn(random.u8(1..=5)) } else { Verdict::Succeeds };
    let begins_after = if chance(random, 20) { seconds(random, 0.01, 4.0) } else { Duration::ZERO };
    let healthy_after = if chance(random, 50) { seconds(random, 0.5, 20.0) } else { Duration::ZERO };
    InitScript { begins_after, step: seconds(random, 0.1, 4.0), healthy_after, verdict }
}

fn chance(random: &mut Rng, percent: u8) -> bool {
    random.u8(0..100) < percent
}

/// As likely between 1 and 2 as between 10 and 20.
fn seconds(random: &mut Rng, least: f64, most: f64) -> Duration {
    let power = random.f64() * (most / least).ln();
    // To whole milliseconds, in which a paused clock counts.
    Duration::from_millis(Duration::from_secs_f64(least * power.exp()).as_millis().try_into().unwrap())
}
