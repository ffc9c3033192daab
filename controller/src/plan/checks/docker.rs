//! `docker`: the daemon answers and is new enough for OMS (`research/oms.md` 1.1).

use omsctl_inventory::Host;
use omsctl_proto::{CheckResult, DockerFacts, Facts};

use super::row::Row;
use crate::plan::version::OmsVersion;

pub(super) const NAME: &str = "docker";
const OLDEST: [u32; 2] = [1, 13];

pub(super) fn row(host: &Host, facts: &Facts) -> CheckResult {
    let row = Row::on(&host.name, NAME, "Docker 1.13 or later answers");
    match &facts.docker {
        DockerFacts::Answers { server_version, storage_driver, .. } => {
            let found = format!("Docker {server_version}, {storage_driver}");
            match OmsVersion::find(server_version) {
                Some(version) if version.compare(&OLDEST).is_lt() => {
                    row.fail(found, "install a newer Docker: OMS's services do not start on this one")
                }
                Some(_) => row.pass(found),
                None => row.warn(found, "see to it that this is at least Docker 1.13"),
            }
        }
        DockerFacts::Missing { looked_in } => {
            row.fail(format!("no docker command in {looked_in}"), "install Docker on the host")
        }
        DockerFacts::Silent { error } => row.fail(
            format!("Docker does not answer: {error}"),
            "`omsctl check --fix` starts it, or `systemctl start docker` there",
        ),
    }
}
