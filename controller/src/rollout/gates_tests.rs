//! The order of hosts at their gates, case by case.

use omsctl_proto::{Evidence, MetaDbProof, Outcome};

use super::*;

fn node(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

fn all(nodes: &[(&str, Role, &[Gate])]) -> Vec<GateRow> {
    let row = |(name, role, gates): &(&str, Role, &[Gate])| GateRow {
        node: node(name),
        role: *role,
        gates: gates.iter().copied().collect(),
        proof: MetaDbProof::Registered,
        serves_tsdb: false,
    };
    nodes.iter().map(row).collect()
}

fn gates(nodes: &[(&str, Role, &[Gate])]) -> Gates {
    Gates::new(&all(nodes), InitOrder::Staggered, None)
}

fn waits(gates: &mut Gates, name: &str, gate: Gate) {
    gates.observe(&node(name), &EventKind::GateWaiting { step: StepId::Initialise, gate });
}

fn milestone(gates: &mut Gates, name: &str, milestone: Milestone) {
    let kind = EventKind::StepMilestone { step: StepId::Initialise, milestone, evidence: Evidence::new() };
    gates.observe(&node(name), &kind);
}

fn opened(gates: &mut Gates) -> Vec<String> {
    gates.open().into_iter().map(|(node, gate)| format!("{node}:{gate}")).collect()
}

fn for_good(gates: &Gates, name: &str) -> String {
    match gates.hopeless(&node(name)) {
        Some(Shut::ForGood(reason)) => reason,
        other => panic!("{name}: {other:?}"),
    }
}

const SCHEMA: &[Gate] = &[Gate::Schema];
const TURN: &[Gate] = &[Gate::Turn];
const FRESH: [(&str, Role, &[Gate]); 3] =
    [("a", Role::New, SCHEMA), ("b", Role::New, SCHEMA), ("c", Role::New, SCHEMA)];

#[test]
fn the_schema_step_is_on_one_host_at_a_time_and_first_on_the_first() {
    let mut gates = gates(&FRESH);
    waits(&mut gates, "c", Gate::Schema);
    assert_eq!(opened(&mut gates), [""; 0], "the first host has not come yet");
    waits(&mut gates, "a", Gate::Schema);
    assert_eq!(opened(&mut gates), ["a:schema"]);
    waits(&mut gates, "b", Gate::Schema);
    milestone(&mut gates, "a", Milestone::SchemaEntered);
    assert_eq!(opened(&mut gates), [""; 0]);
    milestone(&mut gates, "a", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), ["b:schema"]);
    assert_eq!(opened(&mut gates), [""; 0], "a gate is given out once");
    milestone(&mut gates, "b", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), ["c:schema"]);
}

#[test]
fn after_the_first_whoever_is_there_may_go() {
    let mut gates = gates(&FRESH);
    waits(&mut gates, "a", Gate::Schema);
    waits(&mut gates, "c", Gate::Schema);
    assert_eq!(opened(&mut gates), ["a:schema"]);
    milestone(&mut gates, "a", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), ["c:schema"], "b is still loading its image");
}

#[test]
fn sequential_waits_for_the_whole_initialisation() {
    let nodes = all(&FRESH);
    let mut gates = Gates::new(&nodes, InitOrder::Sequential, None);
    waits(&mut gates, "a", Gate::Schema);
    waits(&mut gates, "b", Gate::Schema);
    assert_eq!(opened(&mut gates), ["a:schema"]);
    milestone(&mut gates, "a", Milestone::SchemaEntered);
    milestone(&mut gates, "a", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), [""; 0]);
    let done = EventKind::StepDone {
        step: StepId::Initialise,
        outcome: Outcome::Changed,
        evidence: Evidence::new(),
        elapsed_ms: 1,
    };
    gates.observe(&node("a"), &done);
    assert_eq!(opened(&mut gates), ["b:schema"]);
}

#[test]
fn a_failure_before_the_schema_step_passes_the_gate_on() {
    let mut gates = gates(&FRESH);
    waits(&mut gates, "b", Gate::Schema);
    gates.ended(&node("a"), false);
    assert_eq!(opened(&mut gates), ["b:schema"]);
}

