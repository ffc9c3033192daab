//! Addresses of this machine and who listens on its ports, from /proc/net.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::read_to_string;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use omsctl_proto::PortHolder;

/// TCP state LISTEN.
const LISTEN: &str = "0A";

/// Every address of every interface.
pub(super) fn addresses() -> Vec<IpAddr> {
    let v4 = fib_trie(&read_to_string("/proc/net/fib_trie").unwrap_or_default());
    let v6 = if_inet6(&read_to_string("/proc/net/if_inet6").unwrap_or_default());
    v4.into_iter().chain(v6).collect()
}

/// Leaves of the local table: `|-- ADDRESS` followed by `/32 host LOCAL`.
fn fib_trie(text: &str) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    let mut leaf = None;
    for line in text.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = leaf
        {
            found.insert(address.into());
        }
    }
    found
}

fn if_inet6(text: &str) -> BTreeSet<IpAddr> {
    let address = |line: &str| u128::from_str_radix(line.split_whitespace().next()?, 16).ok();
    text.lines().filter_map(address).map(|bits| Ipv6Addr::from_bits(bits).into()).collect()
}

/// The holders of those of these ports that something listens on; `container` is OMS's first process.
pub(super) fn listeners(ports: &[u16], container: Option<u32>) -> BTreeMap<u16, PortHolder> {
    let mut sockets = BTreeMap::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        sockets.extend(listening(&read_to_string(table).unwrap_or_default(), ports));
    }
    if sockets.is_empty() {
        return BTreeMap::new();
    }
    let own = container.and_then(namespace);
    let mut holders = BTreeMap::new();
    for process in processes() {
        for inode in inodes(&process) {
            let Some(port) = sockets.get(&inode) else { continue };
            let pid = process.file_name().and_then(|pid| pid.to_str()?.parse().ok());
            let name = read_to_string(process.join("comm")).unwrap_or_default();
            let own_container = own.is_some() && pid.and_then(namespace) == own;
            let holder = PortHolder { pid, process: name.trim().to_owned(), own_container };
            holders.entry(*port).or_insert(holder);
        }
    }
    for port in sockets.values() {
        let unseen = PortHolder { pid: None, process: "?".to_owned(), own_container: false };
        holders.entry(*port).or_insert(unseen);
    }
    holders
}

/// Inodes of listening sockets on these ports.
fn listening(table: &str, ports: &[u16]) -> BTreeMap<u64, u16> {
    let socket = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (_, port) = words.get(1)?.rsplit_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let wanted = words.get(3) == Some(&LISTEN) && ports.contains(&port);
        wanted.then_some((words.get(9)?.parse().ok()?, port))
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// The folders of all processes in /proc.
pub(super) fn processes() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let numbered = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()))
    };
    entries.filter_map(Result::ok).map(|entry| entry.path()).filter(numbered).collect()
}

fn inodes(process: &Path) -> Vec<u64> {
    let Ok(entries) = std::fs::read_dir(process.join("fd")) else { return Vec::new() };
    let inode = |link: PathBuf| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok();
    entries.filter_map(Result::ok).filter_map(|entry| inode(std::fs::read_link(entry.path()).ok()?)).collect()
}

/// Processes of one container share a process namespace that nobody else is in.
fn namespace(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_the_leaves_of_the_local_table() {
        let text = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
Local:
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
        |-- 172.17.0.2
           /32 host LOCAL
";
        let expected: BTreeSet<IpAddr> =
            [[127, 0, 0, 1], [172, 17, 0, 2]].into_iter().map(IpAddr::from).collect();
        assert_eq!(fib_trie(text), expected);
        let six = "fe80000000000000021763fffe2f6bb7 02 40 20 80     eth0\n";
        assert_eq!(if_inet6(six), BTreeSet::from(["fe80::217:63ff:fe2f:6bb7".parse().unwrap()]));
    }

    #[test]
    fn only_listening_sockets_on_wanted_ports_count() {
        let table =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F99 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0
   1: 0100007F:1F99 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4244 1 0
";
        assert_eq!(listening(table, &[8089]), BTreeMap::from([(4242, 8089)]));
    }

    #[test]
    fn this_process_is_found_behind_its_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let holders = listeners(&[port], Some(std::process::id()));
        assert_eq!(holders[&port].pid, Some(std::process::id()));
        assert!(holders[&port].own_container);
        drop(listener);
        assert!(listeners(&[port], None).is_empty());
    }
}
