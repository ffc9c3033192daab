//! What was changed by hand, by accident or in the files, and exactly the steps that mend it.

use omsctl_proto::{Action, DockerFacts, FormerText, InitState, MetaDbProof, PathState, StepId};

use crate::plan::fixture::{ARCHIVE, Cluster, archive, digest, name, steps_of};

/// A ready cluster of three, one change, and what is planned: for `n2` the steps, for the others nothing.
#[track_caller]
fn check(change: impl FnOnce(&mut Cluster), expected: &[&str], step: &str, why: &str) {
    let mut cluster = Cluster::ready(3);
    change(&mut cluster);
    let plan = cluster.plan().unwrap();
    assert_eq!(steps_of(&plan, "n2"), expected);
    assert_eq!(steps_of(&plan, "n1"), [""; 0]);
    assert_eq!(steps_of(&plan, "n3"), [""; 0]);
    let found = cluster.why("n2", step);
    assert!(found.contains(why), "{found}");
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0, "a second apply finds more to do");
}

fn stop(cluster: &mut Cluster, node: &str) {
    let container = cluster.container(node);
    container.running = false;
    "exited".clone_into(&mut container.status);
    container.exit_code = Some(137);
    container.services.clear();
    container.health = None;
}

#[test]
fn a_changed_key_is_written_and_read_again_one_host_at_a_time() {
    let mut cluster = Cluster::ready(3);
    cluster.config().tsdb.enabled = Some(true);
    let plan = cluster.plan().unwrap();
    for node in ["n1", "n2", "n3"] {
        assert_eq!(
            steps_of(&plan, node),
            ["turn:write_config", "reload_config", "await_services", "await_healthy"]
        );
    }
    let why = cluster.why("n1", "write_config");
    assert!(why.starts_with("tsdb_enabled differs: have not set, want true (takes a restart"), "{why}");
    assert_eq!(plan.warnings.len(), 1, "{:?}", plan.warnings);
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
}

#[test]
fn a_single_host_has_nobody_to_wait_for() {
    let mut cluster = Cluster::ready(1);
    cluster.config().is_default = false;
    assert_eq!(cluster.steps("n1")[0], "write_config");
}

#[test]
fn a_stopped_container_is_started() {
    check(
        |cluster| stop(cluster, "n2"),
        &["start_container", "await_services", "await_healthy"],
        "start_container",
        "exited, exit code 137",
    );
}

#[test]
fn a_stopped_container_that_nobody_can_ask_is_looked_at_through_the_gate() {
    check(
        |cluster| {
            stop(cluster, "n2");
            cluster.container("n2").initialisation.state = InitState::CannotTell;
        },
        &["start_container", "schema:initialise", "await_services", "await_healthy"],
        "initialise",
        "nobody can tell",
    );
}

#[test]
fn a_deleted_directory_takes_a_restart() {
    check(
        |cluster| {
            cluster.facts("n2").paths.remove("/data/oms/oms_store");
            cluster.container("n2").stale_mounts = vec!["/data/oms/oms_store".to_owned()];
        },
        &["make_directories", "turn:restart_container", "await_services", "await_healthy"],
        "restart_container",
        "/data/oms/oms_store",
    );
}

#[test]
fn a_replaced_config_file_takes_a_restart() {
    check(
        |cluster| cluster.container("n2").config_inside = Some(cluster.goal.key.of(b"former")),
        &["turn:restart_container", "reload_config", "await_services", "await_healthy"],
        "restart_container",
        "another config.yaml",
    );
}

#[test]
fn another_image_on_one_host_is_replaced_and_initialised_again() {
    check(
        |cluster| {
            cluster.container("n2").image_id = digest("another");
            let DockerFacts::Answers { images, .. } = &mut cluster.facts("n2").docker else { panic!() };
            images.clear();
        },
        &["load_image", "turn:replace_container", "schema:initialise", "await_services", "await_healthy"],
        "replace_container",
        "image differs: have",
    );
}

#[test]
fn the_replaced_container_is_kept_under_the_name_of_the_run() {
    let mut cluster = Cluster::ready(2);
    cluster.container("n2").image_id = digest("another");
    let plan = cluster.plan().unwrap();
    let step = plan.nodes[1].step(StepId::ReplaceContainer).unwrap();
    let Action::CreateContainer { set_aside, .. } = &step.action else { panic!("{step:?}") };
    assert_eq!(set_aside.as_deref(), Some("oms-run1"));
}

#[test]
fn the_same_layers_under_another_id_are_the_same_image() {
    let mut cluster = Cluster::ready(1);
    let DockerFacts::Answers { images, containerd_store, .. } = &mut cluster.facts("n1").docker else {
        panic!()
    };
    *containerd_store = true;
    images[0].id = digest("manifest");
    cluster.container("n1").image_id = digest("manifest");
    assert_eq!(cluster.steps("n1"), [""; 0]);
}

