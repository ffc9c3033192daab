//! The first rollout, and the second one that finds nothing to do.

use omsctl_inventory::{ImageSource, InitBy, InitOrder, RegistryLogin};
use omsctl_proto::{
    Action, DockerFacts, Gate, ImageFacts, ImageOrigin, InitState, Role, Secret, SecretName, StepId,
};

use crate::plan::fixture::{ARCHIVE, Cluster, PASSWORD, archive, digest, name, steps_of};
use crate::plan::secrets;

const FRESH: [&str; 8] = [
    "make_directories",
    "write_config",
    "load_image",
    "create_container",
    "schema:initialise",
    "await_services",
    "await_healthy",
    "register",
];

#[test]
fn fresh_hosts_get_everything_in_the_order_of_the_design() {
    let cluster = Cluster::fresh(3);
    let plan = cluster.plan().unwrap();
    for node in ["n1", "n2", "n3"] {
        assert_eq!(steps_of(&plan, node), FRESH, "{node}");
        assert_eq!(plan.node(&name(node)).unwrap().role, Role::New);
    }
    assert_eq!(plan.changes(), 24);
    assert_eq!(plan.schema_order, ["n1", "n2", "n3"].map(name));
    assert!(!plan.sequential);
    assert_eq!(plan.warnings, Vec::<String>::new());
}

#[test]
fn the_container_is_created_with_the_documented_arguments() {
    let plan = Cluster::fresh(1).plan().unwrap();
    let step = plan.nodes[0].step(StepId::CreateContainer).unwrap().clone();
    let Action::CreateContainer { container, set_aside: None } = step.action else { panic!("{step:?}") };
    let mounts: Vec<String> =
        container.mounts.iter().map(|mount| format!("{}:{}", mount.host, mount.container)).collect();
    assert_eq!(
        mounts,
        [
            "/data/oms/config.yaml:/home/admin/conf/config.yaml",
            "/data/oms/oms_logs:/home/admin/logs",
            "/data/oms/oms_store:/home/ds/store",
            "/data/oms/oms_run:/home/ds/run",
        ]
    );
    assert_eq!(container.host_ip.to_string(), "10.0.0.1");
    assert_eq!(container.image.reference, "reg/oceanbase/oms:feature_4.2.7_ce");
    assert_eq!(container.restart_policy, None);
}

#[test]
fn what_the_steps_name_travels_beside_them_and_no_secret_is_in_the_plan() {
    let plan = Cluster::fresh(1).plan().unwrap();
    let secrets = &plan.secrets[&name("n1")];
    let config = secrets.values().next().unwrap().expose();
    assert!(config.contains(PASSWORD) && config.contains("\"10.0.0.1\""), "{config}");
    let step = plan.nodes[0].step(StepId::LoadImage).unwrap();
    let Action::LoadImage { origin: ImageOrigin::Archive { content, size, whole, .. }, .. } = &step.action
    else {
        panic!("{step:?}")
    };
    let archive = archive("4.2.7");
    let parcel = archive.parcel(0);
    assert_eq!((content, *size, *whole), (&parcel.content(), parcel.size(), archive.unpacked()));
    let text = serde_json::to_string(&plan.nodes[0].steps).unwrap() + &format!("{plan:?}");
    assert!(!text.contains(PASSWORD), "{text}");
}

#[test]
fn a_second_apply_finds_nothing_to_do() {
    let cluster = Cluster::ready(3);
    let plan = cluster.plan().unwrap();
    assert_eq!(plan.changes(), 0);
    assert_eq!(plan.nodes.len(), 3);
    assert!(plan.nodes.iter().all(crate::plan::NodeSteps::is_empty));
    assert!(plan.secrets.is_empty() && plan.schema_order.is_empty());
}

#[test]
fn images_that_initialise_themselves_wait_at_the_gate_before_they_start() {
    let mut cluster = Cluster::fresh(2);
    cluster.observed.archives.insert(ARCHIVE.into(), archive("4.2.11"));
    let plan = cluster.plan().unwrap();
    assert_eq!(
        steps_of(&plan, "n1")[3..],
        ["schema:create_container", "initialise", "await_services", "await_healthy", "register"]
    );
    assert_eq!(plan.schema_order, ["n1", "n2"].map(name));
}

