//! Story: OMS over HTTPS, from the first rollout, turned on in a running cluster, and with another certificate. All but one
//! host answer all the time, the key is guarded like a password, and a broken pair changes nothing.

use std::time::Duration;

use system_tests::rig::{Node, until};

use super::evidence::{
    assert_lawful, assert_nothing_left, assert_registered, container_ids, inspect, is_healthy, judge_mark,
    judged_since, snapshot,
};
use super::operator::Operator;
use super::secrets::{Watch, files_on, files_with};
use super::stage::{CONTAINER, Stage, USUAL};

/// A new pair, made on a host and taken away from there: certificate and key.
pub(super) fn make_pair(node: &Node, name: &str) -> (String, String) {
    let subject = format!("/CN={name}");
    let make = "openssl req -x509 -newkey rsa:2048 -nodes -days 60 -subj \"$1\" -keyout /tmp/k -out /tmp/c 2>/dev/null";
    node.exec(["sh", "-c", make, "sh", &subject]).unwrap().ok().unwrap();
    let pair = (node.read_file("/tmp/c").unwrap(), node.read_file("/tmp/k").unwrap());
    node.exec(["rm", "/tmp/k", "/tmp/c"]).unwrap().ok().unwrap();
    pair
}

/// The operator's files of the pair, with an inventory that names them.
fn give(operator: &Operator, stage: &Stage, hosts: usize, (certificate, key): &(String, String)) {
    let (certificate, key) = (operator.write("oms.crt", certificate), operator.write("oms.key", key));
    let variables = [("oms_https_cert", certificate.as_str()), ("oms_https_key", key.as_str())];
    operator.inventory(stage, &stage.host_lines(hosts), &variables);
}

/// The SHA-256 of what a client is shown, in lower case without colons.
fn served(node: &Node) -> String {
    let ask = "openssl s_client -connect 127.0.0.1:8089 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256";
    fingerprint(&node.exec(["sh", "-c", ask]).unwrap().stdout)
}

fn fingerprint_of(node: &Node, certificate: &str) -> String {
    let ask = ["openssl", "x509", "-noout", "-fingerprint", "-sha256"];
    fingerprint(&node.exec_with_input(&ask, certificate).unwrap().ok().unwrap().stdout)
}

fn fingerprint(said: &str) -> String {
    said.rsplit('=').next().unwrap_or_default().trim().replace(':', "").to_lowercase()
}

/// Asks all hosts for their health again and again, from one that is none of them.
struct AllBut<'a> {
    from: &'a Node,
    hosts: usize,
}

const ROUNDS: &str = "/tmp/rounds";