#[test]
fn every_documented_argument_counts() {
    #[track_caller]
    fn differs(change: impl FnOnce(&mut omsctl_proto::ContainerFacts), why: &str) {
        let mut cluster = Cluster::ready(1);
        change(cluster.container("n1"));
        let found = cluster.why("n1", "replace_container");
        assert_eq!(found, why);
    }
    differs(
        |found| found.environment = vec!["OMS_HOST_IP=10.9.9.9".to_owned()],
        "OMS_HOST_IP differs: have 10.9.9.9, want 10.0.0.1",
    );
    differs(|found| found.environment.clear(), "OMS_HOST_IP differs: have none, want 10.0.0.1");
    differs(|found| "bridge".clone_into(&mut found.network_mode), "--net differs: have bridge, want host");
    differs(|found| found.privileged = false, "--privileged differs: have false, want true");
    differs(|found| found.pids_limit = Some(512), "--pids-limit differs: have 512, want -1");
    differs(|found| found.ulimits.clear(), "--ulimit differs: have none, want nproc=65535:65535");
    differs(|found| found.tty = false, "-t differs: have false, want true");
    differs(|found| found.open_stdin = false, "-i differs: have false, want true");
    differs(
        |found| "always".clone_into(&mut found.restart_policy),
        "--restart differs: have always, want no",
    );
}

#[test]
fn what_docker_writes_otherwise_is_no_difference() {
    let mut cluster = Cluster::ready(1);
    let found = cluster.container("n1");
    found.environment.push("IS_UPGRADE=true".to_owned());
    found.pids_limit = None;
    found.restart_policy = String::new();
    found.binds[1] = "/data/oms/oms_logs/:/home/admin/logs:rw".to_owned();
    found.binds.reverse();
    assert_eq!(cluster.steps("n1"), [""; 0]);
}

#[test]
fn a_service_that_was_given_up_takes_a_restart_and_a_starting_one_is_waited_for() {
    check(
        |cluster| {
            cluster.container("n2").services.insert("oms_console".to_owned(), "FATAL".to_owned());
        },
        &["turn:restart_container", "await_services", "await_healthy"],
        "restart_container",
        "oms_console is FATAL",
    );
    check(
        |cluster| {
            cluster.container("n2").services.insert("oms_console".to_owned(), "STARTING".to_owned());
        },
        &["await_services", "await_healthy"],
        "await_services",
        "oms_console is STARTING",
    );
    check(|cluster| cluster.container("n2").health = None, &["await_healthy"], "await_healthy", "health");
}

#[test]
fn a_host_that_the_metadb_lost_is_registered() {
    check(
        |cluster| "OFFLINE".clone_into(&mut cluster.metadb().hosts[1].status),
        &["register"],
        "register",
        "OFFLINE",
    );
    check(
        |cluster| cluster.metadb().heartbeats[1].age_s = 541,
        &["register"],
        "register",
        "the last heartbeat of the host is 541 s old",
    );
}

#[test]
fn a_host_whose_container_was_removed_gets_a_new_one_without_waiting_for_a_turn() {
    check(
        |cluster| cluster.facts("n2").container = None,
        &["create_container", "schema:initialise", "await_services", "await_healthy"],
        "create_container",
        "there is no container oms",
    );
}

#[test]
fn a_self_initialising_container_is_replaced_in_its_turn_and_through_the_gate() {
    let mut cluster = Cluster::fresh(2);
    cluster.observed.archives.insert(ARCHIVE.into(), archive("4.2.11"));
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    cluster.metadb().oms_version = Some("4.2.11".to_owned());
    cluster.container("n2").tty = false;
    assert_eq!(
        cluster.steps("n2"),
        ["turn:write_config", "schema:replace_container", "initialise", "await_services", "await_healthy"]
    );
}

#[test]
fn a_key_of_another_file_that_was_edited_on_one_host_is_repaired() {
    check(
        |cluster| {
            let text = cluster.rendered().replace("cm_region: \"cn-hangzhou\"", "cm_region: \"elsewhere\"");
            cluster.write_config("n2", text);
        },
        &["turn:write_config", "reload_config", "await_services", "await_healthy"],
        "write_config",
        "cm_region differs: have elsewhere, want cn-hangzhou",
    );
}

#[test]
fn a_file_in_another_style_is_the_same_file() {
    let mut cluster = Cluster::ready(1);
    let text =
        format!("# by hand\n{}", cluster.rendered().replace("cm_location: 7", "\"cm_location\": \"7\""));
    cluster.write_config("n1", text);
    assert_eq!(cluster.steps("n1"), [""; 0]);
}

#[test]
fn a_password_is_masked_where_the_reason_is_told() {
    let mut cluster = Cluster::ready(2);
    let text = cluster.rendered().replace("canary-password", "former-password");
    cluster.write_config("n2", text);
    let why = cluster.why("n2", "write_config");
    assert!(why.starts_with("oms_meta_password differs") && !why.contains("-password"), "{why}");
}