#[test]
fn a_tag_without_a_version_needs_oms_init_by() {
    let mut cluster = Cluster::fresh(1);
    cluster.settings("n1").image = ImageSource::Reference("oms:latest".to_owned());
    let text = cluster.refused();
    assert!(text.contains("tag of oms:latest does not tell") && text.contains("set oms_init_by"), "{text}");
    cluster.settings("n1").init_by = InitBy::Image;
    let plan = cluster.plan().unwrap();
    assert_eq!(plan.nodes[0].step(StepId::CreateContainer).unwrap().gate, Some(Gate::Schema));
    let step = plan.nodes[0].step(StepId::LoadImage).unwrap();
    assert!(matches!(step.action, Action::LoadImage { origin: ImageOrigin::Pull { .. }, .. }), "{step:?}");
}

#[test]
fn the_log_in_of_a_registry_travels_apart_from_the_step_and_only_with_it() {
    let mut cluster = Cluster::fresh(2);
    for node in ["n1", "n2"] {
        cluster.settings(node).image = ImageSource::Reference("harbor.example.com/oms:4.2.7".to_owned());
    }
    let (user, password) = ("robot".to_owned(), Secret::new("canary"));
    cluster.settings("n1").registry = Some(RegistryLogin { user, password });
    let plan = cluster.plan().unwrap();
    let credentials = |node: &str| {
        let step = plan.node(&name(node)).unwrap().step(StepId::LoadImage).unwrap();
        let Action::LoadImage { origin: ImageOrigin::Pull { credentials }, .. } = &step.action else {
            panic!("{step:?}")
        };
        credentials.clone()
    };
    let content = SecretName::new("registry").unwrap();
    assert_eq!((credentials("n1"), credentials("n2")), (Some(content.clone()), None));
    let text = plan.secrets[&name("n1")][&content].expose();
    assert!(text.contains("harbor.example.com") && !text.contains("canary"), "it is encoded: {text}");
    assert!(!plan.secrets[&name("n2")].contains_key(&content));
    let again = secrets(&cluster.deployment, &cluster.observed, &cluster.goal);
    assert_eq!(again[&name("n1")][&content].expose(), text, "also for a plan that is carried on");

    let mut walked = Cluster::fresh(1);
    walked.settings("n1").image = ImageSource::Reference("oms:4.2.7".to_owned());
    let plan = walked.plan().unwrap();
    walked.walk(&plan);
    let (user, password) = ("robot".to_owned(), Secret::new("canary"));
    walked.settings("n1").registry = Some(RegistryLogin { user, password });
    assert!(walked.plan().unwrap().secrets.is_empty(), "nothing is pulled any more");
}

#[test]
fn sequential_order_is_handed_on() {
    let mut cluster = Cluster::fresh(1);
    cluster.settings("n1").init_order = InitOrder::Sequential;
    assert!(cluster.plan().unwrap().sequential);
}

#[test]
fn an_initialisation_is_found_again_and_comes_first() {
    #[track_caller]
    fn check(state: InitState, expected: &[&str]) {
        let mut cluster = Cluster::fresh(3);
        let plan = cluster.plan().unwrap();
        cluster.walk(&plan);
        cluster.observed.facts.insert(name("n1"), Cluster::fresh(1).observed.facts[&name("n1")].clone());
        cluster.container("n3").initialisation.state = state;
        cluster.container("n3").health = None;
        let plan = cluster.plan().unwrap();
        assert_eq!(steps_of(&plan, "n3"), expected);
        assert_eq!(plan.schema_order, ["n3", "n1"].map(name));
    }
    check(InitState::Running, &["schema:initialise", "await_services", "await_healthy"]);
    check(InitState::Interrupted, &["schema:initialise", "await_services", "await_healthy"]);
}

