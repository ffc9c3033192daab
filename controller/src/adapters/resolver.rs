//! Names to addresses, in Rust: a static glibc must not load the machine's NSS modules.
//!
//! Reads /etc/hosts and /etc/resolv.conf once. Knows nothing of SSH.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_resolver::TokioResolver;
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

fn system_resolver() -> Result<TokioResolver, String> {
    let unusable = |error: &dyn std::fmt::Display| format!("/etc/resolv.conf is not usable: {error}");
    let builder = TokioResolver::builder_tokio().map_err(|error| unusable(&error))?;
    builder.build().map_err(|error| unusable(&error))
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
}
