//! The cases of a sweep in the order in which they tell most: every kind of step with every fault first. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Fault;
use super::moment::Moment;
use super::scene::Scene;

/// One rollout with one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub scene: Scene,
    pub moment: Moment,
    pub fault: Fault,
}

impl Case {
    /// Unique, and good for the name of a folder.
    pub fn name(&self) -> String {
        format!("{}.{}+{}", self.scene.name(), self.moment.name, self.fault.name())
    }
}

/// Every moment with every fault. One moment of each kind of step comes first with every fault, then every moment with one
/// fault, in turn; then the rest, one moment of each kind of event before those of other hosts. What takes longest comes
/// last.
pub fn cases(moments: &[(Scene, Moment)]) -> Vec<Case> {
    let (slow, quick): (Vec<Fault>, Vec<Fault>) =
        Fault::ALL.into_iter().partition(|fault| *fault == Fault::Vanish);
    let steps = representatives(moments, |moment| moment.step.clone());
    let events = representatives(moments, kind);
    let every = || 0..moments.len();
    let with =
        |faults: &[Fault], index: usize| faults.iter().map(move |fault| (index, *fault)).collect::<Vec<_>>();
    let tiers = [
        steps.iter().flat_map(|index| with(&quick, *index)).collect::<Vec<_>>(),
        every().flat_map(|index| with(&quick[index % quick.len()..][..1], index)).collect(),
        events.iter().flat_map(|index| with(&quick, *index)).collect(),
        every().flat_map(|index| with(&quick, index)).collect(),
        steps.iter().flat_map(|index| with(&slow, *index)).collect(),
        every().flat_map(|index| with(&slow, index)).collect(),
    ];
    let mut taken = BTreeSet::new();
    let new = tiers.into_iter().flatten().filter(|case| taken.insert(*case));
    let case = |(index, fault): (usize, Fault)| {
        let (scene, moment) = moments.get(index)?;
        Some(Case { scene: *scene, moment: moment.clone(), fault })
    };
    new.filter_map(case).collect()
}

/// The moment's name without the host.
fn kind(moment: &Moment) -> String {
    let words = moment.name.split('.').filter(|word| *word != moment.host);
    words.collect::<Vec<_>>().join(".")
}

/// Of each group its longest middle, else its start, else whatever comes first.
fn representatives(moments: &[(Scene, Moment)], group: impl Fn(&Moment) -> String) -> BTreeSet<usize> {
    let rank = |moment: &Moment| (moment.later_ms, moment.event.contains(".step_started."));
    let mut best: BTreeMap<String, usize> = BTreeMap::new();
    for (index, (_, moment)) in moments.iter().enumerate() {
        let found = best.entry(group(moment)).or_insert(index);
        if rank(moment) > rank(&moments[*found].1) {
            *found = index;
        }
    }
    best.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(name: &str, step: &str, later_ms: u64) -> (Scene, Moment) {
        let (event, host) = (name.trim_end_matches(".middle").to_owned(), "n1".to_owned());
        (Scene::Fresh, Moment { name: name.to_owned(), event, later_ms, host, step: step.to_owned() })
    }

    #[test]
    fn every_kind_of_step_with_every_fault_comes_first() {
        let moments = [
            moment("n1.step_started.a", "a", 0),
            moment("n1.step_done.a", "a", 0),
            moment("n1.step_started.b", "b", 0),
            moment("n1.step_started.b.middle", "b", 900),
        ];
        let cases = cases(&moments);
        assert_eq!(cases.len(), moments.len() * Fault::ALL.len());
        let first: BTreeSet<&str> = cases[..14].iter().map(|case| case.moment.name.as_str()).collect();
        assert_eq!(first, BTreeSet::from(["n1.step_started.a", "n1.step_started.b.middle"]));
        assert!(cases[..14].iter().all(|case| case.fault != Fault::Vanish));
        let names: BTreeSet<String> = cases.iter().map(Case::name).collect();
        assert_eq!(names.len(), cases.len());
    }

    #[test]
    fn every_moment_comes_with_one_fault_before_any_comes_with_all() {
        let moments = ["a", "b", "c"].map(|name| moment(&format!("n1.step_started.{name}"), "s", 0));
        let cases = cases(&moments);
        let next: Vec<(&str, Fault)> =
            cases[7..9].iter().map(|case| (case.moment.event.as_str(), case.fault)).collect();
        assert_eq!(next, [("n1.step_started.b", Fault::ALL[1]), ("n1.step_started.c", Fault::ALL[2])]);
    }

    #[test]
    fn every_kind_of_event_comes_before_other_hosts() {
        let mut moments = vec![moment("n1.step_started.a", "a", 0), moment("n2.step_started.a", "a", 0)];
        moments[1].1.host = "n2".to_owned();
        moments.push(moment("n1.step_done.a", "a", 0));
        let cases = cases(&moments);
        // After the two that come with one fault.
        let mut order: Vec<&str> = cases[9..21].iter().map(|case| case.moment.name.as_str()).collect();
        order.dedup();
        assert_eq!(order, ["n1.step_done.a", "n2.step_started.a"]);
    }
}
