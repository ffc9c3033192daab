//! The real things behind the ports: the docker command and this Linux machine. Only here are processes started and
//! sockets to the outside opened.

mod child;
pub(crate) mod daemon_process;
mod docker_cli;
mod docker_inside;
mod docker_inspect;
mod http;
mod interfaces;
mod keepalived;
mod keepalived_other;
mod linux_host;
mod mounts;
mod port_probe;
mod proc_net;
mod remedies;
mod resolver;
mod system_settings;
mod systemd;

pub use docker_cli::DockerCli;
pub use linux_host::LinuxHost;
pub use port_probe::answers as ports_answer;
