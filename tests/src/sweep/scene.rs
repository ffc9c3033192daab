//! Where a rollout begins. Each scene has steps that no other has; together they have every kind.

use super::SweepError;
use super::bastion::Bastion;
use super::moment::Moment;
use crate::rig::{Node, OmsImage, Rig, Step};

/// Seconds: long enough to be struck in the middle, short enough for hundreds of cases.
const TIMING: [(Step, f64); 2] = [(Step::Schema, 1.0), (Step::Restart, 1.0)];

/// What the hosts have before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    /// Nothing but the image.
    Fresh,
    /// The last host lacks the image too.
    Image,
}

impl Scene {
    pub const ALL: [Self; 2] = [Self::Fresh, Self::Image];

    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Image => "image",
        }
    }

    /// Whether a moment is disturbed in this scene; the others are in another one.
    pub(super) fn has(self, moment: &Moment) -> bool {
        match self {
            Self::Fresh => true,
            Self::Image => moment.step == "load_image",
        }
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
        bastion.renew(rig)
    }
}
