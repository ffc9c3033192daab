//! Story: keepalived serves the virtual IP. One host holds it; with the service, the host or its network gone it moves,
//! and console and CM answer again within seconds, as seen from outside; what of keepalived breaks is mended; a
//! keepalived of somebody else stays what it was.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use system_tests::rig::{Node, Unplugged, until};
use system_tests::steps::say;

use super::evidence::{assert_lawful, assert_nothing_left, assert_registered};
use super::operator::Operator;
use super::stage::{CONTAINER, Stage, USUAL};

/// Console and CM have to answer again within.
const LIMIT: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);
const OURS: &str = "/var/lib/omsctl/keepalived/keepalived.conf";

/// A free address of the rig's own network.
fn free_address(stage: &Stage, last: u8) -> String {
    let (network, _) = stage.host(1).address().rsplit_once('.').expect("an address");
    format!("{network}.{last}")
}

/// The usual inventory with keepalived on this address.
fn with_keepalived(operator: &Operator, stage: &Stage, address: &str, more: &[(&str, &str)]) {
    let address = format!("{address}/24");
    let mut variables = vec![("oms_vip_provider", "keepalived"), ("oms_vip_address", address.as_str())];
    variables.extend(more);
    operator.inventory(stage, &stage.host_lines(USUAL), &variables);
}

/// The hosts that have the address; one that is switched off has nothing.
fn holders<'a>(stage: &'a Stage, address: &str) -> Vec<&'a Node> {
    let inet = format!("inet {address}/");
    let holds = |node: &&Node| {
        node.exec(["ip", "-4", "-o", "address"]).is_ok_and(|output| output.stdout.contains(&inet))
    };
    stage.usual().iter().filter(holds).collect()
}

/// The one host that holds the address, once there is one.
#[track_caller]
fn holder<'a>(stage: &'a Stage, address: &str) -> &'a Node {
    until("one host holds the address", PATIENCE, || match holders(stage, address).as_slice() {
        [one] => Some(*one),
        _ => None,
    })
    .unwrap()
}