#[test]
fn a_failure_inside_the_schema_step_keeps_the_gate_shut_until_it_is_proved_over() {
    let mut gates = gates(&FRESH);
    waits(&mut gates, "a", Gate::Schema);
    assert_eq!(opened(&mut gates), ["a:schema"]);
    milestone(&mut gates, "a", Milestone::SchemaEntered);
    waits(&mut gates, "b", Gate::Schema);
    gates.ended(&node("a"), false);
    assert_eq!(opened(&mut gates), [""; 0]);
    assert!(for_good(&gates, "b").contains("a failed in the schema step"));
    assert_eq!(gates.hopeless(&node("c")), None, "c does not wait yet");
    milestone(&mut gates, "a", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), ["b:schema"]);
}

#[test]
fn a_lost_holder_keeps_the_gate_shut_even_before_it_said_that_it_entered() {
    let mut gates = gates(&FRESH);
    waits(&mut gates, "a", Gate::Schema);
    waits(&mut gates, "b", Gate::Schema);
    assert_eq!(opened(&mut gates), ["a:schema"]);
    gates.lost(&node("a"));
    assert_eq!(opened(&mut gates), [""; 0]);
    assert_eq!(gates.hopeless(&node("b")), Some(Shut::Behind(node("a"))));
}

#[test]
fn one_found_in_the_schema_step_holds_the_gate() {
    let mut gates = gates(&FRESH);
    milestone(&mut gates, "b", Milestone::SchemaEntered);
    waits(&mut gates, "a", Gate::Schema);
    assert_eq!(opened(&mut gates), [""; 0]);
    milestone(&mut gates, "b", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), ["a:schema"]);
}

#[test]
fn existing_hosts_wait_for_the_new_ones_and_change_one_at_a_time() {
    let mut gates =
        gates(&[("a", Role::Existing, TURN), ("b", Role::Existing, TURN), ("n", Role::New, SCHEMA)]);
    waits(&mut gates, "b", Gate::Turn);
    waits(&mut gates, "a", Gate::Turn);
    assert_eq!(opened(&mut gates), [""; 0]);
    waits(&mut gates, "n", Gate::Schema);
    assert_eq!(opened(&mut gates), ["n:schema"]);
    gates.ended(&node("n"), true);
    assert_eq!(opened(&mut gates), ["b:turn"]);
    assert_eq!(opened(&mut gates), [""; 0]);
    gates.ended(&node("b"), true);
    assert_eq!(opened(&mut gates), ["a:turn"]);
}

#[test]
fn a_failed_new_host_leaves_the_old_ones_as_they_were() {
    let mut gates = gates(&[("a", Role::Existing, TURN), ("n", Role::New, &[])]);
    waits(&mut gates, "a", Gate::Turn);
    gates.ended(&node("n"), false);
    assert_eq!(opened(&mut gates), [""; 0]);
    assert_eq!(for_good(&gates, "a"), "n comes first and is not finished");
}

#[test]
fn the_first_to_change_is_a_canary() {
    let mut gates = gates(&[("a", Role::Existing, TURN), ("b", Role::Existing, TURN)]);
    waits(&mut gates, "a", Gate::Turn);
    waits(&mut gates, "b", Gate::Turn);
    assert_eq!(opened(&mut gates), ["a:turn"]);
    gates.ended(&node("a"), false);
    assert_eq!(opened(&mut gates), [""; 0]);
    assert!(for_good(&gates, "b").contains("first to change"));
}

#[test]
fn no_gate_opens_past_the_limit_of_failures_or_after_an_interrupt() {
    let nodes = all(&FRESH);
    let mut gates = Gates::new(&nodes, InitOrder::Staggered, NonZeroUsize::new(1));
    waits(&mut gates, "b", Gate::Schema);
    gates.ended(&node("a"), false);
    assert_eq!(opened(&mut gates), [""; 0]);
    assert!(for_good(&gates, "b").contains("--max-failures"));

    let mut gates = Gates::new(&nodes, InitOrder::Staggered, None);
    waits(&mut gates, "a", Gate::Schema);
    gates.close();
    assert_eq!(opened(&mut gates), [""; 0]);
    assert_eq!(gates.hopeless(&node("a")), None, "it waits for whoever goes on");
}

