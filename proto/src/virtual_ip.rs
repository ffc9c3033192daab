//! The address that moves between the hosts of a region: how keepalived shall serve it, and what is seen of that.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// How keepalived serves the address on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualIpSpec {
    pub address: IpAddr,
    pub prefix_length: u8,
    /// The interface that gets the address.
    pub interface: String,
    /// One for each address in a network, 1 to 255.
    pub router_id: u8,
    /// The higher one gets the address when nobody holds it.
    pub priority: u8,
    /// This host's own address, where its peers hear it and where its ports are tried.
    pub source: IpAddr,
    /// The other hosts of the region.
    pub peers: Vec<IpAddr>,
    /// All of them have to answer on this host, or it gives the address up.
    pub ports: Vec<u16>,
}

/// What a host has of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualIpFacts {
    /// keepalived's program; `None` when the host has none.
    pub program: Option<String>,
    /// There is a configuration of omsctl's, or a keepalived that was started with it.
    pub begun: bool,
    /// What keepalived was last told; `None` when the files are not what an agent makes and loads.
    pub serving: Option<VirtualIpSpec>,
    /// omsctl's own keepalived runs.
    pub running: bool,
    /// Those that somebody else runs.
    pub others: Vec<OtherKeepalived>,
    /// The host's interfaces with the networks that they are in.
    pub interfaces: BTreeMap<String, Vec<Subnet>>,
}

/// A keepalived that is not omsctl's, by its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherKeepalived {
    /// The file it was started with.
    pub config: String,
    pub router_ids: Vec<u8>,
    pub addresses: Vec<IpAddr>,
}

/// A network by one of its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    pub address: IpAddr,
    pub prefix_length: u8,
}

impl Subnet {
    /// Whether the address is in this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32_u32.saturating_sub(u32::from(self.prefix_length));
                (u32::from(own) ^ u32::from(other)).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128_u32.saturating_sub(u32::from(self.prefix_length));
                (u128::from(own) ^ u128::from(other)).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_the_addresses_of_its_prefix() {
        let inside = |network: &str, prefix_length, address: &str| {
            Subnet { address: network.parse().unwrap(), prefix_length }.contains(address.parse().unwrap())
        };
        assert!(inside("10.0.0.0", 24, "10.0.0.255"));
        assert!(!inside("10.0.0.0", 24, "10.0.1.0"));
        assert!(inside("10.0.0.1", 32, "10.0.0.1") && !inside("10.0.0.1", 32, "10.0.0.2"));
        assert!(inside("0.0.0.0", 0, "192.0.2.1"));
        assert!(inside("2001:db8::", 32, "2001:db8:1::1") && !inside("2001:db8::", 32, "2001:db9::1"));
        assert!(!inside("0.0.0.0", 0, "::1"));
    }
}
