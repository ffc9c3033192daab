//! `cpu` and `memory`: what OMS is advised to have (`research/oms.md` 1.2). Warns only.

use omsctl_inventory::Host;
use omsctl_proto::{CheckResult, Facts};

use super::row::{GIB, Row, size};

const CPUS: u32 = 8;
const MEMORY: u64 = 16 * GIB;
/// What the kernel keeps for itself is no lack.
const MEMORY_TOLERANCE: u64 = GIB;

pub(super) fn rows(host: &Host, facts: &Facts) -> [CheckResult; 2] {
    let cpu = Row::on(&host.name, "cpu", format!("{CPUS} CPUs advised"));
    let memory = Row::on(&host.name, "memory", format!("{} of memory advised", size(MEMORY)));
    let found_cpu = format!("{} CPUs", facts.cpus);
    let found_memory = size(facts.memory_bytes);
    [
        if facts.cpus < CPUS {
            cpu.warn(found_cpu, "OMS's own services take 5; each link takes 6 to 8 more")
        } else {
            cpu.pass(found_cpu)
        },
        if facts.memory_bytes + MEMORY_TOLERANCE < MEMORY {
            memory.warn(found_memory, "OMS's own services take 8 GiB; each link takes 12 to 20 more")
        } else {
            memory.pass(found_memory)
        },
    ]
}
