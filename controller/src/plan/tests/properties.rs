//! Whatever is found on the hosts: the plan keeps its rules, and once it is walked nothing is left to do.

use omsctl_proto::{ContainerFacts, DockerFacts, InitState, PathState, former_path};
use proptest::prelude::*;

use crate::plan::fixture::{ARCHIVE, Cluster, archive, digest, name};
use crate::plan::{Plan, Refusal, broken_rules};

/// What can have happened to one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    AsItShouldBe,
    Wiped,
    ContainerRemoved,
    Stopped,
    StoppedAndSilent,
    DirectoryDeleted,
    StaleMount,
    OtherImage,
    OtherArguments,
    OtherConfig,
    ReplacedConfig,
    NoConfig,
    ReloadLost,
    Initialisation(InitState),
    ServiceFatal,
    ServiceStarting,
    Unhealthy,
    Unregistered,
    Unreachable,
    DockerDown,
}

fn fate() -> impl Strategy<Value = Fate> {
    use Fate::*;
    prop::sample::select(vec![
        AsItShouldBe,
        AsItShouldBe,
        Wiped,
        ContainerRemoved,
        Stopped,
        StoppedAndSilent,
        DirectoryDeleted,
        StaleMount,
        OtherImage,
        OtherArguments,
        OtherConfig,
        ReplacedConfig,
        NoConfig,
        ReloadLost,
        Initialisation(InitState::NotBegun),
        Initialisation(InitState::Running),
        Initialisation(InitState::Failed),
        Initialisation(InitState::Interrupted),
        ServiceFatal,
        ServiceStarting,
        Unhealthy,
        Unregistered,
        Unreachable,
        DockerDown,
    ])
}

fn stop(container: &mut ContainerFacts) {
    container.running = false;
    "exited".clone_into(&mut container.status);
    container.health = None;
}

fn suffer(cluster: &mut Cluster, index: usize, fate: Fate) {
    let node = format!("n{}", index + 1);
    let node = node.as_str();
    match fate {
        Fate::AsItShouldBe => {}
        Fate::Wiped => {
            let all = u8::try_from(cluster.deployment.hosts.len()).unwrap();
            let fresh = Cluster::fresh(all).observed.facts.remove(&name(node)).unwrap();
            cluster.observed.facts.insert(name(node), fresh);
        }
        Fate::ContainerRemoved => cluster.facts(node).container = None,
        Fate::Stopped => stop(cluster.container(node)),
        Fate::StoppedAndSilent => {
            stop(cluster.container(node));
            cluster.container(node).initialisation.state = InitState::CannotTell;
        }
        Fate::DirectoryDeleted => {
            cluster.facts(node).paths.clear();
        }
        Fate::StaleMount => cluster.container(node).stale_mounts = vec!["/data/oms/config.yaml".to_owned()],
        Fate::OtherImage => cluster.container(node).image_id = digest("another"),
        Fate::OtherArguments => cluster.container(node).privileged = false,
        Fate::OtherConfig => {
            let text = cluster.rendered().replace("cn-hangzhou", "elsewhere");
            cluster.write_config(node, text);
        }
        Fate::ReplacedConfig => {
            let former = cluster.goal.key.of(b"former");
            cluster.container(node).config_inside = Some(former);
        }
        Fate::NoConfig => cluster.facts(node).config = None,
        Fate::ReloadLost => {
            let former = former_path("/data/oms/config.yaml");
            cluster.facts(node).paths.insert(former, PathState::File);
        }
        Fate::Initialisation(state) => cluster.container(node).initialisation.state = state,
        Fate::ServiceFatal => {
            cluster.container(node).services.insert("nginx".to_owned(), "FATAL".to_owned());
        }
        Fate::ServiceStarting => {
            cluster.container(node).services.insert("nginx".to_owned(), "STARTING".to_owned());
        }
        Fate::Unhealthy => cluster.container(node).health = None,
        Fate::Unregistered => {
            cluster.metadb().hosts.retain(|row| !row.ip.ends_with(&format!(".{}", index + 1)));
        }
        Fate::Unreachable => cluster.unreachable(node),
        Fate::DockerDown => {
            cluster.facts(node).docker = DockerFacts::Silent { error: "down".to_owned() };
        }
    }
}

fn walk(cluster: &mut Cluster, plan: &Plan, version: &str) {
    cluster.walk(plan);
    cluster.metadb().oms_version = Some(version.to_owned());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_keeps_its_rules_and_leads_to_the_goal(
        fates in prop::collection::vec((fate(), fate()), 1..5),
        new_hosts in 0_u8..3,
        initialises_itself: bool,
        selected in prop::collection::vec(prop::bool::weighted(0.9), 8),
    ) {
        let version = if initialises_itself { "4.2.11" } else { "4.2.7" };
        let mut cluster = Cluster::fresh(u8::try_from(fates.len()).unwrap());
        cluster.observed.archives.insert(ARCHIVE.into(), archive(version));
        let plan = cluster.plan().unwrap();
        walk(&mut cluster, &plan, version);
        for (index, (one, other)) in fates.iter().enumerate() {
            suffer(&mut cluster, index, *one);
            let gone = matches!(
                one,
                Fate::Wiped | Fate::ContainerRemoved | Fate::Unreachable | Fate::DockerDown
            );
            if !gone {
                suffer(&mut cluster, index, *other);
            }
        }
        for _ in 0..new_hosts {
            cluster.add_host();
        }
        for (host, selected) in cluster.deployment.hosts.iter_mut().zip(selected) {
            host.selected = selected;
        }
        cluster.goal.keep_going = true;

        let plan = match cluster.plan() {
            Ok(plan) => plan,
            Err(refusals) => {
                let expected = |refusal: &Refusal| matches!(
                    refusal,
                    Refusal::InitialisationElsewhere { .. } | Refusal::TakesMore { .. }
                );
                prop_assert!(refusals.0.iter().all(expected), "{refusals}");
                return Ok(());
            }
        };
        prop_assert_eq!(broken_rules(&plan, &cluster.deployment, &cluster.observed), Vec::<String>::new());
        let postponed = plan.warnings.iter().any(|warning| warning.contains("left for the next apply"));
        walk(&mut cluster, &plan, version);
        let mut again = cluster.plan().unwrap();
        if postponed {
            walk(&mut cluster, &again, version);
            again = cluster.plan().unwrap();
        }
        prop_assert_eq!(again.changes(), 0, "{:#?}", again.nodes);
    }
}
