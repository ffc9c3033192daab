//! The rig that all stories share, one at a time, and the states that stories begin from. Changes nothing by omsctl but
//! the rollout of a cluster that several stories start with.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use system_tests::prepare::rig_line;
use system_tests::rig::{Node, OmsImage, Options, Rig, Step};

use super::operator::Operator;

/// Hosts of the usual inventory; the rig has one more.
pub(super) const USUAL: usize = 3;
/// The container's usual name.
pub(super) const CONTAINER: &str = "oms";

/// The rig, for one story alone.
pub(super) struct Stage {
    rig: MutexGuard<'static, Rig>,
}

impl Deref for Stage {
    type Target = Rig;

    fn deref(&self) -> &Rig {
        &self.rig
    }
}

impl Stage {
    fn enter() -> Self {
        static RIG: OnceLock<Mutex<Rig>> = OnceLock::new();
        let rig = RIG.get_or_init(|| Mutex::new(attach_or_up()));
        // A story that failed left a state that the next one does away with.
        Self { rig: rig.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// As the last story left it.
    pub(super) fn any() -> Self {
        Self::enter()
    }

    /// Hosts and databases empty, no image anywhere.
    pub(super) fn bare() -> Self {
        let stage = Self::enter();
        stage.reset(true).unwrap();
        stage
    }

    /// Hosts and databases empty; the usual image is on every host, so that no story waits for it again.
    pub(super) fn empty() -> Self {
        let stage = Self::enter();
        stage.reset(false).unwrap();
        stage.have_image(OmsImage::Script, stage.nodes()).unwrap();
        stage
    }

    /// The usual three hosts, rolled out. One that an earlier story left as it should be is used again.
    pub(super) fn cluster() -> (Self, Operator) {
        let stage = Self::enter();
        let operator = Operator::new(&stage);
        if stage.is_as_it_should_be(&operator) {
            return (stage, operator);
        }
        drop(stage);
        let stage = Self::empty();
        let operator = Operator::new(&stage);
        operator.apply().exits(0);
        (stage, operator)
    }

    fn is_as_it_should_be(&self, operator: &Operator) -> bool {
        self.clear_faults().is_ok()
            && self.nodes().iter().all(|node| node.heal().is_ok())
            && self.violations().is_ok_and(|violations| violations.is_empty())
            && self.nodes().iter().skip(USUAL).all(|node| matches!(node.container_id(CONTAINER), Ok(None)))
            && operator.run(&["plan", "--format", "json"]).is_quiet_plan()
    }

    /// The hosts of the usual inventory.
    pub(super) fn usual(&self) -> &[Node] {
        &self.nodes()[..USUAL]
    }

    /// A host by number, from 1.
    pub(super) fn host(&self, number: usize) -> &Node {
        &self.nodes()[number - 1]
    }

    /// Makes the schema step long enough that two at once would meet.
    pub(super) fn slow_schema(&self) {
        self.timing(&[(Step::Schema.name(), 1.0)]).unwrap();
    }
}

fn attach_or_up() -> Rig {
    if let Ok(name) = std::env::var("OMSCTL_RIG") {
        return Rig::attach(&name).unwrap();
    }
    Rig::up(&Options { mariadb: true, progress: rig_line, ..Options::new("e2e", USUAL + 1) }).unwrap()
}
