//! `omsctl adopt`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use omsctl_proto::NodeName;

use super::globals::GlobalArguments;
use super::{AdoptRequest, TypedHost};

const HOSTS_HELP: &str = "A host as ssh takes it, an alias of ssh_config too [default: the hosts of -i]";

const ADOPT_EXAMPLES: &str = "\
Looks at hosts on which OMS was set up by hand, or by OBD, and writes inventory.ini and
config.yaml, with certificate and key where the console has HTTPS; `omsctl plan` with them then
finds nothing to do. Nothing is changed on the hosts. A file that is there already is never
overwritten. What was written is planned at once: the last line says whether anything differs.

Every host of the cluster has to be given: an address in cm_nodes or in the MetaDB that is none
of them is refused, since an inventory without it would drop it. The address of one that is gone
for good is given with --gone; `omsctl remove` then takes it out. With -i the hosts are those of
an inventory, --limit applied; the new one is then used beside it (-i hosts.yml
-i inventory.ini).

Exit code: 0 files are written, 1 they could not be, 2 wrong input, 3 refused and nothing was
           written, 4 a host is unreachable and nothing was written, 130 interrupted.

Examples:
  omsctl adopt root@10.0.0.11 root@10.0.0.12 root@10.0.0.13
  omsctl adopt oms1 oms2:2222 '[2001:db8::3]' --container oms_422
  omsctl adopt -i hosts.yml --output cluster1
";

#[derive(Debug, Args)]
#[command(after_help = ADOPT_EXAMPLES)]
pub(super) struct AdoptArguments {
    #[arg(value_name = "[USER@]HOST[:PORT]", value_parser = typed_host, help = HOSTS_HELP)]
    hosts: Vec<TypedHost>,
    /// Where the files are written; made when it is not there
    #[arg(long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// The name of OMS's container [default: the one that has OMS's mounts]
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// The address of a member whose host never comes back: it gets a line all the same, for `omsctl remove`. May be repeated
    #[arg(long, value_name = "ADDRESS")]
    gone: Vec<IpAddr>,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl AdoptArguments {
    pub(super) fn into_request(self) -> AdoptRequest {
        let Self { hosts, output, container, gone, globals: _ } = self;
        AdoptRequest { hosts, output, container, gone }
    }
}

/// Takes a host apart; what an inventory could not hold is refused.
fn typed_host(text: &str) -> Result<TypedHost, String> {
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, text),
    };
    let (host, port) = match rest.strip_prefix('[') {
        Some(inside) => {
            let (host, after) = inside.split_once(']').ok_or("the bracket of the address is not closed")?;
            (
                host,
                if after.is_empty() {
                    None
                } else {
                    Some(after.strip_prefix(':').ok_or("after the bracket only :PORT may follow")?)
                },
            )
        }
        None if rest.matches(':').count() > 1 => {
            return Err("an IPv6 address stands in brackets: [2001:db8::1] or [2001:db8::1]:22".to_owned());
        }
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = match port.map(str::parse::<u16>) {
        None => None,
        Some(Ok(port)) if port > 0 => Some(port),
        Some(_) => return Err("the port is a number from 1 to 65535".to_owned()),
    };
    let is_user = |user: &str| {
        !user.is_empty()
            && !user.starts_with('-')
            && user.chars().all(|c| c.is_ascii_alphanumeric() || "._-+@\\".contains(c))
    };
    if user.is_some_and(|user| !is_user(user)) {
        return Err(
            "a user of letters, digits and . _ - + @ \\; another one in an inventory, with -i".to_owned()
        );
    }
    let address: Option<std::net::Ipv6Addr> = host.split('%').next().and_then(|host| host.parse().ok());
    let is_name = host.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let name = match address {
        // In an inventory colons would begin a port or a range.
        Some(_) => format!("v6-{}", host.replace([':', '%'], "-")),
        None if rest.starts_with('[') => return Err("in brackets stands an IPv6 address".to_owned()),
        None if is_name => host.to_owned(),
        None => return Err("a host name of letters, digits and . _ -, or an address".to_owned()),
    };
    let node = NodeName::new(name).map_err(|error| error.to_string())?;
    let user = user.map(str::to_owned);
    Ok(TypedHost { node, address: host.to_owned(), user, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: (&str, &str, Option<&str>, Option<u16>)) {
        let TypedHost { node, address, user, port } = typed_host(text).unwrap();
        assert_eq!((node.as_str(), address.as_str(), user.as_deref(), port), expected, "{text}");
    }

    #[test]
    fn a_host_is_written_as_ssh_takes_it() {
        check("n1", ("n1", "n1", None, None));
        check("root@10.0.0.1:2222", ("10.0.0.1", "10.0.0.1", Some("root"), Some(2222)));
        check("a@corp@oms-1.example.com", ("oms-1.example.com", "oms-1.example.com", Some("a@corp"), None));
        check("[2001:db8::1]", ("v6-2001-db8--1", "2001:db8::1", None, None));
        check("ann@[fe80::1%eth0]:22", ("v6-fe80--1-eth0", "fe80::1%eth0", Some("ann"), Some(22)));
        for wrong in [
            "",
            "@n1",
            "n1:",
            "n1:0",
            "n1:x",
            "2001:db8::1",
            "[n1]",
            "[::1",
            "[::1]22",
            "n 1",
            "a[1:3]",
            "-v",
        ] {
            assert!(typed_host(wrong).is_err(), "{wrong}");
        }
    }
}
