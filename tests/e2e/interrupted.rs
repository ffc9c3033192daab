//! Story: the operator presses Ctrl-C, once, twice, three times, or the terminal goes away. Each leaves the hosts as it
//! says, and whoever comes next carries the rollout on without doing anything twice.

use super::evidence::{
    assert_nothing_left, assert_rolled_out_once, await_schema, has_agent, initialisations, is_healthy,
};
use super::operator::Operator;
use super::running::{Running, Signal};
use super::stage::Stage;

/// Long enough to be interrupted in.
fn long_schema(stage: &Stage) {
    stage.timing(&[("schema", 3.0)]).unwrap();
}

/// An `apply` that has the host in its schema step.
fn apply_into_schema(stage: &Stage, operator: &Operator, host: usize) -> Running {
    let applying = operator.start(&["apply", "--yes"]);
    await_schema(stage, stage.host(host));
    applying
}

#[test]
fn once_stops_at_the_gates_and_attach_goes_on() {
    let stage = Stage::empty();
    long_schema(&stage);
    let operator = Operator::new(&stage);
    let applying = apply_into_schema(&stage, &operator, 1);
    applying.signal(Signal::Interrupt);

    let stopped = applying.end().exits(130).tells(&["no further gate is opened", "wait at their gates"]);

    // The step that ran is finished, with everything after it on that host; no other gate was opened.
    assert!(is_healthy(stage.host(1), "http"), "node1 was left in the middle");
    assert_eq!(initialisations(&stage), [stage.host(1).address()]);
    assert!(!has_agent(stage.host(1)) && has_agent(stage.host(2)) && has_agent(stage.host(3)));
    let listed = operator.run(&["agents", "--format", "json"]).exits(0).json();
    let agents: Vec<_> = listed["agents"].as_array().unwrap().iter().collect();
    assert_eq!(agents.len(), 2, "{listed}");
    assert!(agents.iter().all(|agent| agent["state"] == "waiting" && agent["gate"] == "schema"), "{listed}");
    let run = agents[0]["run"].as_str().unwrap();
    stopped.tells(&[&format!("omsctl attach {run}"), "omsctl apply"]);

    let attached = operator.run(&["attach", "--format", "json"]).exits(0);
    assert_eq!((&attached.json()["run"], &attached.json()["result"]), (&run.into(), &"done".into()));
    for node in stage.usual() {
        assert_eq!(attached.result_of(node.name()), "changed", "{}", attached.stdout);
    }
    assert_rolled_out_once(&stage, stage.usual());
    operator.plan().exits(0).plans(&[]);
}

#[test]
fn hung_up_then_twice_then_three_times() {
    let stage = Stage::empty();
    long_schema(&stage);
    let operator = Operator::new(&stage);

    // A closed terminal equals one Ctrl-C, however often it is told.
    let applying = apply_into_schema(&stage, &operator, 1);
    applying.signal(Signal::HangUp);
    applying.signal(Signal::HangUp);
    applying.end().exits(130);
    assert!(has_agent(stage.host(2)) && has_agent(stage.host(3)), "the agents stay at their gates");
    assert!(is_healthy(stage.host(1), "http"), "node1 was left in the middle");

    // The next apply carries it on; twice ends every agent after the step that it is in.
    let mut carrying = apply_into_schema(&stage, &operator, 2);
    carrying.signal(Signal::Interrupt);
    carrying.until_told("no further gate is opened");
    carrying.signal(Signal::Interrupt);
    carrying.end().exits(130).tells(&["carried on", "stops after the step"]);
    assert_nothing_left(stage.usual());
    let addresses = [stage.host(1).address(), stage.host(2).address()];
    assert_eq!(initialisations(&stage), addresses, "node3 never got its gate");

    // Three times leaves at once; the initialisation goes on by itself and is found again.
    let mut leaving = apply_into_schema(&stage, &operator, 3);
    leaving.signal(Signal::Interrupt);
    leaving.until_told("no further gate is opened");
    leaving.signal(Signal::Interrupt);
    leaving.until_told("stops after the step");
    leaving.signal(Signal::Interrupt);
    leaving.end().exits(130);
    assert!(has_agent(stage.host(3)), "it left before the step had ended");

    operator.apply().exits(0);
    assert_rolled_out_once(&stage, stage.usual());
}
