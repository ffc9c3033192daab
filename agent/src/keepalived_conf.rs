//! The text of omsctl's own keepalived configuration, and back from the text to what it serves. Pure.
//!
//! Only words that keepalived 1.3.5 (`CentOS` 7) knows too. The decisions:
//!
//! - Every host begins as BACKUP with `nopreempt`: whoever holds the address keeps it until it fails, so that a host
//!   that comes back does not move it a second time. Priorities only decide who gets it when nobody has it.
//! - The check has no weight: a host whose ports do not answer is in FAULT and holds nothing, whatever its priority.
//!   It asks for TCP and not for OMS's health, which a MetaDB that is away spoils on all hosts at once.
//! - An advertisement each second, and a check each second that counts after two: the address moves within four seconds.

use std::fmt::Write as _;
use std::net::IpAddr;

use omsctl_proto::VirtualIpSpec;

/// What is served, in the first line, so that the file can be read back without reading keepalived's language.
const HEAD: &str = "# omsctl-agent wrote this: ";

/// The configuration; `probe` is the program that tries the ports.
pub(crate) fn render(spec: &VirtualIpSpec, probe: &str) -> String {
    let VirtualIpSpec { address, prefix_length, interface, router_id, priority, source, peers, ports } = spec;
    let head = serde_json::to_string(spec).unwrap_or_default();
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    let ports = ports.join(" ");
    format!(
        "{HEAD}{head}
global_defs {{
    enable_script_security
    script_user root
    vrrp_check_unicast_src
}}
vrrp_script oms {{
    script \"{probe} probe {source} {ports}\"
    interval 1
    timeout 3
    fall 2
    rise 2
    init_fail
}}
vrrp_instance oms {{
    state BACKUP
    nopreempt
    interface {interface}
    virtual_router_id {router_id}
    priority {priority}
    advert_int 1
{}    virtual_ipaddress {{
        {address}/{prefix_length} dev {interface}
    }}
    track_script {{
        oms
    }}
}}
",
        unicast(*source, peers)
    )
}

/// Nothing for a host that is alone: unicast without peers is no configuration.
fn unicast(source: IpAddr, peers: &[IpAddr]) -> String {
    if peers.is_empty() {
        return String::new();
    }
    let mut text = format!("    unicast_src_ip {source}\n    unicast_peer {{\n");
    for peer in peers {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "        {peer}");
    }
    text + "    }\n"
}

/// What the text serves; `None` unless it is exactly what [`render`] makes of that.
pub(crate) fn read(text: &str, probe: &str) -> Option<VirtualIpSpec> {
    let head = text.lines().next()?.strip_prefix(HEAD)?;
    let spec: VirtualIpSpec = serde_json::from_str(head).ok()?;
    (render(&spec, probe) == text).then_some(spec)
}

/// A name that keepalived cannot take for anything else.
pub(crate) fn is_plain(interface: &str) -> bool {
    !interface.is_empty()
        && interface.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBE: &str = "/var/lib/omsctl/bin/oms-probe";

    fn spec() -> VirtualIpSpec {
        VirtualIpSpec {
            address: [10, 0, 0, 100].into(),
            prefix_length: 24,
            interface: "eth0".to_owned(),
            router_id: 100,
            priority: 254,
            source: [10, 0, 0, 1].into(),
            peers: vec![[10, 0, 0, 2].into(), [10, 0, 0, 3].into()],
            ports: vec![8088, 8089],
        }
    }

    #[test]
    fn the_configuration_of_the_first_of_three_hosts() {
        let expected = "\
# omsctl-agent wrote this: {\"address\":\"10.0.0.100\",\"prefix_length\":24,\"interface\":\"eth0\",\"router_id\":100,\
\"priority\":254,\"source\":\"10.0.0.1\",\"peers\":[\"10.0.0.2\",\"10.0.0.3\"],\"ports\":[8088,8089]}
global_defs {
    enable_script_security
    script_user root
    vrrp_check_unicast_src
}
vrrp_script oms {
    script \"/var/lib/omsctl/bin/oms-probe probe 10.0.0.1 8088 8089\"
    interval 1
    timeout 3
    fall 2
    rise 2
    init_fail
}
vrrp_instance oms {
    state BACKUP
    nopreempt
    interface eth0
    virtual_router_id 100
    priority 254
    advert_int 1
    unicast_src_ip 10.0.0.1
    unicast_peer {
        10.0.0.2
        10.0.0.3
    }
    virtual_ipaddress {
        10.0.0.100/24 dev eth0
    }
    track_script {
        oms
    }
}
";
        assert_eq!(render(&spec(), PROBE), expected);
    }

    #[test]
    fn a_host_alone_has_no_peers() {
        let text = render(&VirtualIpSpec { peers: Vec::new(), ..spec() }, PROBE);
        assert!(!text.contains("unicast_src_ip") && !text.contains("unicast_peer"), "{text}");
    }

    #[test]
    fn only_an_untouched_text_is_read_back() {
        let text = render(&spec(), PROBE);
        assert_eq!(read(&text, PROBE), Some(spec()));
        assert_eq!(read(&text.replace("advert_int 1", "advert_int 5"), PROBE), None, "by hand");
        assert_eq!(read(&text.replacen("254", "253", 1), PROBE), None, "the first line alone");
        assert_eq!(read(&text, "/elsewhere/oms-probe"), None);
        assert_eq!(read("", PROBE), None);
    }

    #[test]
    fn a_name_is_one_word_of_keepalived() {
        assert!(is_plain("eth0.100") && is_plain("bond0:1"));
        assert!(!is_plain("") && !is_plain("a{b") && !is_plain("a b") && !is_plain("$x"));
    }
}
