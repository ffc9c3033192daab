//! The ports of OMS's services on a host: none twice, none that OMS has for something else (research/oms.md 1.3).

use super::lint::RegionToCheck;
use crate::problem::{ProblemCode, Problems};

/// Ports that no key changes.
const FIXED: [(u16, &str); 2] = [(8084, "supervisord"), (9001, "supervisor, its second one")];
/// OBD's limit; below 1024 the kernel lets only root listen.
const LOWEST: u16 = 1025;
/// What OMS takes from at run time for its tasks, first and last.
const TASKS: [(u16, u16); 4] = [(7100, 7499), (16_000, 16_499), (17_000, 17_499), (18_000, 18_499)];

pub(super) fn ports(region: &RegionToCheck<'_>, problems: &mut Problems) {
    let ports = region.config().ports;
    let ports = [
        ("cm_server_port", ports.cm),
        ("nginx_server_port", ports.nginx),
        ("ghana_server_port", ports.ghana),
        ("supervisor_server_port", ports.supervisor),
        ("sshd_server_port", ports.sshd),
    ];
    for (index, (key, port)) in ports.iter().enumerate() {
        if let Some((other, before)) = ports[..index].iter().find(|(_, before)| before.number == port.number)
        {
            let (at, port_of) = if port.given { (key, other) } else { (other, key) };
            let origin = if port.given && before.given { "" } else { " (its default)" };
            let message = format!("`{at}` is the port of `{port_of}`{origin}");
            let problem = region.problem(ProblemCode::ConfigValue, at, message);
            problems.push(problem.found(port.number.to_string()).allowed("five different ports"));
        }
        if !port.given {
            continue;
        }
        if let Some((_, owner)) = FIXED.iter().find(|(fixed, _)| *fixed == port.number) {
            let message = format!("`{key}` is the port of OMS's {owner}, which cannot be moved");
            let problem = region.problem(ProblemCode::ConfigValue, key, message);
            problems.push(problem.found(port.number.to_string()).allowed("a port that OMS leaves free"));
        }
        if port.number < LOWEST {
            let message = format!("`{key}` is below {LOWEST}, where OBD refuses it");
            let mut problem = region.problem(ProblemCode::ConfigValue, key, message);
            problem.severity = crate::Severity::Warning;
            let problem = problem.found(port.number.to_string());
            problems.push(problem.hint(format!(
                "ports below 1024 belong to the system's own services, and only root may listen there: take one from \
                 {LOWEST} to 65535"
            )));
        }
        if let Some((first, last)) =
            TASKS.iter().find(|(first, last)| (*first..=*last).contains(&port.number))
        {
            let message = format!("`{key}` lies among the ports that OMS gives to its tasks");
            let mut problem = region.problem(ProblemCode::ConfigValue, key, message);
            problem.severity = crate::Severity::Warning;
            let problem = problem.found(port.number.to_string());
            problems.push(
                problem.hint(format!("take one outside of {first} to {last}, or a task may hold it first")),
            );
        }
    }
}
