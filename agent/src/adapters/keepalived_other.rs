//! What another keepalived of this host serves, as far as its configuration shows it: included files are not followed.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::net::IpAddr;

use omsctl_proto::OtherKeepalived;

const DEFAULT: &str = "/etc/keepalived/keepalived.conf";

/// The configuration that these words of a command line name.
pub(super) fn config_of(words: &[&str]) -> String {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if *word == "-f" || *word == "--use-file" {
            return rest.next().copied().unwrap_or(DEFAULT).to_owned();
        }
        if let Some(file) = word.strip_prefix("--use-file=") {
            return file.to_owned();
        }
        if let Some(file) = word.strip_prefix("-f").filter(|file| file.starts_with('/')) {
            return file.to_owned();
        }
    }
    DEFAULT.to_owned()
}

/// Once for each configuration: parent and children share it. It is read as its process sees it.
pub(super) fn read<'a>(processes: impl Iterator<Item = (u32, &'a str)>) -> Vec<OtherKeepalived> {
    let mut seen = BTreeSet::new();
    processes
        .filter(|(_, config)| seen.insert(*config))
        .map(|(pid, config)| {
            let text = read_to_string(format!("/proc/{pid}/root{config}")).unwrap_or_default();
            parse(config, &text)
        })
        .collect()
}

fn parse(config: &str, text: &str) -> OtherKeepalived {
    let mut other =
        OtherKeepalived { config: config.to_owned(), router_ids: Vec::new(), addresses: Vec::new() };
    let mut in_addresses = false;
    for line in text.lines() {
        let line = line.split(['#', '!']).next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["virtual_router_id", number, ..] = words.as_slice() {
            other.router_ids.extend(number.parse::<u8>());
        }
        in_addresses |= words.first().is_some_and(|word| word.starts_with("virtual_ipaddress"));
        if in_addresses {
            let address = |word: &&str| word.split('/').next()?.parse::<IpAddr>().ok();
            other.addresses.extend(words.iter().find_map(address));
        }
        in_addresses &= !line.contains('}');
    }
    other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_one_that_the_command_line_names() {
        assert_eq!(config_of(&["keepalived"]), DEFAULT);
        assert_eq!(config_of(&["keepalived", "-D", "-f", "/a.conf", "-l"]), "/a.conf");
        assert_eq!(config_of(&["keepalived", "-f/a.conf"]), "/a.conf");
        assert_eq!(config_of(&["keepalived", "--use-file", "/a.conf"]), "/a.conf");
        assert_eq!(config_of(&["keepalived", "--use-file=/a.conf"]), "/a.conf");
    }

    #[test]
    fn router_ids_and_addresses_are_found() {
        let text = "
! configuration
vrrp_instance one {
    virtual_router_id 51  # mine
    virtual_ipaddress {
        10.0.0.7/24 dev eth0 label eth0:1
        10.0.0.8
    }
    # virtual_router_id 99
    unicast_src_ip 10.0.0.1
}
vrrp_instance two {
    virtual_router_id 52
    virtual_ipaddress_excluded { 2001:db8::7/64 }
    unicast_src_ip 10.0.0.2
}";
        let expected = OtherKeepalived {
            config: "/k.conf".to_owned(),
            router_ids: vec![51, 52],
            addresses: ["10.0.0.7", "10.0.0.8", "2001:db8::7"].map(|a| a.parse().unwrap()).into(),
        };
        assert_eq!(parse("/k.conf", text), expected);
    }
}
