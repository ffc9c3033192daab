//! Names to addresses, in Rust: a static glibc must not load the machine's NSS modules.
//!
//! Reads /etc/hosts and /etc/resolv.conf once. Knows nothing of SSH.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_resolver::config::ResolverConfig;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{ResolverBuilder, TokioResolver};
use tokio::sync::OnceCell;

/// Most addresses that are tried for one name.
const MAX_ADDRESSES: usize = 8;

/// The resolver of this process; clones share its cache.
#[derive(Clone, Default)]
pub struct Resolver {
    inner: Arc<OnceCell<TokioResolver>>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Resolver")
    }
}

impl Resolver {
    pub fn new() -> Self {
        Self::default()
    }

    /// All addresses of the name, in the order in which they should be tried; an address is its own answer.
    /// The error is the reason, in words.
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let literal = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        if let Ok(address) = literal.parse() {
            return Ok(vec![address]);
        }
        let resolver = self.inner.get_or_try_init(|| async { system_resolver() }).await?;
        let found = resolver.lookup_ip(name).await.map_err(|error| error.to_string())?;
        let addresses: Vec<IpAddr> = found.iter().take(MAX_ADDRESSES).collect();
        if addresses.is_empty() { Err("it has no address".to_owned()) } else { Ok(addresses) }
    }
}

/// Without a usable /etc/resolv.conf (a bastion without DNS) /etc/hosts still counts.
fn system_resolver() -> Result<TokioResolver, String> {
    let builder = TokioResolver::builder_tokio().unwrap_or_else(|_| without_name_servers());
    builder.build().map_err(|error| format!("/etc/resolv.conf is not usable: {error}"))
}

fn without_name_servers() -> ResolverBuilder<TokioRuntimeProvider> {
    let nobody = ResolverConfig::from_name_servers(Vec::new());
    TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn literals_need_no_name_server() {
        let resolver = Resolver::new();
        assert_eq!(resolver.resolve("192.0.2.7").await, Ok(vec!["192.0.2.7".parse().unwrap()]));
        assert_eq!(resolver.resolve("[2001:db8::1]").await, Ok(vec!["2001:db8::1".parse().unwrap()]));
        assert!(resolver.inner.get().is_none());
    }

    #[tokio::test]
    async fn localhost_comes_from_the_hosts_file() {
        let addresses = Resolver::new().resolve("localhost").await.unwrap();
        assert!(addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    }

    #[tokio::test]
    async fn the_hosts_file_serves_a_bastion_without_dns() {
        let hosts = std::fs::read_to_string("/etc/hosts").unwrap();
        let entries = hosts.lines().filter(|line| !line.starts_with('#')).map(str::split_whitespace);
        let (address, name) = entries
            .filter_map(|mut words| Some((words.next()?.parse::<IpAddr>().ok()?, words.next()?)))
            .next_back()
            .unwrap();
        let resolver = without_name_servers().build().unwrap();
        let found: Vec<IpAddr> = resolver.lookup_ip(name).await.unwrap().iter().collect();
        assert!(found.contains(&address), "{name}: {found:?}");
    }
}
