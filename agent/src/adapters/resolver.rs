//! Names to addresses, in Rust: /etc/hosts and resolv.conf. A static C library must not load a host's modules for it.

use std::net::IpAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::ResolveHosts;

use crate::ports::HostError;

/// At least one address; an address is its own name.
pub(super) async fn resolve(name: &str) -> Result<Vec<IpAddr>, HostError> {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    if let Ok(address) = bare.parse() {
        return Ok(vec![address]);
    }
    let unknown = |source: Box<dyn std::error::Error + Send + Sync>| HostError::UnknownName {
        name: name.to_owned(),
        source,
    };
    let mut builder = TokioResolver::builder_tokio().map_err(|error| unknown(Box::new(error)))?;
    builder.options_mut().use_hosts_file = ResolveHosts::Always;
    let resolver = builder.build().map_err(|error| unknown(Box::new(error)))?;
    let found = resolver.lookup_ip(name).await.map_err(|error| unknown(Box::new(error)))?;
    let addresses: Vec<IpAddr> = found.iter().collect();
    if addresses.is_empty() { Err(unknown("it has no address".into())) } else { Ok(addresses) }
}
