//! This Linux machine, by its files in /proc and /etc. No processes.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_proto::{Digest, DiskFacts, Door, PortHolder, Remedy, Subnet};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;

use super::{http, interfaces, keepalived, mounts, proc_net, remedies, resolver, system_settings};
use crate::ports::{
    ByteStream, Connected, Host, HostError, HttpAnswer, HttpPost, KeepalivedSeen, Listening, Machine,
    Measured,
};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The machine that the agent runs on.
#[derive(Debug, Clone, Default)]
pub struct LinuxHost;

impl Host for LinuxHost {
    fn machine(&self) -> Machine {
        let uname = rustix::system::uname();
        let text = |words: &std::ffi::CStr| words.to_string_lossy().into_owned();
        Machine {
            hostname: text(uname.nodename()),
            os: os_name(&read_to_string("/etc/os-release").unwrap_or_default()),
            kernel: text(uname.release()),
            architecture: text(uname.machine()),
            machine_id: read_to_string("/etc/machine-id")
                .ok()
                .map(|id| id.trim().to_owned())
                .filter(|id| !id.is_empty()),
            time_zone: time_zone(),
            measured: Measured {
                cpus: std::thread::available_parallelism()
                    .map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX)),
                memory_bytes: memory_bytes(&read_to_string("/proc/meminfo").unwrap_or_default()),
                cgroup_version: cgroup_version(),
            },
            addresses: proc_net::addresses(),
            system: system_settings::read(),
        }
    }

    fn boot_id(&self) -> String {
        let id = read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        id.trim().to_owned()
    }

    fn listeners(&self, ports: &[u16], container: Option<u32>) -> BTreeMap<u16, PortHolder> {
        proc_net::listeners(ports, container)
    }

    fn stale_mounts(&self, container: u32, binds: &[String]) -> Vec<String> {
        mounts::stale(container, binds)
    }

    fn file_system(&self, path: &Path) -> Option<DiskFacts> {
        mounts::file_system(path)
    }

    fn mounted_below(&self, path: &Path) -> std::io::Result<Vec<String>> {
        mounts::below(path)
    }

    fn source_address<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Option<IpAddr>> {
        async move {
            let target = *resolver::resolve(host).await.ok()?.first()?;
            let any: IpAddr = match target {
                IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            // No packet leaves: the kernel only chooses the route.
            let socket = UdpSocket::bind((any, 0)).await.ok()?;
            socket.connect((target, port)).await.ok()?;
            socket.local_addr().ok().map(|address| address.ip())
        }
        .boxed()
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Connected, HostError>> {
        async move {
            let (stream, peer) = dial(host, port, CONNECT_WITHIN).await?;
            Ok((Box::new(stream) as Box<dyn ByteStream>, peer))
        }
        .boxed()
    }

    fn listen(&self, door: Door) -> std::io::Result<Listening> {
        let listener = std::net::TcpListener::bind((door.address, door.port))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let (sender, incoming) = mpsc::channel(8);
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = sender.closed() => return,
                };
                let Ok((stream, _)) = accepted else { return };
                let _ = stream.set_nodelay(true);
                if sender.send(Box::new(stream) as Box<dyn ByteStream>).await.is_err() {
                    return;
                }
            }
        });
        Ok((address, incoming))
    }

    fn mend(&self, remedy: Remedy) -> BoxFuture<'_, Result<(), HostError>> {
        remedies::apply(remedy).boxed()
    }

    fn interfaces(&self) -> BTreeMap<String, Vec<Subnet>> {
        interfaces::read()
    }

    fn keepalived(&self, ours: &Path) -> KeepalivedSeen {
        keepalived::look(ours)
    }

    fn run_keepalived<'a>(&'a self, config: &'a Path) -> BoxFuture<'a, Result<(), HostError>> {
        keepalived::run(config).boxed()
    }

    fn end_keepalived<'a>(&'a self, config: &'a Path) -> BoxFuture<'a, Result<(), HostError>> {
        keepalived::end(config).boxed()
    }

    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<HttpAnswer, HostError>> {
        async move {
            let target = http::Target::parse(url)?;
            let exchange = async {
                let (stream, _) = dial(&target.host, target.port, ANSWER_WITHIN).await?;
                http::ask(&target, stream, None).await
            };
            in_time(&target, exchange).await
        }
        .boxed()
    }

    fn post<'a>(&'a self, url: &'a str, post: &'a HttpPost) -> BoxFuture<'a, Result<HttpAnswer, HostError>> {
        async move {
            let target = http::Target::parse(url)?;
            let exchange = async {
                let (stream, _) = dial(&target.host, target.port, ANSWER_WITHIN).await?;
                http::ask(&target, stream, Some(post)).await
            };
            in_time(&target, exchange).await
        }
        .boxed()
    }

    fn served_chain(&self, port: u16) -> BoxFuture<'_, Result<Vec<Digest>, HostError>> {
        async move {
            let target = http::Target::parse(&format!("https://127.0.0.1:{port}/"))?;
            let exchange = async {
                let (stream, _) = dial(&target.host, target.port, ANSWER_WITHIN).await?;
                http::served_chain(&target, stream).await
            };
            in_time(&target, exchange).await
        }
        .boxed()
    }
}