fn passes(gates: &mut Gates, name: &str, gate: Gate) {
    gates.observe(&node(name), &EventKind::GatePassed { step: StepId::Initialise, gate });
}

#[test]
fn a_gate_that_another_controller_opened_is_not_opened_again() {
    let mut gates = gates(&FRESH);
    for name in ["a", "b", "c"] {
        waits(&mut gates, name, Gate::Schema);
    }
    passes(&mut gates, "a", Gate::Schema);
    assert_eq!(opened(&mut gates), [""; 0], "a may be in its schema step");
    milestone(&mut gates, "a", Milestone::SchemaEntered);
    milestone(&mut gates, "a", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), ["b:schema"]);
    // It was told so twice: by the event, and by what the host says is open.
    gates.passed(&node("a"), Gate::Schema);
    milestone(&mut gates, "b", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), ["c:schema"]);
}

#[test]
fn whoever_hears_the_past_of_two_hosts_in_any_order_knows_who_is_inside() {
    let mut gates = gates(&FRESH);
    waits(&mut gates, "a", Gate::Schema);
    passes(&mut gates, "a", Gate::Schema);
    milestone(&mut gates, "a", Milestone::SchemaEntered);
    // b was let through when a was over; that a is over is heard later.
    waits(&mut gates, "b", Gate::Schema);
    passes(&mut gates, "b", Gate::Schema);
    milestone(&mut gates, "b", Milestone::SchemaEntered);
    waits(&mut gates, "c", Gate::Schema);
    milestone(&mut gates, "a", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), [""; 0], "b is in its schema step");
    milestone(&mut gates, "b", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), ["c:schema"]);

    let hosts = [("a", Role::Existing, TURN), ("b", Role::Existing, TURN), ("c", Role::Existing, TURN)];
    let mut gates = self::gates(&hosts);
    for name in ["a", "b", "c"] {
        waits(&mut gates, name, Gate::Turn);
    }
    passes(&mut gates, "a", Gate::Turn);
    passes(&mut gates, "b", Gate::Turn);
    gates.ended(&node("a"), true);
    assert_eq!(opened(&mut gates), [""; 0], "b is changing");
    gates.ended(&node("b"), true);
    assert_eq!(opened(&mut gates), ["c:turn"]);
}

#[test]
fn whoever_waits_once_more_is_let_through_once_more_but_not_beside_another() {
    let mut gates = gates(&FRESH);
    for name in ["a", "b", "c"] {
        waits(&mut gates, name, Gate::Schema);
    }
    assert_eq!(opened(&mut gates), ["a:schema"]);
    passes(&mut gates, "a", Gate::Schema);
    milestone(&mut gates, "a", Milestone::SchemaEntered);
    milestone(&mut gates, "a", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), ["b:schema"]);
    // Its host restarted before the initialisation was over: it begins again.
    waits(&mut gates, "a", Gate::Schema);
    assert_eq!(opened(&mut gates), [""; 0], "b may be in its schema step");
    // The agent of b was killed before it heard of its opening.
    waits(&mut gates, "b", Gate::Schema);
    assert_eq!(opened(&mut gates), ["b:schema"]);
    passes(&mut gates, "b", Gate::Schema);
    milestone(&mut gates, "b", Milestone::SchemaEntered);
    milestone(&mut gates, "b", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), ["a:schema"]);
}

#[test]
fn a_turn_that_another_controller_gave_is_waited_for() {
    let mut gates = gates(&[("a", Role::Existing, TURN), ("b", Role::Existing, TURN)]);
    waits(&mut gates, "a", Gate::Turn);
    waits(&mut gates, "b", Gate::Turn);
    passes(&mut gates, "b", Gate::Turn);
    assert_eq!(opened(&mut gates), [""; 0]);
    gates.ended(&node("b"), true);
    assert_eq!(opened(&mut gates), ["a:turn"]);
}

#[test]
fn a_host_that_cannot_be_asked_keeps_its_gates_shut() {
    let nodes = all(&FRESH);
    let mut gates = gates(&FRESH);
    gates.absent(&nodes[1]);
    waits(&mut gates, "a", Gate::Schema);
    assert_eq!(opened(&mut gates), [""; 0]);
    assert_eq!(gates.hopeless(&node("a")), Some(Shut::Behind(node("b"))));
}