fn leave_former(cluster: &mut Cluster, node: &str) {
    cluster.facts(node).paths.insert("/data/oms/config.yaml.omsctl-former".to_owned(), PathState::File);
}

#[test]
fn a_reload_that_a_former_run_did_not_come_to_is_made_up_for() {
    let steps = ["turn:reload_config", "await_services", "await_healthy"];
    let why = "a former run wrote config.yaml and did not come to the reload";
    check(|cluster| leave_former(cluster, "n2"), &steps, "reload_config", why);
}

#[test]
fn a_stopped_container_reads_what_a_former_run_wrote_once_it_is_started() {
    check(
        |cluster| {
            stop(cluster, "n2");
            leave_former(cluster, "n2");
        },
        &["start_container", "reload_config", "await_services", "await_healthy"],
        "reload_config",
        "did not come to the reload",
    );
}

#[test]
fn what_a_former_run_left_goes_where_the_initialisation_reads_the_file() {
    check(
        |cluster| {
            cluster.container("n2").initialisation.state = InitState::Failed;
            leave_former(cluster, "n2");
        },
        &["write_config", "schema:initialise", "await_services", "await_healthy"],
        "write_config",
        "not needed any more",
    );
}

#[test]
fn a_file_is_kept_for_the_reload_and_only_for_that() {
    let former = |cluster: &Cluster, node: &str| {
        let plan = cluster.plan().unwrap();
        let steps = plan.node(&name(node)).unwrap().steps.clone();
        steps.into_iter().find_map(|step| {
            if let Action::WriteConfig { former, .. } = step.action { Some(former) } else { None }
        })
    };
    let mut cluster = Cluster::fresh(1);
    assert_eq!(former(&cluster, "n1"), Some(FormerText::Removed));
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    cluster.config().tsdb.enabled = Some(true);
    assert_eq!(former(&cluster, "n1"), Some(FormerText::KeptForReload));
    cluster.container("n1").privileged = false;
    assert_eq!(former(&cluster, "n1"), Some(FormerText::Removed));
}

fn with_former_password(cluster: &mut Cluster, node: &str) {
    let text = cluster.rendered().replace("canary-password", "former-password");
    cluster.write_config(node, text);
}

fn restarts_the_cm(plan: &crate::plan::Plan, node: &str) -> bool {
    let step = plan.node(&name(node)).unwrap().step(StepId::ReloadConfig).unwrap();
    matches!(step.action, Action::ReloadConfig { log_in: true, .. })
}

#[test]
fn another_password_of_the_metadb_takes_turns_and_a_restart_of_whatever_logs_in() {
    let mut cluster = Cluster::ready(3);
    for node in ["n1", "n2", "n3"] {
        with_former_password(&mut cluster, node);
    }
    let plan = cluster.plan().unwrap();
    for node in ["n1", "n2", "n3"] {
        let steps = steps_of(&plan, node);
        assert_eq!(steps, ["turn:write_config", "reload_config", "await_services", "await_healthy"]);
        assert!(restarts_the_cm(&plan, node));
        assert_eq!(
            plan.node(&name(node)).unwrap().proof,
            MetaDbProof::LoggedIn,
            "a heartbeat of before is none"
        );
    }
    let why = cluster.why("n1", "write_config");
    assert!(why.contains("takes a restart of what logs in to the MetaDB: oms_console, oms_drc_cm,"), "{why}");
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
    // Another key leaves the CM alone.
    cluster.config().tsdb.enabled = Some(true);
    let plan = cluster.plan().unwrap();
    assert!(!restarts_the_cm(&plan, "n1"));
    assert_eq!(plan.node(&name("n1")).unwrap().proof, MetaDbProof::Registered);
}

#[test]
fn another_user_of_the_metadb_still_takes_the_vendors_script() {
    let mut cluster = Cluster::ready(1);
    cluster.config().meta.user = "other@oms".to_owned();
    let refused = cluster.refused();
    assert!(refused.contains("docker_update_meta_db.sh"), "{refused}");
}

#[test]
fn services_that_died_of_a_former_password_come_back_without_a_restart_of_the_container() {
    let dead = |cluster: &mut Cluster, service: &str| {
        cluster.container("n2").services.insert(service.to_owned(), "FATAL".to_owned());
        with_former_password(cluster, "n2");
    };
    check(
        |cluster| dead(cluster, "oms_drc_cm"),
        &["turn:write_config", "reload_config", "await_services", "await_healthy"],
        "write_config",
        "oms_meta_password differs",
    );
    // The log-in has no part in this one.
    check(
        |cluster| dead(cluster, "nginx"),
        &["turn:write_config", "restart_container", "reload_config", "await_services", "await_healthy"],
        "restart_container",
        "nginx is FATAL",
    );
}

#[test]
fn what_an_unfinished_run_wrote_may_have_been_a_password() {
    let mut cluster = Cluster::ready(1);
    leave_former(&mut cluster, "n1");
    assert!(restarts_the_cm(&cluster.plan().unwrap(), "n1"));
}