#[test]
fn a_host_that_is_initialised_outside_the_limit_is_waited_for() {
    let mut cluster = Cluster::fresh(2);
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    cluster.container("n2").initialisation.state = InitState::Running;
    cluster.container("n1").initialisation.state = InitState::Failed;
    cluster.limit(&["n1"]);
    assert!(cluster.refused().contains("n2 is outside --limit and is being initialised"));
}

#[test]
fn a_running_initialisation_is_waited_for_before_anything_it_reads_is_touched() {
    let mut cluster = Cluster::ready(1);
    cluster.container("n1").initialisation.state = InitState::Running;
    cluster.container("n1").privileged = false;
    cluster.config().tsdb.enabled = Some(true);
    let plan = cluster.plan().unwrap();
    assert_eq!(
        steps_of(&plan, "n1"),
        ["schema:initialise", "write_config", "reload_config", "await_services", "await_healthy"]
    );
    assert!(
        plan.warnings[0].contains("left for the next apply: --privileged differs"),
        "{:?}",
        plan.warnings
    );
    cluster.walk(&plan);
    assert_eq!(cluster.steps("n1")[0], "replace_container");
}

#[test]
fn only_what_a_host_lacks_of_the_image_is_sent() {
    let mut cluster = Cluster::fresh(2);
    let archive = archive("4.2.7");
    let DockerFacts::Answers { images, .. } = &mut cluster.facts("n1").docker else { panic!() };
    images.push(ImageFacts {
        id: digest("another image"),
        references: Vec::new(),
        layers: vec![archive.layers[0].clone(), digest("another layer")],
        architecture: "amd64".to_owned(),
    });
    let plan = cluster.plan().unwrap();
    let sent = |number: usize| match &plan.nodes[number].step(StepId::LoadImage).unwrap().action {
        Action::LoadImage { origin: ImageOrigin::Archive { content, size, unpacked, .. }, .. } => {
            (content.clone(), *size, *unpacked)
        }
        other => panic!("{other:?}"),
    };
    let parcel = archive.parcel(1);
    assert_eq!(sent(0), (parcel.content(), parcel.size(), 24 << 20));
    let whole = archive.parcel(0);
    assert_eq!(sent(1), (whole.content(), whole.size(), archive.unpacked()));
    assert!(
        cluster.why("n1", "load_image").contains("12.0 MiB are sent of 1.0 GiB"),
        "{}",
        cluster.why("n1", "load_image")
    );
    assert!(!cluster.why("n2", "load_image").contains("are sent"));
}

#[test]
fn hosts_that_receive_the_same_open_a_door_to_each_other() {
    let doors = |cluster: &Cluster| -> Vec<Option<(String, u16)>> {
        let plan = cluster.plan().unwrap();
        let doors = plan.nodes.iter().map(|node| match &node.step(StepId::LoadImage).unwrap().action {
            Action::LoadImage { origin: ImageOrigin::Archive { door, .. }, .. } => *door,
            other => panic!("{other:?}"),
        });
        doors.map(|door| door.map(|door| (door.address.to_string(), door.port))).collect()
    };
    let door = |address: &str, port| Some((address.to_owned(), port));
    let mut cluster = Cluster::fresh(2);
    cluster.deployment.hosts[1].settings.relay_port = Some(4433);
    assert_eq!(doors(&cluster), [door("10.0.0.1", 0), door("10.0.0.2", 4433)]);
    cluster.goal.relay = false;
    assert_eq!(doors(&cluster), [None, None]);
    assert_eq!(doors(&Cluster::fresh(1)), [None]);
}

#[test]
fn an_image_that_is_there_under_another_name_is_named() {
    let mut cluster = Cluster::ready(1);
    let DockerFacts::Answers { images, .. } = &mut cluster.facts("n1").docker else { panic!() };
    images[0].references = vec!["other:1".to_owned()];
    assert_eq!(cluster.steps("n1"), [""; 0], "what runs needs no name");
    cluster.facts("n1").container = None;
    assert_eq!(cluster.steps("n1")[..2], ["load_image", "create_container"]);
    assert!(cluster.why("n1", "load_image").contains("named, not sent"));
}
