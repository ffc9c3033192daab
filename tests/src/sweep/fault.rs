//! What disturbs a rollout, and how it is undone. Prepared before the rollout starts, so that it strikes at once.

use std::time::Duration;

use super::SweepError;
use super::applying::Applying;
use super::bastion::Bastion;
use crate::rig::{Node, Poised};

/// Sessions of sshd, not the server itself: the other end sees its connection closed.
const END_SESSIONS: &str = "pkill -KILL -f '^sshd(-session)?: [a-z[]'";
/// Session and daemon alike.
const KILL_AGENT: &str = "pkill -KILL '^omsctl-agent'";
/// Longer than what a connection survives by sending again, shorter than the controller's patience.
const VANISHED: Duration = Duration::from_secs(20);

/// One kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The SSH connections of one host are closed.
    Cut,
    /// Those of all hosts.
    CutAll,
    /// `kill -9` of the controller.
    KillController,
    /// `kill -9` of all agents of one host.
    KillAgent,
    /// dockerd of one host stops, and its containers with it; it starts again.
    RestartDocker,
    /// One host loses power and is switched on again.
    KillHost,
    /// The controller's disk is full until the command has ended.
    FullDisk,
    /// Packets of one host vanish for a while, and nobody is told.
    Vanish,
}

impl Fault {
    /// Those of a whole sweep, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Cut,
        Self::CutAll,
        Self::KillController,
        Self::KillAgent,
        Self::RestartDocker,
        Self::KillHost,
        Self::FullDisk,
        Self::Vanish,
    ];

    /// As in a case's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::CutAll => "cut_all",
            Self::KillController => "kill_controller",
            Self::KillAgent => "kill_agent",
            Self::RestartDocker => "restart_docker",
            Self::KillHost => "kill_host",
            Self::FullDisk => "full_disk",
            Self::Vanish => "vanish",
        }
    }

    /// Whether the container stops, so that its initialisation may be interrupted.
    pub fn stops_container(self) -> bool {
        matches!(self, Self::RestartDocker | Self::KillHost)
    }

    /// Whether the command that it struck has to reach its end all the same.
    pub fn is_survived(self) -> bool {
        !self.stops_container() && self != Self::KillController
    }
}

/// A fault that only waits for its moment.
#[derive(Debug)]
pub(super) enum Ready<'a> {
    Shells(Vec<Poised>),
    Controller,
    Docker(&'a Node),
    Host(&'a Node),
    Disk,
    Packets(&'a Node),
}

impl<'a> Ready<'a> {
    pub(super) fn make(fault: Fault, host: &'a Node, all: &'a [Node]) -> Result<Self, SweepError> {
        Ok(match fault {
            Fault::Cut => Self::Shells(vec![host.poise(END_SESSIONS)?]),
            Fault::CutAll => {
                let shells: Result<Vec<_>, _> = all.iter().map(|node| node.poise(END_SESSIONS)).collect();
                Self::Shells(shells?)
            }
            Fault::KillAgent => Self::Shells(vec![host.poise(KILL_AGENT)?]),
            Fault::KillController => Self::Controller,
            Fault::RestartDocker => Self::Docker(host),
            Fault::KillHost => Self::Host(host),
            Fault::FullDisk => Self::Disk,
            Fault::Vanish => Self::Packets(host),
        })
    }

    /// Strikes; what comes back by itself after a while is back when this returns.
    pub(super) fn strike(self, bastion: &Bastion, applying: &mut Applying) -> Result<(), SweepError> {
        match self {
            Self::Shells(mut shells) => {
                shells.iter_mut().try_for_each(Poised::tell)?;
                for shell in shells {
                    shell.end()?;
                }
            }
            Self::Controller => applying.kill()?,
            Self::Docker(node) => {
                node.stop_docker()?;
                node.start_docker()?;
            }
            Self::Host(node) => {
                node.kill()?;
                node.start()?;
            }
            Self::Disk => bastion.fill_disk()?,
            Self::Packets(node) => {
                node.cut()?;
                // The fault is the time itself: there is no condition to wait for.
                std::thread::sleep(VANISHED);
                node.heal()?;
            }
        }
        Ok(())
    }
}