#[test]
fn a_host_that_is_given_up_holds_nobody_up() {
    let nodes = all(&FRESH);
    let mut gates = gates(&FRESH);
    gates.given_up(&nodes[0]);
    waits(&mut gates, "b", Gate::Schema);
    assert_eq!(opened(&mut gates), ["b:schema"]);
    assert_eq!(gates.hopeless(&node("b")), None);
}

#[test]
fn a_failure_counts_before_the_schema_step_behind_it_is_told_to_be_over() {
    let mut gates = Gates::new(&all(&FRESH), InitOrder::Staggered, NonZeroUsize::new(1));
    waits(&mut gates, "a", Gate::Schema);
    waits(&mut gates, "b", Gate::Schema);
    assert_eq!(opened(&mut gates), ["a:schema"]);
    let error = omsctl_proto::ErrorReport::new(omsctl_proto::ErrorCode::Initialisation, "no");
    gates.observe(&node("a"), &EventKind::StepFailed { step: StepId::Initialise, error, elapsed_ms: 0 });
    milestone(&mut gates, "a", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), [""; 0]);
    gates.ended(&node("a"), false);
    assert_eq!(opened(&mut gates), [""; 0]);
    assert!(for_good(&gates, "b").starts_with("1 hosts failed"));
}

#[test]
fn serving_hosts_that_are_replaced_do_not_wait_for_each_other_in_a_circle() {
    let both: &[Gate] = &[Gate::Turn, Gate::Schema];
    let mut gates = gates(&[("a", Role::Existing, both), ("b", Role::Existing, both)]);
    waits(&mut gates, "b", Gate::Turn);
    assert_eq!(opened(&mut gates), ["b:turn"]);
    waits(&mut gates, "a", Gate::Turn);
    waits(&mut gates, "b", Gate::Schema);
    assert_eq!(opened(&mut gates), ["b:schema"]);
    gates.ended(&node("b"), true);
    assert_eq!(opened(&mut gates), ["a:turn"]);
}

const MOVING: [(&str, Role, &[Gate]); 3] = [
    ("a", Role::Existing, &[Gate::Metadb, Gate::Schema]),
    ("b", Role::Existing, &[Gate::Metadb, Gate::Schema]),
    ("n", Role::New, &[Gate::Schema]),
];

#[test]
fn the_metadb_changes_when_all_stand_and_only_then_the_gate_opens() {
    let mut gates = gates(&MOVING);
    waits(&mut gates, "n", Gate::Schema);
    waits(&mut gates, "a", Gate::Metadb);
    assert_eq!(gates.metadb_may_change(), None, "b may still serve");
    waits(&mut gates, "b", Gate::Metadb);
    assert_eq!(gates.metadb_may_change(), Some(node("a")));
    assert_eq!(gates.metadb_may_change(), None, "it is given out once");
    assert_eq!(opened(&mut gates), [""; 0]);
    gates.metadb_changed();
    assert_eq!(opened(&mut gates), ["a:metadb", "b:metadb"]);
    waits(&mut gates, "a", Gate::Schema);
    assert_eq!(opened(&mut gates), ["a:schema"], "the new host comes after it");
    milestone(&mut gates, "a", Milestone::SchemaOver);
    assert_eq!(opened(&mut gates), ["n:schema"]);
}

#[test]
fn a_host_that_was_let_through_by_a_controller_before_says_that_the_metadb_is_changed() {
    let mut gates = gates(&MOVING);
    waits(&mut gates, "b", Gate::Metadb);
    gates.passed(&node("a"), Gate::Metadb);
    assert_eq!(gates.metadb_may_change(), None);
    assert_eq!(opened(&mut gates), ["b:metadb"]);
}

