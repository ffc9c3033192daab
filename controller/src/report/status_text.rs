//! What is there now, for people: a table and the reasons below it.

use super::table::{Cell, table_within};
use super::words;
use crate::out::{Paint, Style};
use crate::plan::{DumpStatus, NodeState, NodeStatus, Status};

const HEADINGS: [&str; 7] = ["HOST", "STATE", "ADDRESS", "CONTAINER", "IMAGE", "SERVICES", "METADB"];

/// What a narrow terminal does without, the first of them first.
const EXPENDABLE: [&str; 3] = ["IMAGE", "CONTAINER", "ADDRESS"];

/// The text of `status`, on a terminal with so many columns.
pub fn status_text(status: &Status, style: Style, columns: Option<usize>) -> String {
    let rows: Vec<Vec<Cell>> = status.nodes.iter().map(row).collect();
    let (mut text, left_out) = table_within(columns, &HEADINGS, &EXPENDABLE, &rows, style);
    if !left_out.is_empty() {
        let names = left_out.join(", ").to_lowercase();
        words::add_line(&mut text, &style.paint(Paint::Faint, &format!("(no room for: {names})")));
    }
    text.push('\n');
    for node in &status.nodes {
        for reason in &node.reasons {
            words::add_line(&mut text, &format!("{}: {}", node.node, words::clean(reason)));
        }
    }
    if status.nodes.iter().any(|node| !node.reasons.is_empty()) {
        text.push('\n');
    }
    if let Some(tsdb) = &status.tsdb {
        let (word, paint) = state(tsdb.state);
        let place = format!("time-series database on {} port {}: ", tsdb.node, tsdb.port);
        let reasons: Vec<String> = tsdb.reasons.iter().map(|reason| words::clean(reason)).collect();
        let reasons = if reasons.is_empty() { String::new() } else { format!(", {}", reasons.join(", ")) };
        words::add_line(&mut text, &format!("{place}{}{reasons}", style.paint(paint, word)));
        text.push('\n');
    }
    for dump in &status.dumps {
        words::add_line(&mut text, &words::clean(&dumped(dump)));
    }
    if !status.dumps.is_empty() {
        text.push('\n');
    }
    if status.ha_enabled == Some(false) {
        let line = "HA is off: when a host dies, its tasks stay dead (omsctl ha status)";
        words::add_line(&mut text, &style.paint(Paint::Warning, line));
        text.push('\n');
    }
    text.push_str(&last_line(status, style));
    text
}

fn row(node: &NodeStatus) -> Vec<Cell> {
    let (word, paint) = state(node.state);
    vec![
        Cell::new(node.node.as_str()),
        Cell::painted(word, paint),
        Cell::new(node.address.map_or_else(|| "-".to_owned(), |address| address.to_string())),
        Cell::new(short(node.container_id.as_deref())),
        Cell::new(short(node.image_id.as_deref())),
        services(node),
        registered(node),
    ]
}

fn dumped(dump: &DumpStatus) -> String {
    let DumpStatus { node, taken, folder, .. } = dump;
    let version = dump.version.as_deref().map(|version| format!(" of OMS {version}")).unwrap_or_default();
    let restored = dump.restored.as_ref().map(|when| format!(", restored {when}")).unwrap_or_default();
    let size = words::bytes(dump.bytes);
    format!("dump{version} on {node}, {size}, taken {taken}{restored}: {folder}")
}

fn state(state: NodeState) -> (&'static str, Paint) {
    match state {
        NodeState::Ready => ("ready", Paint::Good),
        NodeState::Degraded => ("degraded", Paint::Warning),
        NodeState::Stopped => ("stopped", Paint::Bad),
        NodeState::Absent => ("absent", Paint::Faint),
        NodeState::Unreachable => ("unreachable", Paint::Bad),
        NodeState::Unknown => ("unknown", Paint::Bad),
    }
}

/// Twelve digits, as Docker shows them.
fn short(id: Option<&str>) -> String {
    let id = id.unwrap_or("-");
    id.strip_prefix("sha256:").unwrap_or(id).chars().take(12).collect()
}

/// "12 run", or what does not; more than one is named below the table.
fn services(node: &NodeStatus) -> Cell {
    let number = node.services.len();
    let down: Vec<_> = node.services.iter().filter(|(_, state)| *state != "RUNNING").collect();
    match down.as_slice() {
        [] if number == 0 => Cell::new("-"),
        [] => Cell::new(format!("{number} run")),
        [(name, state)] => Cell::painted(format!("{name} {state}"), Paint::Bad),
        more => Cell::painted(format!("{} of {number} down", more.len()), Paint::Bad),
    }
}

fn registered(node: &NodeStatus) -> Cell {
    let Some(registered) = &node.registered else { return Cell::new("-") };
    let status = &registered.status;
    match registered.heartbeat_age_s {
        Some(age) => Cell::new(format!("{status}, heartbeat {age} s ago")),
        None => Cell::new(format!("{status}, no heartbeat")),
    }
}

