//! `omsctl check`: what the hosts find of each other, what `--fix` mends, and that a hundred hosts take no longer than
//! one.

use std::net::IpAddr;
use std::time::Duration;

use omsctl_agent::fakes::{Daemon, InitScript};
use omsctl_agent::ports::Host as _;
use omsctl_controller::command;
use omsctl_controller::exit::Exit;
use omsctl_proto::{EventKind, Milestone, Request, ToAgent};
use serde_json::Value;
use tokio::time::Instant;

use crate::bastion::Bastion;
use crate::fleet::Fleet;
use crate::link::{Moment, Then};

impl Bastion<'_> {
    /// Exit code, rows and what was told beside them.
    async fn check(&self, fix: bool) -> (Exit, Vec<Value>, String) {
        let (world, written, _interrupt) = self.world();
        let exit = command::check(&world, "omsctl check", fix).await;
        let document: Value =
            serde_json::from_str(&written.stdout()).unwrap_or_else(|_| panic!("{}", written.stderr()));
        assert_eq!(document["passed"], exit == Exit::Done, "{document}");
        (exit, document["checks"].as_array().unwrap().clone(), written.stderr())
    }
}

#[track_caller]
fn row<'a>(rows: &'a [Value], node: &str, name: &str) -> &'a Value {
    rows.iter().find(|row| row["node"] == node && row["name"] == name).expect(name)
}

fn address(number: u8) -> IpAddr {
    [10, 0, 0, number].into()
}

