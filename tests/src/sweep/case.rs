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

/// Every moment with every fault. One moment of each kind of step comes first, then one of each kind of event, then the
/// other hosts' and the rest; the fault that takes longest comes last of each.
pub fn cases(moments: &[(Scene, Moment)]) -> Vec<Case> {
    let (slow, quick): (Vec<Fault>, Vec<Fault>) =
        Fault::ALL.into_iter().partition(|fault| *fault == Fault::Vanish);
    let every = |moment: &Moment| moment.name.clone();
    let tiers = [
        representatives(moments, |moment| moment.step.clone()),
        representatives(moments, kind),
        representatives(moments, every),
    ];
    let mut taken = BTreeSet::new();
    let mut cases = Vec::new();
    for tier in tiers {
        let new: Vec<usize> = tier.into_iter().filter(|index| taken.insert(*index)).collect();
        for faults in [&quick, &slow] {
            for (scene, moment) in new.iter().filter_map(|index| moments.get(*index)) {
                let of = |fault: &Fault| Case { scene: *scene, moment: moment.clone(), fault: *fault };
                cases.extend(faults.iter().map(of));
            }
        }
    }
    cases
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
    fn every_kind_of_event_comes_before_other_hosts() {
        let mut moments = vec![moment("n1.step_started.a", "a", 0), moment("n2.step_started.a", "a", 0)];
        moments[1].1.host = "n2".to_owned();
        moments.push(moment("n1.step_done.a", "a", 0));
        let cases = cases(&moments);
        let mut order: Vec<&str> = cases.iter().map(|case| case.moment.name.as_str()).collect();
        order.dedup();
        assert_eq!(order, ["n1.step_started.a", "n1.step_done.a", "n2.step_started.a"]);
    }
}