fn last_line(status: &Status, style: Style) -> String {
    let all = words::count(status.nodes.len(), "host");
    let ready = status.nodes.iter().filter(|node| node.state == NodeState::Ready).count();
    let (paint, line) = if status.healthy {
        (Paint::Good, format!("healthy: {all} ready"))
    } else {
        (Paint::Bad, format!("not healthy: {ready} of {all} ready"))
    };
    format!("{}\n", style.paint(paint, &line))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::plan::Registered;
    use crate::report::fixtures::name;

    fn node(host: &str, state: NodeState) -> NodeStatus {
        NodeStatus {
            node: name(host),
            state,
            address: None,
            image_id: None,
            container_id: None,
            services: BTreeMap::new(),
            registered: None,
            reasons: Vec::new(),
        }
    }

    #[test]
    fn a_table_and_the_reasons_below_it() {
        let services = |nginx: &str| {
            BTreeMap::from([
                ("nginx".to_owned(), nginx.to_owned()),
                ("oms_console".to_owned(), "RUNNING".to_owned()),
            ])
        };
        let ready = NodeStatus {
            address: Some("10.0.0.11".parse().unwrap()),
            image_id: Some(format!("sha256:{}", "9a2b".repeat(16))),
            container_id: Some("0c1f".repeat(16)),
            services: services("RUNNING"),
            registered: Some(Registered { status: "ONLINE".to_owned(), heartbeat_age_s: Some(3) }),
            ..node("node1", NodeState::Ready)
        };
        let degraded = NodeStatus {
            node: name("node2"),
            state: NodeState::Degraded,
            services: services("FATAL"),
            registered: Some(Registered { status: "OFFLINE".to_owned(), heartbeat_age_s: None }),
            reasons: vec!["nginx is FATAL".to_owned()],
            ..ready.clone()
        };
        let gone = NodeStatus {
            reasons: vec!["no connection to node3.example:22".to_owned()],
            ..node("node3", NodeState::Unreachable)
        };
        assert_eq!(
            status_text(
                &Status {
                    healthy: false,
                    ha_enabled: Some(true),
                    nodes: vec![ready, degraded, gone],
                    tsdb: None,
                    dumps: Vec::new(),
                },
                Style::PLAIN,
                None
            ),
            "\
HOST   STATE        ADDRESS    CONTAINER     IMAGE         SERVICES     METADB
node1  ready        10.0.0.11  0c1f0c1f0c1f  9a2b9a2b9a2b  2 run        ONLINE, heartbeat 3 s ago
node2  degraded     10.0.0.11  0c1f0c1f0c1f  9a2b9a2b9a2b  nginx FATAL  OFFLINE, no heartbeat
node3  unreachable  -          -             -             -            -

node2: nginx is FATAL
node3: no connection to node3.example:22

not healthy: 1 of 3 hosts ready
"
        );
        let mut healthy = Status {
            healthy: true,
            ha_enabled: None,
            nodes: vec![node("a", NodeState::Ready)],
            tsdb: None,
            dumps: Vec::new(),
        };
        assert!(status_text(&healthy, Style::PLAIN, None).ends_with("\nhealthy: 1 host ready\n"));
        healthy.dumps = vec![DumpStatus {
            node: name("a"),
            run: omsctl_proto::RunId::new("r-1").unwrap(),
            taken: "2026-01-04T10:00:00Z".to_owned(),
            restored: None,
            version: Some("4.2.7".to_owned()),
            bytes: 3 << 20,
            folder: "/var/lib/omsctl/dumps/r-1".to_owned(),
        }];
        let line = "dump of OMS 4.2.7 on a, 3.1 MB, taken 2026-01-04T10:00:00Z: /var/lib/omsctl/dumps/r-1\n";
        assert!(
            status_text(&healthy, Style::PLAIN, None).contains(line),
            "{}",
            status_text(&healthy, Style::PLAIN, None)
        );
        healthy.ha_enabled = Some(false);
        assert!(status_text(&healthy, Style::PLAIN, None).contains("HA is off"));
    }

    #[test]
    fn a_narrow_terminal_gets_what_matters_on_one_line_a_host() {
        let services =
            ["nginx", "oms_console"].map(|service| (service.to_owned(), "FATAL".to_owned())).into();
        let down = NodeStatus {
            address: Some("10.0.0.11".parse().unwrap()),
            image_id: Some(format!("sha256:{}", "9a2b".repeat(16))),
            container_id: Some("0c1f".repeat(16)),
            services,
            registered: Some(Registered { status: "ONLINE".to_owned(), heartbeat_age_s: Some(3) }),
            reasons: vec!["nginx is FATAL".to_owned(), "oms_console is FATAL".to_owned()],
            ..node("node1", NodeState::Degraded)
        };
        let status = Status {
            healthy: false,
            ha_enabled: Some(true),
            nodes: vec![down],
            tsdb: None,
            dumps: Vec::new(),
        };
        assert_eq!(
            status_text(&status, Style::PLAIN, Some(60)),
            "\
HOST   STATE     SERVICES     METADB
node1  degraded  2 of 2 down  ONLINE, heartbeat 3 s ago
(no room for: image, container, address)

node1: nginx is FATAL
node1: oms_console is FATAL

not healthy: 0 of 1 host ready
"
        );
        let widest = status_text(&status, Style::PLAIN, Some(100)).lines().map(str::len).max();
        assert!(widest <= Some(100), "{widest:?}");
    }
}
