//! Story: a host waits at the schema gate while another one stays inside it. Its agent costs nothing meanwhile: no
//! processor time, and hardly a wake-up.

use std::collections::BTreeMap;
use std::thread::{scope, sleep};
use std::time::Duration;

use system_tests::rig::{Fault, FaultMode, Node, Step, until};

use super::evidence::assert_lawful;
use super::operator::Operator;
use super::stage::Stage;

/// How long is looked.
const WINDOW: Duration = Duration::from_secs(15);
/// Ticks of the kernel's clock (10 ms each) that a process may be charged by chance.
const TICKS: u64 = 1;
/// A daemon at a gate waits for nothing but its door.
const WAKE_UPS_OF_DAEMON: u64 = 2;
/// The controller says every five seconds that it lives. Each time the thread that reads stdin and the one that waits for
/// it sleep about six times.
const WAKE_UPS_OF_SESSION: u64 = 4 * 8;

/// What a thread has used so far.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Thread {
    /// `serve`: the daemon of a run; `session`: a controller's ear on the host.
    part: String,
    ticks: u64,
    wake_ups: u64,
}

/// Every thread of the agents on the host, by its id.
fn threads(node: &Node) -> BTreeMap<String, Thread> {
    let look = "for thread in /proc/[0-9]*/task/*; do
process=${thread%/task/*}
case \"$(cat $process/comm 2>/dev/null)\" in omsctl-agent*) ;; *) continue ;; esac
echo ${thread##*/} $(tr '\\0' ' ' <$process/cmdline | cut -d ' ' -f 2) \
    $(sed 's/.*) //' $thread/stat | cut -d ' ' -f 12,13) $(awk '/^voluntary_ctxt_switches/ {print $2}' $thread/status)
done";
    let said = node.exec(["sh", "-c", look]).unwrap().ok().unwrap().stdout;
    said.lines()
        .map(|line| match line.split(' ').collect::<Vec<_>>().as_slice() {
            [id, part, user, system, wake_ups] => {
                let number = |text: &str| text.parse::<u64>().unwrap();
                let (ticks, wake_ups) = (number(user) + number(system), number(wake_ups));
                ((*id).to_owned(), Thread { part: (*part).to_owned(), ticks, wake_ups })
            }
            _ => panic!("{line}"),
        })
        .collect()
}

/// Ticks and wake-ups of all threads of one part together; some of them began or ended meanwhile.
#[track_caller]
fn used(part: &str, before: &BTreeMap<String, Thread>, after: &BTreeMap<String, Thread>) -> (u64, u64) {
    let is_part = |(_, thread): &(&String, &Thread)| thread.part == part;
    assert!(before.iter().any(|thread| is_part(&thread)), "no {part} in {before:?}");
    assert!(after.iter().any(|thread| is_part(&thread)), "no {part} in {after:?}");
    after.iter().filter(is_part).fold((0, 0), |(ticks, wake_ups), (id, is)| {
        let (ticks_before, wake_ups_before) = before.get(id).map_or((0, 0), |was| (was.ticks, was.wake_ups));
        (ticks + is.ticks - ticks_before, wake_ups + is.wake_ups - wake_ups_before)
    })
}

/// The second host is known to wait at the gate.
fn waits(operator: &Operator) -> Option<()> {
    let listed = operator.run(&["agents", "--format", "json"]).json();
    let agents = listed["agents"].as_array()?;
    agents.iter().any(|agent| agent["node"] == "node2" && agent["gate"] == "schema").then_some(())
}

#[test]
fn an_agent_that_waits_at_a_gate_uses_no_processor() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    operator.inventory(&stage, &stage.host_lines(2), &[]);
    let host = stage.host(1).address();
    stage.fault(&Fault { step: Step::SchemaInside, host, mode: FaultMode::Hang, times: Some(1) }).unwrap();
    scope(|scope| {
        let applying = scope.spawn(|| operator.apply());
        let waiting = until("node2 waits at the gate", Duration::from_mins(2), || waits(&operator));
        let before = threads(stage.host(2));
        sleep(WINDOW);
        let after = threads(stage.host(2));
        stage.clear_faults().unwrap();
        applying.join().unwrap().exits(0);
        waiting.unwrap();
        for (part, limit) in [("serve", WAKE_UPS_OF_DAEMON), ("session", WAKE_UPS_OF_SESSION)] {
            let (ticks, wake_ups) = used(part, &before, &after);
            let told = format!("{part} in {WINDOW:?}: {ticks} ticks, {wake_ups} wake-ups");
            system_tests::steps::say(&format!("  {told}"));
            assert!(ticks <= TICKS && wake_ups <= limit, "{told}");
        }
    });
    assert_lawful(&stage);
}
