//! What the last words of a rollout say beside the hosts' results: where the console is, and whether HA is on.

use omsctl_inventory::{Deployment, Host};

use super::inputs::Inputs;
use super::telling::Closing;
use crate::ports::{MetaDbError, MetaDbFacts};

/// Where the console is, and whether HA is on.
pub(super) fn closing(inputs: &Inputs, metadb: Option<&Result<MetaDbFacts, MetaDbError>>) -> Closing {
    let deployment = &inputs.deployment;
    let console = |host: &Host| console(deployment, host);
    Closing {
        consoles: deployment.hosts.iter().take(1).filter_map(console).collect(),
        ha_enabled: metadb.and_then(|facts| facts.as_ref().ok()?.ha_enabled).unwrap_or(false),
    }
}

fn console(deployment: &Deployment, host: &Host) -> Option<String> {
    let config = &deployment.region(&host.region)?.config;
    let scheme = if host.settings.https.is_some() { "https" } else { "http" };
    let address = &config.cm_url.host;
    let address = if address.contains(':') { format!("[{address}]") } else { address.clone() };
    Some(format!("{scheme}://{address}:{}", config.ports.nginx.number))
}