#[tokio::test(start_paused = true)]
async fn one_way_between_two_hosts_is_found_before_anything_changes() {
    let fleet = Fleet::new(3);
    fleet.network.separate(address(2), address(3));
    let ann = Bastion::new(&fleet);
    let (exit, rows, _) = ann.check(false).await;
    assert_eq!(exit, Exit::Refused);
    let found = row(&rows, "n2", "reach")["found"].as_str().unwrap().to_owned();
    assert!(found.starts_with("does not reach n3 (10.0.0.3) at 8088, 8089, 9000, 9001, "), "{found}");
    for node in ["n1", "n3"] {
        assert_eq!(row(&rows, node, "reach")["status"], "pass", "the way back is open");
    }
    assert_eq!(fleet.network.doors(), [], "no door stays open");
    let applied = ann.apply().await;
    assert_eq!(applied.exit, Exit::Refused);
    assert_eq!(fleet.calls().concat(), Vec::<String>::new(), "nothing was changed");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_lost_while_they_try_each_other_is_no_wall() {
    let fleet = Fleet::new(3);
    let asked =
        |message: &ToAgent| matches!(message, ToAgent::Request { request: Request::Reach { .. }, .. });
    fleet.host("n2").link.break_at(Moment::Asked(asked), Then::Away);
    let ann = Bastion::new(&fleet);
    let applied = ann.apply().await;
    assert!(fleet.host("n2").link.broke());
    assert_eq!(applied.exit, Exit::Unreachable, "{}", applied.stderr);
    assert_eq!(applied.results(), [("n1", "changed"), ("n2", "unreachable"), ("n3", "changed")]);
}

#[tokio::test(start_paused = true)]
async fn what_is_safe_is_mended_and_the_rest_is_told() {
    let fleet = Fleet::new(3);
    let machine = |name: &str| &fleet.host(name).machine;
    machine("n1").docker.set_daemon(Daemon::Silent);
    machine("n2").host.change_machine(|machine| machine.system.tcp_tw_recycle = Some(true));
    machine("n3").docker.set_daemon(Daemon::Missing);
    let ann = Bastion::new(&fleet);
    let (exit, rows, _) = ann.check(false).await;
    assert_eq!(exit, Exit::Refused);
    assert_eq!(row(&rows, "n1", "docker")["status"], "fail");
    assert_eq!(row(&rows, "n2", "tcp_tw_recycle")["status"], "fail");
    let (exit, rows, told) = ann.check(true).await;
    assert_eq!(exit, Exit::Refused, "nobody installs Docker by himself");
    assert!(told.contains("n1: docker: mended; `systemctl stop docker` there undoes it"), "{told}");
    assert!(
        told.contains("n2: tcp_tw_recycle: mended; `sysctl -w net.ipv4.tcp_tw_recycle=1` there"),
        "{told}"
    );
    assert_eq!(row(&rows, "n1", "docker")["status"], "pass");
    assert_eq!(row(&rows, "n2", "tcp_tw_recycle")["status"], "pass");
    assert_eq!(row(&rows, "n3", "docker")["status"], "fail");
    machine("n3").docker.set_daemon(Daemon::Answers);
    let (exit, _, told) = ann.check(true).await;
    assert_eq!(exit, Exit::Done, "{told}");
    assert!(told.ends_with("There is nothing that omsctl can mend by itself.\n"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_mended_while_another_controller_has_one_of_the_hosts() {
    let fleet = Fleet::new(3);
    let slow = InitScript { step: Duration::from_secs(30), ..InitScript::default() };
    fleet.host("n1").machine.docker.set_script(slow);
    let (ann, bob) = (Bastion::new(&fleet), Bastion::of(&fleet, "bob@elsewhere"));
    // She has the first host only; what can be mended is on another one.
    ann.list_hosts(1);
    let wrong = &fleet.host("n3").machine.host;
    wrong.change_machine(|machine| machine.system.tcp_tw_recycle = Some(true));
    let (applied, (exit, stdout, told)) = tokio::join!(ann.apply(), async {
        ann.store
            .heard(|event| {
                let milestone = Milestone::SchemaEntered;
                matches!(&event.kind, EventKind::StepMilestone { milestone: found, .. } if *found == milestone)
            })
            .await;
        let (world, written, _interrupt) = bob.world();
        let exit = command::check(&world, "omsctl check --fix", true).await;
        (exit, written.stdout(), written.stderr())
    });
    assert_eq!((exit, exit.code(), stdout.as_str()), (Exit::Busy, 5, ""), "{told}");
    assert!(told.contains("n1: ") && told.contains("another omsctl holds this host"), "{told}");
    assert!(told.contains("ann@bastion") && told.contains(applied.run.as_str()), "{told}");
    assert!(!told.contains("mended"), "{told}");
    assert_eq!(wrong.machine().system.tcp_tw_recycle, Some(true));
    assert_eq!(applied.exit, Exit::Done, "she goes on undisturbed: {}", applied.stderr);
    // Once she is done, nothing of bob's first try is in the way.
    let (_, rows, told) = bob.check(true).await;
    assert!(told.contains("n3: tcp_tw_recycle: mended"), "{told}");
    assert_eq!(row(&rows, "n3", "tcp_tw_recycle")["status"], "pass");
    assert_eq!(wrong.machine().system.tcp_tw_recycle, Some(false));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_hosts_take_as_long_as_one() {
    let mut took = Vec::new();
    for hosts in [1, 100] {
        let fleet = Fleet::new(hosts);
        // A connection that breaks is made again after a fifth of a second: what one host takes, all take side by side.
        for host in &fleet.hosts {
            let asked =
                |message: &ToAgent| matches!(message, ToAgent::Request { request: Request::Facts(_), .. });
            host.link.break_at(Moment::Asked(asked), Then::Back);
        }
        let bob = Bastion::new(&fleet);
        bob.list_hosts(usize::from(hosts));
        let began = Instant::now();
        let (exit, rows, told) = bob.check(false).await;
        assert_eq!(exit, Exit::Done, "{told}");
        assert!(rows.len() >= usize::from(hosts) * 20, "{}", rows.len());
        took.push(began.elapsed());
    }
    assert!(took[0] >= Duration::from_millis(200), "{took:?}");
    assert!(took[1] <= took[0] + Duration::from_millis(100), "{took:?}");
}
