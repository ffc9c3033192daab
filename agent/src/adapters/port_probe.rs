//! Whether this host's ports answer: the question that keepalived asks each second, in a process of its own.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

/// All ports together stay below keepalived's own limit.
const ANSWERS_WITHIN: Duration = Duration::from_millis(1200);

/// The words are an address and its ports; true when all of them take a connection, `None` when they are no such words.
pub fn answers(words: &[&str]) -> Option<bool> {
    let (address, ports) = words.split_first()?;
    let address: IpAddr = address.parse().ok()?;
    let ports: Vec<u16> = ports.iter().map(|port| port.parse().ok()).collect::<Option<_>>()?;
    let takes =
        |port: &u16| TcpStream::connect_timeout(&SocketAddr::new(address, *port), ANSWERS_WITHIN).is_ok();
    (!ports.is_empty()).then(|| ports.iter().all(takes))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn every_port_has_to_answer() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = open.local_addr().unwrap().port().to_string();
        let shut = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        assert_eq!(answers(&["127.0.0.1", &port]), Some(true));
        assert_eq!(answers(&["127.0.0.1", &port, &shut]), Some(false));
        assert_eq!(answers(&["127.0.0.1"]), None);
        assert_eq!(answers(&["localhost", &port]), None);
        assert_eq!(answers(&["127.0.0.1", "x"]), None);
    }
}
