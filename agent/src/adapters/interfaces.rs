//! The interfaces of this machine and their networks, from /sys and /proc.

use std::collections::BTreeMap;
use std::fs::{read_dir, read_to_string};
use std::net::{Ipv4Addr, Ipv6Addr};

use omsctl_proto::Subnet;

pub(super) fn read() -> BTreeMap<String, Vec<Subnet>> {
    let entries = read_dir("/sys/class/net").into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut interfaces: BTreeMap<String, Vec<Subnet>> = names.map(|name| (name, Vec::new())).collect();
    let routes = read_to_string("/proc/net/route").unwrap_or_default();
    let addresses = read_to_string("/proc/net/if_inet6").unwrap_or_default();
    for (name, subnet) in routes.lines().filter_map(connected).chain(addresses.lines().filter_map(six)) {
        interfaces.entry(name).or_default().push(subnet);
    }
    interfaces
}

/// A line of `/proc/net/route` without a gateway: the network is on that interface. Addresses are as they lie in memory.
fn connected(line: &str) -> Option<(String, Subnet)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |place: usize| u32::from_str_radix(words.get(place)?, 16).ok();
    let (network, gateway, mask) = (number(1)?, number(2)?, number(7)?);
    let address = Ipv4Addr::from(network.to_ne_bytes());
    let prefix_length = u8::try_from(mask.count_ones()).ok()?;
    (gateway == 0 && mask != 0).then(|| {
        ((*words.first().unwrap_or(&"")).to_owned(), Subnet { address: address.into(), prefix_length })
    })
}

/// `ADDRESS INDEX PREFIX SCOPE FLAGS NAME`, numbers in hexadecimal.
fn six(line: &str) -> Option<(String, Subnet)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let address = Ipv6Addr::from_bits(u128::from_str_radix(words.first()?, 16).ok()?);
    let prefix_length = u8::from_str_radix(words.get(2)?, 16).ok()?;
    Some(((*words.get(5)?).to_owned(), Subnet { address: address.into(), prefix_length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_the_routes_without_a_gateway() {
        let gateway = "eth0\t00000000\t01E04D0A\t0003\t0\t0\t0\t00000000\t0\t0\t0";
        let network = "eth0\t00E04D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0";
        assert_eq!(connected(gateway), None);
        assert_eq!(connected("Iface\tDestination\tGateway"), None);
        let subnet = Subnet { address: [10, 77, 224, 0].into(), prefix_length: 24 };
        assert_eq!(connected(network), Some(("eth0".to_owned(), subnet)));
        let line = "fe80000000000000021763fffe2f6bb7 02 40 20 80     eth0";
        let subnet = Subnet { address: "fe80::217:63ff:fe2f:6bb7".parse().unwrap(), prefix_length: 64 };
        assert_eq!(six(line), Some(("eth0".to_owned(), subnet)));
    }

    #[test]
    fn this_machine_has_loopback() {
        assert!(read().contains_key("lo"));
    }
}
