//! Where a rollout begins. Each scene has steps that no other has; together they have every kind.

use std::time::Duration;

use super::SweepError;
use super::bastion::Bastion;
use super::moment::{Heard, Moment, moments};
use super::state::CONTAINER;
use crate::by_hand;
use crate::rig::{Node, OmsImage, Rig, Step, until};

/// Seconds: long enough to be struck in the middle, short enough for hundreds of cases.
const TIMING: [(Step, f64); 2] = [(Step::Schema, 1.0), (Step::Restart, 1.0)];

const STARTS_WITHIN: Duration = Duration::from_mins(1);

/// Steps that no fresh host has.
const REPAIRS: [&str; 4] = ["replace_container", "start_container", "restart_container", "reload_config"];

/// What the hosts have before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    /// Nothing but the image.
    Fresh,
    /// The last host lacks the image too.
    Image,
    /// A cluster whose config.yaml was changed since, with a container of other arguments on the first host, a stopped one
    /// on the second and one whose folder is gone on the last.
    Repair,
}

impl Scene {
    pub const ALL: [Self; 3] = [Self::Fresh, Self::Image, Self::Repair];

    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Image => "image",
            Self::Repair => "repair",
        }
    }

    /// The moments of a recording that are disturbed in this scene.
    pub fn moments(self, recording: &[Heard]) -> Vec<(Self, Moment)> {
        let own = moments(recording).into_iter().filter(|moment| self.has(moment));
        own.map(|moment| (self, moment)).collect()
    }

    /// Not those that are in another one too.
    fn has(self, moment: &Moment) -> bool {
        match self {
            Self::Fresh => true,
            Self::Image => moment.step == "load_image",
            Self::Repair => {
                REPAIRS.contains(&moment.step.as_str()) || moment.name.split('.').any(|word| word == "turn")
            }
        }
    }

    /// How often a host is initialised in it, by its place in the inventory.
    pub(super) fn initialisations(self, place: usize) -> usize {
        usize::from(self != Self::Repair || place == 0)
    }

    /// Makes the hosts, the databases and the bastion as the scene has them.
    pub(super) fn prepare(self, rig: &Rig, hosts: &[Node], bastion: &Bastion) -> Result<(), SweepError> {
        bastion.free_disk()?;
        rig.reset(false)?;
        rig.timing(&TIMING.map(|(step, seconds)| (step.name(), seconds)))?;
        let (certificate, key) = rig.certificate()?;
        let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
        let variables = [("oms_https_cert", certificate.as_str()), ("oms_https_key", key.as_str())];
        rig.write_inventory(&rig.host_lines(hosts.len()), &variables)?;
        match (self, hosts.split_last()) {
            (Self::Image, Some((last, others))) => {
                rig.have_image(OmsImage::Script, others)?;
                // It may have none already.
                last.docker(["image", "rm", "--force", OmsImage::Script.reference()])?;
            }
            _ => rig.have_image(OmsImage::Script, hosts)?,
        }
        bastion.renew(rig)?;
        if self == Self::Repair {
            let told = bastion.apply()?;
            if told.code != Some(0) {
                return Err(SweepError::Other(format!("no cluster to repair: {}", told.complaints)));
            }
            damage(rig, hosts)?;
            rig.write_config(&[("tsdb_username", "metrics")])?;
            bastion.renew(rig)?;
        }
        Ok(())
    }
}

/// What somebody may have done to a cluster.
fn damage(rig: &Rig, hosts: &[Node]) -> Result<(), SweepError> {
    let [first, second, .., last] = hosts else {
        return Err(SweepError::Other("three hosts are needed".to_owned()));
    };
    first.docker(["rm", "--force", CONTAINER])?.ok()?;
    let block = by_hand::run(first, &["--pids-limit", "5000"], OmsImage::Script.reference());
    let id = first.docker(block.iter().map(String::as_str))?.ok()?.stdout;
    // The stand-in refuses such arguments, writes that down and ends: that belongs to the damage.
    until("the container of other arguments was judged", STARTS_WITHIN, || {
        let records = rig.judge().unwrap_or_default();
        records.iter().any(|record| id.starts_with(&record.container)).then_some(())
    })?;
    second.docker(["stop", "--time", "5", CONTAINER])?.ok()?;
    last.exec(["rm", "-rf", "/data/oms/oms_run"])?.ok()?;
    Ok(())
}