impl<'a> AllBut<'a> {
    fn begin(from: &'a Node, stage: &Stage, schemes: &str) -> Self {
        let addresses: Vec<&str> = stage.usual().iter().map(Node::address).collect();
        let script = "rm -f /tmp/rounds /tmp/over
(while [ ! -e /tmp/over ]; do
    for host in $1; do
        code=000
        for scheme in $2; do
            found=$(curl --silent --insecure --max-time 2 -o /dev/null -w '%{http_code}' $scheme://$host:8089/oms/health)
            [ \"$found\" = 200 ] && code=200
        done
        printf '%s ' $code
    done
    echo
done >/tmp/rounds; touch /tmp/ended) >/dev/null 2>&1 &";
        from.exec(["sh", "-c", script, "sh", &addresses.join(" "), schemes]).unwrap().ok().unwrap();
        Self { from, hosts: addresses.len() }
    }

    /// How often it asked, and the rounds in which a host was missed.
    #[track_caller]
    fn end(self) -> (usize, Vec<String>) {
        self.from.exec(["touch", "/tmp/over"]).unwrap().ok().unwrap();
        until("the rounds end", Duration::from_secs(30), || {
            self.from.exec(["test", "-e", "/tmp/ended"]).unwrap().success().then_some(())
        })
        .unwrap();
        let rounds = self.from.read_file(ROUNDS).unwrap();
        self.from.exec(["rm", "-f", ROUNDS, "/tmp/over", "/tmp/ended"]).unwrap().ok().unwrap();
        let whole = format!("{}\n", "200 ".repeat(self.hosts));
        let rounds: Vec<String> = rounds.lines().map(|line| format!("{line}\n")).collect();
        let missed = rounds.iter().filter(|round| **round != whole).cloned().collect();
        (rounds.len(), missed)
    }
}

#[track_caller]
fn assert_one_away_at_most((asked, missed): &(usize, Vec<String>)) {
    assert!(*asked > 20, "it asked {asked} times only");
    let answered = |round: &String| round.matches("200").count();
    let bad: Vec<&String> = missed.iter().filter(|round| answered(round) < USUAL - 1).collect();
    assert!(bad.is_empty(), "two hosts were away at once: {bad:?}");
}

#[test]
fn a_certificate_turns_https_on() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let node = stage.host(1);
    let pair = make_pair(node, "oms");
    give(&operator, &stage, 1, &pair);
    let key = &pair.1;
    // A line from the middle of the key.
    let canary = key.lines().nth(5).unwrap();

    let watch = Watch::begin(&[canary]);
    operator.apply().exits(0);
    watch.saw_no_secret();

    assert!(is_healthy(node, "https"), "no health over HTTPS");
    assert!(!is_healthy(node, "http"), "HTTPS only");
    assert_eq!(served(node), fingerprint_of(node, &pair.0));
    let mode = node.exec(["stat", "-c", "%a", "/data/oms/https_key"]).unwrap().stdout;
    assert_eq!(mode.trim(), "600");
    assert_eq!(node.read_file("/data/oms/https_key").unwrap(), *key);
    assert_eq!(files_with(canary, &operator.home()), Vec::<String>::new());
    assert_eq!(files_on(node, canary), "");
    operator.plan().exits(0);
    let status = operator.run(&["status", "--format", "json"]).exits(0);
    assert_eq!(status.json()["healthy"], true, "{}", status.stdout);
    assert_lawful(&stage);
}

#[test]
fn a_running_cluster_turns_to_https_and_gets_another_certificate() {
    let (stage, operator) = Stage::cluster();
    let (first, second) = (make_pair(stage.host(4), "first"), make_pair(stage.host(4), "second"));

    // The container is another one, so it is initialised again, by turns.
    give(&operator, &stage, USUAL, &first);
    let planned = operator.plan().exits(0);
    assert!(planned.steps_of("node1").contains(&"replace_container".to_owned()), "{}", planned.stdout);
    let rounds = AllBut::begin(stage.host(4), &stage, "http https");
    let applied = operator.apply();
    let rounds = rounds.end();
    applied.exits(0);
    assert_one_away_at_most(&rounds);
    assert!(!rounds.1.is_empty(), "a container was replaced and nobody missed it: the watch sees nothing");
    for node in stage.usual() {
        assert!(is_healthy(node, "https") && !is_healthy(node, "http"), "{}", node.name());
        assert_eq!(served(node), fingerprint_of(node, &first.0));
    }
    operator.plan().exits(0).plans(&[]);

    // A key of another certificate: told by `plan`, refused by `apply`, and nothing is touched.
    give(&operator, &stage, USUAL, &(second.0.clone(), first.1.clone()));
    let before = snapshot(&stage);
    operator.plan().exits(3).tells(&["do not belong together", "oms_https_key"]);
    operator.apply().exits(3).tells(&["do not belong together"]);
    assert_eq!(snapshot(&stage), before, "exit 3 changes nothing");

    give(&operator, &stage, USUAL, &second);
    let steps: &[&str] = &["write_certificates", "serve_certificate", "await_healthy"];
    let planned = operator.plan().exits(0).plans(&[("node1", steps), ("node2", steps), ("node3", steps)]);
    let why = planned.why("node1", "write_certificates");
    assert!(why.contains("https_crt differs from the file on the bastion"), "{why}");
    let started = |node: &Node| inspect(node, CONTAINER)["State"]["StartedAt"].clone();
    let (ids, starts): (_, Vec<_>) =
        (container_ids(stage.usual()), stage.usual().iter().map(started).collect());
    let mark = judge_mark(&stage);
    let rounds = AllBut::begin(stage.host(4), &stage, "https");
    let applied = operator.run(&["apply", "--yes", "--format", "jsonl"]);
    let rounds = rounds.end();
    // The proof is in the event of the step.
    let wanted = fingerprint_of(stage.host(1), &second.0);
    applied.exits(0).tells(&[&format!("\"served_certificate\":\"{wanted}\"")]);
    assert_one_away_at_most(&rounds);
    for node in stage.usual() {
        assert_eq!(served(node), wanted, "{}", node.name());
    }
    assert_eq!(container_ids(stage.usual()), ids);
    assert_eq!(stage.usual().iter().map(started).collect::<Vec<_>>(), starts, "only nginx was restarted");
    let noticed = judged_since(&stage, mark);
    assert!(noticed.is_empty(), "OMS's own programs were touched: {noticed:?}");
    operator.plan().exits(0).plans(&[]);

    // Somebody's own files are in place and nginx was never told: what counts is what is served.
    let node = stage.host(2);
    node.docker_exec(CONTAINER, ["supervisorctl", "stop", "nginx"]).unwrap().ok().unwrap();
    node.write_file("/data/oms/https_crt", &first.0).unwrap();
    node.write_file("/data/oms/https_key", &first.1).unwrap();
    node.docker_exec(CONTAINER, ["supervisorctl", "start", "nginx"]).unwrap().ok().unwrap();
    node.write_file("/data/oms/https_crt", &second.0).unwrap();
    node.write_file("/data/oms/https_key", &second.1).unwrap();
    assert_eq!(served(node), fingerprint_of(node, &first.0), "what this part of the story begins with");
    operator.plan().exits(0).plans(&[("node2", &["serve_certificate", "await_healthy"])]);
    operator.apply().exits(0);
    assert_eq!(served(node), wanted);

    assert_registered(&stage, stage.usual());
    assert_lawful(&stage);
    assert_nothing_left(stage.usual());
}
