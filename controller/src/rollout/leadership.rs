//! Whether this controller opens the gates, and how it comes to do so. Pure: what the hosts say in, what to tell them out.
//!
//! A controller that leads has every host that answers, and has heard all that happened there before it opens anything:
//! so two controllers never open a gate at the same time.

use std::collections::BTreeSet;
use std::time::Duration;

use omsctl_proto::{Claim, ControllerId, NodeName};

use super::executor::Part;

/// A controller that lost its connection for a moment is not succeeded.
const GRACE: Duration = Duration::from_secs(3);
/// Of those who stand by, each waits some of these longer: asking at the same time, none would get every host.
const APART: Duration = Duration::from_millis(250);

/// What this controller is in its rollout.
#[derive(Debug)]
pub(super) struct Leadership {
    controller: ControllerId,
    stage: Stage,
    /// May it take over when nobody leads?
    stands: bool,
    /// Hosts that say that nobody leads.
    leaderless: BTreeSet<NodeName>,
    /// How often this controller asked for all hosts and did not get them.
    attempts: usize,
    /// The greatest epoch that any host has told.
    highest: u64,
    /// Hosts whose past has not been heard to the present.
    behind: BTreeSet<NodeName>,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Leads,
    Reads,
    /// Every host was asked to be held for this controller; these have not answered.
    Asks {
        open: BTreeSet<NodeName>,
        refused: bool,
    },
    /// Another controller took over, or the operator leaves.
    Over,
}

/// What has to be told to all hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    Hold,
    Release,
    Lead(Claim),
}

impl Leadership {
    pub(super) fn new(part: &Part, controller: ControllerId) -> Self {
        let (stage, highest) = match part {
            Part::Lead(claim) | Part::End(claim) => (Stage::Leads, claim.epoch),
            Part::Stand | Part::Read => (Stage::Reads, 0),
        };
        Self {
            controller,
            stage,
            stands: *part == Part::Stand,
            leaderless: BTreeSet::new(),
            attempts: 0,
            highest,
            behind: BTreeSet::new(),
        }
    }

    /// Gates may be opened now.
    pub(super) fn may_open(&self) -> bool {
        self.leads() && self.behind.is_empty()
    }

    pub(super) fn leads(&self) -> bool {
        self.stage == Stage::Leads
    }

    /// The host has a past that is being told.
    pub(super) fn attached(&mut self, node: &NodeName, claim: &Claim) {
        self.highest = self.highest.max(claim.epoch);
        self.behind.insert(node.clone());
    }

    pub(super) fn caught_up(&mut self, node: &NodeName) {
        self.behind.remove(node);
    }

    /// The host has ended or is lost for good.
    pub(super) fn gone(&mut self, node: &NodeName) -> Step {
        self.behind.remove(node);
        self.leaderless.remove(node);
        self.answered(node, true)
    }

    /// Nobody leads, as far as this host can tell.
    pub(super) fn unheld(&mut self, node: &NodeName) {
        self.leaderless.insert(node.clone());
    }

    /// Somebody leads this host, or nobody can tell.
    pub(super) fn led(&mut self, node: &NodeName) {
        self.leaderless.remove(node);
    }

    /// Whether this controller may take the rollout over, and every living host says that nobody has it. One that is
    /// led, or cannot be asked, is enough to wait: its controller may be on its way back to the others.
    pub(super) fn is_vacant(&self, living: &BTreeSet<NodeName>) -> bool {
        self.stage == Stage::Reads && self.stands && !living.is_empty() && living.is_subset(&self.leaderless)
    }

    /// How long to wait before the next attempt: another time for each controller, and for each of its attempts.
    pub(super) fn pause(&self) -> Duration {
        let digits = self.controller.as_str().as_bytes();
        let digit = digits.get(self.attempts % digits.len().max(1)).map_or(0, |digit| u32::from(digit % 32));
        GRACE + APART * digit
    }

    /// Asks for every living host, where nobody leads.
    pub(super) fn take_over(&mut self, living: BTreeSet<NodeName>) -> Step {
        if !self.is_vacant(&living) {
            return Step::Nothing;
        }
        self.stage = Stage::Asks { open: living, refused: false };
        Step::Hold
    }

