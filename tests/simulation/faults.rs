//! Makes things break, and whole again.

use std::time::Duration;

use omsctl_agent::fakes::{Daemon, InitScript};
use omsctl_proto::Event;
use tokio::time::sleep;

use crate::controller::Around;
use crate::fleet::{Fleet, Host};
use crate::link::{Moment, Then, Way};
use crate::story::Fault;

/// Also what lasts a while: ends when it is over.
pub(crate) async fn strike(fault: Fault, fleet: &Fleet, around: &Around) {
    around.audit.tell(|| format!("fault: {fault:?}"));
    let host = |number: usize| &fleet.hosts[number];
    match fault {
        Fault::Cut(number) => host(number).link.cut(),
        Fault::CutAll => fleet.hosts.iter().for_each(|host| host.link.cut()),
        Fault::Tear(number, later) => around.weathers[&host(number).address].tear(later),
        Fault::TearAll(later) => around.weathers.values().for_each(|weather| weather.tear(later)),
        Fault::CutAtEvent(number, seq) => {
            let at = Moment::Event(Box::new(move |event: &Event| event.seq == seq));
            host(number).link.break_at(at, Then::Back);
        }
        Fault::Away(number, length) => away(&[host(number)], length).await,
        Fault::AllAway(length) => away(&fleet.hosts.iter().collect::<Vec<_>>(), length).await,
        Fault::Pause(number, length) => around.weathers[&host(number).address].pause(length),
        Fault::KillAgents(number) => host(number).machine.daemons.kill(),
        Fault::Reboot(number) => {
            host(number).machine.reboot();
            host(number).link.cut();
        }
        Fault::StopContainers(number) => host(number).machine.docker.stop_all(),
        Fault::DockerSilent(number, length) => {
            host(number).machine.docker.set_daemon(Daemon::Silent);
            sleep(length).await;
            host(number).machine.docker.set_daemon(Daemon::Answers);
        }
    }
    around.audit.look();
}

async fn away(hosts: &[&Host], length: Duration) {
    for host in hosts {
        host.link.set(Way::Dead);
        host.link.cut();
    }
    sleep(length).await;
    for host in hosts {
        host.link.set(Way::Open);
    }
}

/// From now on everything works.
pub(crate) fn end_all(fleet: &Fleet, around: &Around) {
    around.audit.tell(|| "no more faults".to_owned());
    for host in &fleet.hosts {
        host.link.set(Way::Open);
        host.link.break_at(Moment::Bytes(u64::MAX), Then::Back);
        host.machine.docker.set_daemon(Daemon::Answers);
        host.machine
            .docker
            .set_script(InitScript { step: Duration::from_millis(500), ..InitScript::default() });
        around.weathers[&host.address].pause(Duration::ZERO);
    }
}