/// Whether HTTP is spoken there; any answer will do.
fn answers(address: &str, port: u16) -> bool {
    let limit = Duration::from_millis(300);
    let place: SocketAddr = format!("{address}:{port}").parse().expect("an address");
    let Ok(mut stream) = TcpStream::connect_timeout(&place, limit) else { return false };
    let mut answer = [0; 4];
    stream.set_read_timeout(Some(Duration::from_secs(1))).is_ok()
        && stream.write_all(b"GET / HTTP/1.0\r\nHost: oms\r\n\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && &answer == b"HTTP"
}

/// Asks console and CM behind the address all the time, from this machine.
struct Watch {
    over: Sender<()>,
    asking: JoinHandle<Vec<(Instant, bool)>>,
}

impl Watch {
    fn begin(address: &str) -> Self {
        let (over, ends): (_, Receiver<()>) = channel();
        let address = address.to_owned();
        let asking = std::thread::spawn(move || {
            let mut seen = Vec::new();
            while ends.recv_timeout(Duration::from_millis(20)).is_err() {
                seen.push((Instant::now(), answers(&address, 8088) && answers(&address, 8089)));
            }
            seen
        });
        Self { over, asking }
    }

    /// From the last answer before the first failure to the first answer after the last; with everything that changed.
    fn outage(self) -> (Duration, String) {
        self.over.send(()).expect("it asks");
        let seen = self.asking.join().expect("it does not panic");
        let began = seen[0].0;
        let changes: Vec<String> = seen
            .windows(2)
            .filter(|pair| pair[0].1 != pair[1].1)
            .map(|pair| format!("{} at {:.1} s", pair[1].1, (pair[1].0 - began).as_secs_f64()))
            .collect();
        let Some(first) = seen.iter().position(|(_, answered)| !answered) else {
            return (Duration::ZERO, changes.join(", "));
        };
        let last = seen.iter().rposition(|(_, answered)| !answered).unwrap_or(first);
        let answered_last = seen[first.saturating_sub(1)].0;
        let outage = seen.get(last + 1).map_or(PATIENCE, |(at, _)| *at - answered_last);
        (outage, changes.join(", "))
    }
}

/// Something happens to the holder; another one takes over, and nobody outside misses it for long.
#[track_caller]
fn moves_within_the_limit<T>(
    stage: &Stage,
    address: &str,
    what: &str,
    happens: impl FnOnce(&Node) -> T,
) -> (Node, T) {
    let before = holder(stage, address).clone();
    let watch = Watch::begin(address);
    let began = Instant::now();
    let happened = happens(&before);
    // Long enough that what comes once more counts too.
    let (mut answered, mut taken) = (0, None);
    until("another host holds it and answers", PATIENCE, || {
        let moved = || holders(stage, address).iter().any(|node| node.name() != before.name());
        let well = answers(address, 8088) && answers(address, 8089) && (answered > 0 || moved());
        answered = if well { answered + 1 } else { 0 };
        if well {
            taken.get_or_insert_with(|| began.elapsed());
        }
        (answered >= 20).then_some(())
    })
    .unwrap();
    let (outage, changes) = watch.outage();
    say(&format!(
        "  {what}: console and CM away for {:.1} s, served by another host {:.1} s after it began ({changes})",
        outage.as_secs_f64(),
        taken.unwrap_or_default().as_secs_f64()
    ));
    assert!(outage <= LIMIT, "{what}: away for {outage:?} ({changes})");
    (before, happened)
}

#[test]
fn the_virtual_ip_moves_with_the_service() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let address = free_address(&stage, 200);
    with_keepalived(&operator, &stage, &address, &[]);
    operator.config(&stage, &[("cm_url", &format!("http://{address}:8088"))]);
    let checked = operator.check().exits(0);
    let rows = checked.json()["checks"].to_string();
    assert!(rows.contains("\"keepalived\"") && rows.contains("\"virtual_ip\""), "{rows}");

    operator.run(&["apply", "--yes", "--format", "jsonl"]).exits(0).tells(&["\"virtual_ip\"", "holds it"]);
    let first = holder(&stage, &address).name().to_owned();
    assert!(answers(&address, 8088) && answers(&address, 8089));
    operator.plan().exits(0).plans(&[]);
    operator.apply().exits(0);
    assert_eq!(holder(&stage, &address).name(), first, "a second apply moves nothing");

    for _ in 0..3 {
        let (stopped, ()) = moves_within_the_limit(&stage, &address, "the container stops", |node| {
            node.docker(["stop", "--time", "5", CONTAINER]).unwrap().ok().unwrap();
        });
        let now = holder(&stage, &address).name().to_owned();
        operator.apply().exits(0);
        assert_eq!(holder(&stage, &address).name(), now, "{} comes back and takes nothing", stopped.name());
    }
    for _ in 0..3 {
        let (_, unplugged) = moves_within_the_limit(&stage, &address, "the cable is pulled", |node| {
            Unplugged::pull(node).unwrap()
        });
        drop(unplugged);
        holder(&stage, &address);
    }
    for _ in 0..3 {
        let (killed, ()) = moves_within_the_limit(&stage, &address, "the host dies", |node| {
            node.kill().unwrap();
        });
        killed.start().unwrap();
        let planned = operator.plan().exits(0);
        let steps = planned.steps_of(killed.name());
        assert!(steps.contains(&"serve_virtual_ip".to_owned()), "{steps:?}");
        operator.apply().exits(0);
        holder(&stage, &address);
    }
    operator.plan().exits(0).plans(&[]);
    assert_registered(&stage, stage.usual());
    assert_lawful(&stage);
    assert_nothing_left(stage.usual());
}

/// keepalived's processes with this configuration.
fn keepaliveds(node: &Node, config: &str) -> Vec<String> {
    let look = "ps -eo pid,comm,args | awk -v c=\"$1\" '$2 == \"keepalived\" && index($0, c) {print $1}'";
    let output = node.exec(["sh", "-c", look, "sh", config]).unwrap().ok().unwrap();
    output.stdout.lines().map(str::to_owned).collect()
}

/// Somebody else's keepalived, until dropped.
struct Foreign<'a> {
    node: &'a Node,
    processes: Vec<String>,
}

impl<'a> Foreign<'a> {
    const CONFIG: &'static str = "/etc/keepalived/keepalived.conf";