#[test]
fn a_host_that_does_not_stand_keeps_everybody_from_going_on() {
    let mut gates = gates(&MOVING);
    waits(&mut gates, "a", Gate::Metadb);
    waits(&mut gates, "n", Gate::Schema);
    gates.lost(&node("b"));
    assert_eq!(gates.metadb_may_change(), None);
    assert_eq!(opened(&mut gates), [""; 0]);
    for name in ["a", "n"] {
        assert!(for_good(&gates, name).contains("b is not known to be stopped"), "{name}");
    }
}

#[test]
fn a_metadb_that_could_not_be_changed_lets_nobody_through() {
    let mut gates = gates(&MOVING);
    waits(&mut gates, "a", Gate::Metadb);
    waits(&mut gates, "b", Gate::Metadb);
    assert!(gates.metadb_may_change().is_some());
    gates.metadb_failed("access denied".to_owned());
    assert_eq!(opened(&mut gates), [""; 0]);
    assert_eq!(for_good(&gates, "a"), "access denied");
}

/// `a` changes the databases, `b` and `c` only wait.
const UPGRADING: [(&str, Role, &[Gate]); 3] = [
    ("a", Role::Existing, &[Gate::Stopped, Gate::Databases]),
    ("b", Role::Existing, &[Gate::Databases, Gate::Schema]),
    ("c", Role::Existing, &[Gate::Databases]),
];

#[test]
fn the_databases_are_touched_when_all_others_are_stopped_and_nobody_starts_before_they_are_ready() {
    let mut gates = gates(&UPGRADING);
    waits(&mut gates, "a", Gate::Stopped);
    waits(&mut gates, "b", Gate::Databases);
    assert_eq!(opened(&mut gates), [""; 0]);
    waits(&mut gates, "c", Gate::Databases);
    assert_eq!(opened(&mut gates), ["a:stopped"]);
    gates.passed(&node("a"), Gate::Stopped);
    assert_eq!(opened(&mut gates), [""; 0]);
    waits(&mut gates, "a", Gate::Databases);
    assert_eq!(opened(&mut gates), ["a:databases", "b:databases", "c:databases"]);
    assert_eq!(opened(&mut gates), [""; 0], "each is let through once");
}

#[test]
fn whoever_fails_or_is_lost_before_the_databases_are_ready_keeps_the_others_from_starting() {
    let mut gates = gates(&UPGRADING);
    waits(&mut gates, "a", Gate::Stopped);
    waits(&mut gates, "b", Gate::Databases);
    gates.lost(&node("c"));
    assert_eq!(opened(&mut gates), [""; 0]);
    for name in ["a", "b"] {
        assert!(for_good(&gates, name).contains("c did not come so far"), "{name}");
        gates.dismissed(&node(name));
        assert_eq!(gates.hopeless(&node(name)), None, "it is told once");
    }
}

#[test]
fn whoever_fails_after_the_databases_are_ready_holds_nobody_up() {
    let mut gates = gates(&UPGRADING);
    // A controller that takes over hears that one is through.
    gates.passed(&node("c"), Gate::Databases);
    gates.ended(&node("c"), false);
    waits(&mut gates, "b", Gate::Databases);
    assert_eq!(opened(&mut gates), ["b:databases"]);
    assert_eq!(gates.hopeless(&node("b")), None);
}

#[test]
fn oms_is_told_of_the_time_series_database_when_that_serves() {
    let rows = |name: &str| {
        let mut rows = all(&[("a", Role::New, SCHEMA), ("b", Role::Existing, TURN), ("db", Role::New, &[])]);
        for row in &mut rows {
            row.serves_tsdb = row.node == node(name);
        }
        rows
    };
    let mut gates = Gates::new(&rows("db"), InitOrder::Staggered, None);
    waits(&mut gates, "a", Gate::Schema);
    waits(&mut gates, "b", Gate::Turn);
    assert_eq!(opened(&mut gates), [""; 0]);
    let done = |step| EventKind::StepDone {
        step,
        outcome: Outcome::Changed,
        evidence: Evidence::new(),
        elapsed_ms: 1,
    };
    gates.observe(&node("db"), &done(StepId::LoadTsdbImage));
    assert_eq!(opened(&mut gates), [""; 0]);
    gates.observe(&node("db"), &done(StepId::ServeTsdb));
    assert_eq!(opened(&mut gates), ["a:schema"]);
    // Whoever serves comes after everything new, the database included.
    gates.ended(&node("a"), true);
    assert_eq!(opened(&mut gates), [""; 0]);
    gates.ended(&node("db"), true);
    assert_eq!(opened(&mut gates), ["b:turn"]);

    let mut gates = Gates::new(&rows("db"), InitOrder::Staggered, None);
    waits(&mut gates, "a", Gate::Schema);
    waits(&mut gates, "b", Gate::Turn);
    gates.ended(&node("db"), false);
    assert_eq!(opened(&mut gates), [""; 0]);
    for name in ["a", "b"] {
        assert!(for_good(&gates, name).contains("db did not bring the time-series database up"));
    }
}