async fn in_time<T>(
    target: &http::Target,
    exchange: impl Future<Output = Result<T, HostError>>,
) -> Result<T, HostError> {
    tokio::time::timeout(ANSWER_WITHIN, exchange).await.unwrap_or_else(|_| {
        Err(HostError::TimedOut {
            address: format!("{}:{}", target.host, target.port),
            seconds: ANSWER_WITHIN.as_secs(),
        })
    })
}

/// The first address of the name that answers.
async fn dial(host: &str, port: u16, limit: Duration) -> Result<(TcpStream, String), HostError> {
    let addresses = async {
        let targets: Vec<SocketAddr> =
            resolver::resolve(host).await?.into_iter().map(|address| (address, port).into()).collect();
        let stream = TcpStream::connect(targets.as_slice()).await;
        let stream = stream.map_err(|source| {
            let names: Vec<String> = targets.iter().map(ToString::to_string).collect();
            HostError::Unreachable { address: names.join(", "), source }
        })?;
        // Small requests and answers: waiting for more to send makes both ends wait.
        let _ = stream.set_nodelay(true);
        let peer = stream.peer_addr().map_or_else(|_| format!("{host}:{port}"), |peer| peer.to_string());
        Ok((stream, peer))
    };
    tokio::time::timeout(limit, addresses).await.unwrap_or_else(|_| {
        Err(HostError::TimedOut { address: format!("{host}:{port}"), seconds: limit.as_secs() })
    })
}

fn os_name(text: &str) -> String {
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or_else(|| "Linux".to_owned(), |name| name.trim_matches('"').to_owned())
}

fn memory_bytes(text: &str) -> u64 {
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes = total.and_then(|total| total.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0).saturating_mul(1024)
}

/// `/etc/timezone`, else where `/etc/localtime` points to.
fn time_zone() -> Option<String> {
    let written = read_to_string("/etc/timezone").ok().map(|zone| zone.trim().to_owned());
    written.filter(|zone| !zone.is_empty()).or_else(|| {
        let target: PathBuf = std::fs::read_link("/etc/localtime").ok()?;
        let target = target.to_string_lossy().into_owned();
        target.split_once("zoneinfo/").map(|(_, zone)| zone.to_owned())
    })
}

fn cgroup_version() -> Option<u8> {
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        Some(2)
    } else if Path::new("/sys/fs/cgroup/memory").exists() || Path::new("/sys/fs/cgroup/cpu").exists() {
        Some(1)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_are_understood() {
        assert_eq!(
            os_name("NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
            "Debian GNU/Linux 12 (bookworm)"
        );
        assert_eq!(os_name(""), "Linux");
        assert_eq!(memory_bytes("MemTotal:       24684084 kB\nMemFree: 1 kB\n"), 24_684_084 * 1024);
    }

    #[tokio::test]
    async fn this_machine_is_seen() {
        let machine = LinuxHost.machine();
        assert!(!machine.hostname.is_empty() && machine.measured.memory_bytes > 0);
        assert!(machine.addresses.contains(&IpAddr::from([127, 0, 0, 1])));
        assert_eq!(LinuxHost.source_address("127.0.0.1", 9).await, Some(IpAddr::from([127, 0, 0, 1])));
    }

    #[tokio::test]
    async fn a_refused_connection_names_the_address() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let Err(error) = LinuxHost.connect("127.0.0.1", closed).await else { panic!("it is closed") };
        assert!(error.to_string().contains(&closed.to_string()), "{error}");
    }
}