    /// Whether the host could be taken. One refusal means that somebody leads after all.
    pub(super) fn answered(&mut self, node: &NodeName, held: bool) -> Step {
        let Stage::Asks { open, refused } = &mut self.stage else { return Step::Nothing };
        open.remove(node);
        *refused |= !held;
        let (done, refused) = (open.is_empty(), *refused);
        if !done {
            return Step::Nothing;
        }
        if refused {
            self.stage = Stage::Reads;
            self.attempts += 1;
            return Step::Release;
        }
        self.stage = Stage::Leads;
        let claim = Claim::after(self.highest, self.controller.clone());
        self.highest = claim.epoch;
        Step::Lead(claim)
    }

    /// Under a new claim the past of this host is heard once more before anything is opened.
    pub(super) fn awaits(&mut self, nodes: impl IntoIterator<Item = NodeName>) {
        self.behind.extend(nodes);
    }

    /// From now on nothing is opened any more.
    pub(super) fn resign(&mut self) {
        self.stage = Stage::Over;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> NodeName {
        NodeName::new(name).unwrap()
    }

    fn id(text: &str) -> ControllerId {
        ControllerId::new(text).unwrap()
    }

    fn both() -> BTreeSet<NodeName> {
        [node("a"), node("b")].into()
    }

    /// One who stands by where nobody leads.
    fn vacant(controller: &str) -> Leadership {
        let mut leadership = Leadership::new(&Part::Stand, id(controller));
        for node in both() {
            leadership.unheld(&node);
        }
        leadership
    }

    #[test]
    fn a_leader_opens_nothing_before_it_has_heard_all() {
        let claim = Claim::first(id("x"));
        let mut leadership = Leadership::new(&Part::Lead(claim.clone()), id("x"));
        assert!(leadership.may_open());
        leadership.attached(&node("a"), &claim);
        assert!(!leadership.may_open());
        leadership.caught_up(&node("a"));
        assert!(leadership.may_open());
        leadership.resign();
        assert!(!leadership.may_open());
    }

    #[test]
    fn who_stands_by_takes_over_when_every_host_can_be_taken() {
        let mut leadership = Leadership::new(&Part::Stand, id("x"));
        leadership.attached(&node("a"), &Claim { epoch: 4, controller: id("y") });
        leadership.caught_up(&node("a"));
        leadership.unheld(&node("a"));
        assert!(!leadership.is_vacant(&both()), "somebody may lead the other");
        assert_eq!(leadership.take_over(both()), Step::Nothing);
        leadership.unheld(&node("b"));
        assert_eq!(leadership.take_over(both()), Step::Hold);
        assert_eq!(leadership.take_over(both()), Step::Nothing, "asked once");
        assert_eq!(leadership.answered(&node("a"), true), Step::Nothing);
        let claim = Claim { epoch: 5, controller: id("x") };
        assert_eq!(leadership.gone(&node("b")), Step::Lead(claim), "a lost host is not waited for");
        assert!(leadership.leads());
    }

    #[test]
    fn one_host_that_is_held_by_another_is_enough_to_go_on_reading() {
        let mut leadership = vacant("x1");
        let first = leadership.pause();
        leadership.take_over(both());
        assert_eq!(leadership.answered(&node("a"), false), Step::Nothing);
        assert_eq!(leadership.answered(&node("b"), true), Step::Release);
        assert!(!leadership.leads());
        assert_ne!(leadership.pause(), first, "not again at the time at which another one asks, too");
        leadership.led(&node("a"));
        assert_eq!(leadership.take_over(both()), Step::Nothing, "somebody leads after all");
        leadership.unheld(&node("a"));
        assert_eq!(leadership.take_over(both()), Step::Hold, "and is gone");
    }

    #[test]
    fn those_who_stand_by_do_not_ask_at_the_same_time() {
        assert_ne!(vacant("0f").pause(), vacant("1f").pause());
        assert!(vacant("00").pause() >= GRACE);
    }

    #[test]
    fn who_only_reads_never_leads() {
        let mut leadership = Leadership::new(&Part::Read, id("x"));
        for node in both() {
            leadership.unheld(&node);
        }
        assert!(!leadership.is_vacant(&both()));
        assert_eq!(leadership.take_over(both()), Step::Nothing);
    }
}