const ROTATING: [(&str, Role, &[Gate]); 3] = [
    ("a", Role::Existing, &[Gate::Password]),
    ("b", Role::Existing, &[Gate::Password]),
    ("c", Role::Existing, &[Gate::Password]),
];

fn asked(gates: &mut Gates) -> Vec<String> {
    gates.password_may_change().iter().map(ToString::to_string).collect()
}

fn at_the_password(names: &[&str]) -> Gates {
    let mut gates = gates(&ROTATING);
    for name in names {
        waits(&mut gates, name, Gate::Password);
    }
    gates
}

#[test]
fn the_password_changes_when_all_have_their_file_by_way_of_one_and_is_seen_from_all() {
    let mut gates = at_the_password(&["c", "a"]);
    assert_eq!(asked(&mut gates), [""; 0], "b would be locked out");
    waits(&mut gates, "b", Gate::Password);
    assert_eq!(asked(&mut gates), ["a"]);
    assert_eq!(asked(&mut gates), [""; 0], "each is asked once");
    gates.password_taken(&node("a"));
    assert_eq!(asked(&mut gates), ["b", "c"]);
    gates.password_taken(&node("b"));
    assert_eq!(opened(&mut gates), [""; 0]);
    gates.password_taken(&node("c"));
    assert_eq!(opened(&mut gates), ["a:password", "b:password", "c:password"]);
}

#[test]
fn a_host_that_is_lost_before_the_change_prevents_it_and_after_it_holds_nobody_up() {
    let mut before = at_the_password(&["a", "b"]);
    before.lost(&node("c"));
    assert_eq!(asked(&mut before), [""; 0]);
    assert!(for_good(&before, "a").contains("c did not come so far, and would be locked out"));

    let mut after = at_the_password(&["a", "b", "c"]);
    assert_eq!(asked(&mut after), ["a"]);
    after.password_taken(&node("a"));
    assert_eq!(asked(&mut after), ["b", "c"]);
    after.password_taken(&node("b"));
    after.lost(&node("c"));
    assert_eq!(opened(&mut after), ["a:password", "b:password"]);
}

#[test]
fn a_metadb_that_refuses_to_change_lets_nobody_through() {
    let mut gates = at_the_password(&["a", "b", "c"]);
    assert_eq!(asked(&mut gates), ["a"]);
    assert!(!gates.password_refused(&node("a"), "the policy wants more".to_owned()));
    assert_eq!((asked(&mut gates), opened(&mut gates)), (Vec::new(), Vec::new()));
    assert_eq!(for_good(&gates, "c"), "the policy wants more");
}

#[test]
fn a_host_that_the_changed_metadb_does_not_let_in_is_the_only_one_to_stay() {
    let mut gates = at_the_password(&["a", "b", "c"]);
    assert_eq!(asked(&mut gates), ["a"]);
    gates.password_taken(&node("a"));
    assert_eq!(asked(&mut gates), ["b", "c"]);
    assert!(gates.password_refused(&node("b"), "another account".to_owned()));
    gates.ended(&node("b"), false);
    gates.password_taken(&node("c"));
    assert_eq!(opened(&mut gates), ["a:password", "c:password"]);
}

#[test]
fn whom_a_controller_before_let_through_says_that_the_metadb_takes_it() {
    let mut gates = at_the_password(&["b", "c"]);
    gates.passed(&node("a"), Gate::Password);
    assert_eq!(asked(&mut gates), [""; 0]);
    assert_eq!(opened(&mut gates), ["b:password", "c:password"]);
}