    fn on(node: &'a Node, address: &str) -> Self {
        let text = format!(
            "vrrp_instance other {{\n    state MASTER\n    interface eth0\n    virtual_router_id 9\n    \
             priority 100\n    virtual_ipaddress {{\n        {address}/24\n    }}\n}}\n"
        );
        node.write_file(Self::CONFIG, &text).unwrap();
        node.exec(["keepalived", "-P", "-f", Self::CONFIG]).unwrap().ok().unwrap();
        let processes = until("the other keepalived runs", PATIENCE, || {
            Some(keepaliveds(node, Self::CONFIG)).filter(|found| found.len() == 2)
        });
        Self { node, processes: processes.unwrap() }
    }

    #[track_caller]
    fn assert_untouched(&self) {
        assert_eq!(keepaliveds(self.node, Self::CONFIG), self.processes, "it is somebody else's");
    }
}

impl Drop for Foreign<'_> {
    fn drop(&mut self) {
        for process in &self.processes {
            self.node.exec(["kill", process]).ok();
        }
        self.node.exec(["rm", "-f", Self::CONFIG]).ok();
    }
}

#[test]
fn the_virtual_ip_is_mended_reloaded_and_withdrawn_beside_another_keepalived() {
    let (stage, operator) = Stage::cluster();
    let address = free_address(&stage, 201);
    let foreign = Foreign::on(stage.host(1), &free_address(&stage, 202));
    with_keepalived(&operator, &stage, &address, &[]);
    let serve: &[&str] = &["serve_virtual_ip"];
    operator.plan().exits(0).plans(&[("node1", serve), ("node2", serve), ("node3", serve)]);
    operator.apply().exits(0);
    operator.plan().exits(0).plans(&[]);
    foreign.assert_untouched();

    let broken = holder(&stage, &address).clone();
    let killed = keepaliveds(&broken, OURS);
    assert_eq!(killed.len(), 2, "{killed:?}");
    let kill: Vec<&str> = ["kill", "-KILL"].into_iter().chain(killed.iter().map(String::as_str)).collect();
    broken.exec(kill).unwrap().ok().unwrap();
    let planned = operator.plan().exits(0).plans(&[(broken.name(), serve)]);
    assert!(planned.why(broken.name(), "serve_virtual_ip").contains("does not run"), "{}", planned.stdout);
    operator.apply().exits(0);
    holder(&stage, &address);
    foreign.assert_untouched();

    // Another number reaches the one that runs: it is not started anew.
    let before = keepaliveds(stage.host(2), OURS);
    with_keepalived(&operator, &stage, &address, &[("oms_vip_router_id", "77")]);
    let planned = operator.plan().exits(0).plans(&[("node1", serve), ("node2", serve), ("node3", serve)]);
    assert_eq!(planned.why("node2", "serve_virtual_ip"), "router id: 201 → 77");
    operator.apply().exits(0);
    assert_eq!(keepaliveds(stage.host(2), OURS), before);
    assert!(stage.host(2).read_file(OURS).unwrap().contains("virtual_router_id 77\n"));
    holder(&stage, &address);

    // The number and the address of the other one are refused, and so is a host without keepalived.
    with_keepalived(&operator, &stage, &address, &[("oms_vip_router_id", "9")]);
    let row = |node: &str| vec![(node.to_owned(), "keepalived".to_owned())];
    assert_eq!(operator.check().exits(3).failed_checks(), row("node1"));
    with_keepalived(&operator, &stage, &address, &[("oms_vip_router_id", "77")]);
    let rename = |from, to| stage.host(3).exec(["mv", from, to]).unwrap().ok().unwrap();
    rename("/usr/sbin/keepalived", "/usr/sbin/keepalived.away");
    let checked = operator.check();
    rename("/usr/sbin/keepalived.away", "/usr/sbin/keepalived");
    assert_eq!(checked.exits(3).tells(&["install the package keepalived"]).failed_checks(), row("node3"));

    operator.inventory(&stage, &stage.host_lines(USUAL), &[]);
    let withdraw: &[&str] = &["withdraw_virtual_ip"];
    operator.plan().exits(0).plans(&[("node1", withdraw), ("node2", withdraw), ("node3", withdraw)]);
    operator.apply().exits(0);
    assert_eq!(holders(&stage, &address).len(), 0);
    for node in stage.usual() {
        assert_eq!(keepaliveds(node, OURS), Vec::<String>::new(), "{}", node.name());
    }
    foreign.assert_untouched();
    operator.plan().exits(0).plans(&[]);
    assert_lawful(&stage);
    assert_nothing_left(stage.usual());
}
