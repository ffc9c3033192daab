//! Story: an initialisation fails. The others finish, the script's own words are told, and a second apply mends it.

use system_tests::rig::{Fault, FaultMode, Step};

use super::evidence::{assert_lawful, assert_registered, container_ids, is_healthy};
use super::operator::Operator;
use super::stage::Stage;

fn fails_then_mends(step: Step) {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let host = stage.host(2).address();
    stage.fault(&Fault { step, host, mode: FaultMode::Fail, times: Some(1) }).unwrap();

    let applied = operator.apply().exits(1).tells(&["Lost connection during step"]);

    assert_eq!(applied.result_of("node2"), "failed", "{}", applied.stdout);
    assert_eq!(applied.of_node("node2")["error"]["code"], "initialisation", "{}", applied.stdout);
    for number in [1, 3] {
        assert_eq!(applied.result_of(&format!("node{number}")), "changed", "{}", applied.stdout);
        assert!(is_healthy(stage.host(number), "http"));
    }
    let ids = container_ids(stage.usual());
    let again = operator.apply().exits(0);
    assert_eq!(again.result_of("node2"), "changed");
    assert_eq!(container_ids(stage.usual()), ids, "the same container is initialised");
    assert_registered(&stage, stage.usual());
    assert_lawful(&stage);
    operator.plan().exits(0).plans(&[]);
}

#[test]
fn the_schema_step_fails_on_one_host() {
    fails_then_mends(Step::SchemaInside);
}

#[test]
fn the_restart_fails_on_one_host() {
    fails_then_mends(Step::Restart);
}
