//! `image_architecture` and `cgroup`: the image fits the machine.

use omsctl_inventory::Host;
use omsctl_proto::{CheckResult, Facts, WantedImage};

use super::row::Row;
use crate::plan::image;
use crate::plan::situation::Situation;
use crate::plan::version::{CGROUP_V2_TROUBLE, OmsVersion};

pub(super) fn rows(situation: Situation<'_>, host: &Host, facts: &Facts) -> Vec<CheckResult> {
    let row = Row::on(&host.name, "image_architecture", format!("an image for {}", facts.architecture));
    match image::wanted(&host.settings.image, situation.observed) {
        Ok((wanted, _)) => {
            let mut rows = vec![architecture(row, &wanted, facts)];
            rows.extend(cgroup(host, &wanted, facts));
            rows
        }
        Err(refusal) => {
            let report = refusal.report();
            vec![row.unknown(report.one_line(), report.hint.unwrap_or_default())]
        }
    }
}

fn architecture(row: Row, wanted: &WantedImage, facts: &Facts) -> CheckResult {
    let here = image::find(wanted, image::images_of(&facts.docker)).map(|image| image.architecture.clone());
    let Some(of_image) = wanted.architecture.clone().or(here) else {
        return row.pass("known once it is pulled");
    };
    if is_for(&of_image, &facts.architecture) {
        row.pass(of_image)
    } else {
        row.fail(
            format!("{} is for {of_image}", wanted.reference),
            format!("set oms_image_archive of this host to an image for {}", facts.architecture),
        )
    }
}

/// Docker and the kernel have different names for the same processor.
fn is_for(of_image: &str, of_machine: &str) -> bool {
    fn common(name: &str) -> &str {
        match name {
            "x86_64" | "x86-64" | "amd64" => "amd64",
            "aarch64" | "arm64" | "arm64/v8" => "arm64",
            other => other,
        }
    }
    common(of_image) == common(of_machine)
}

/// Warns only (`research/oms.md` 1.1).
fn cgroup(host: &Host, wanted: &WantedImage, facts: &Facts) -> Option<CheckResult> {
    let version = OmsVersion::of_reference(&wanted.reference)?;
    if version.compare(&CGROUP_V2_TROUBLE).is_gt() {
        return None;
    }
    let row = Row::on(&host.name, "cgroup", format!("cgroup v1 for OMS {version}"));
    Some(match facts.cgroup_version? {
        2 => row.warn(
            "cgroup v2: OMS up to 4.2.4 shows such hosts as abnormal",
            "use OMS 4.2.5 or later, or boot with systemd.unified_cgroup_hierarchy=0",
        ),
        other => row.pass(format!("cgroup v{other}")),
    })
}
