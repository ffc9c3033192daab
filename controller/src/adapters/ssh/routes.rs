//! The way to a host, as the inventory and `ssh_config` say it: everything to pass through, with its settings.

use super::config::{self, ConfigFiles, Destination, HostSettings, LocalUser, Proxy};
use crate::adapters::connect_error::ConnectError;
use crate::ports::{HostTarget, SshConfiguration, SshListing};

/// Jumps of jumps; more is a circle.
const MAX_DEPTH: usize = 8;

/// The files that were read at the beginning, and who reads them.
#[derive(Debug)]
pub(super) struct Routes {
    pub files: ConfigFiles,
    pub local: LocalUser,
}

impl Routes {
    /// What the inventory says, as ssh would be told it.
    fn destination(&self, target: &HostTarget) -> Destination {
        let identity = target.private_key_file.as_ref();
        Destination {
            host: target.address.clone(),
            port: target.port,
            user: target.user.clone(),
            identity_file: identity.map(|file| self.local.expand_home(&file.to_string_lossy())),
            arguments: target.ssh_arguments.clone(),
        }
    }

    /// Everything on the way, nearest first, the destination last. May run the commands of `Match exec`.
    pub(super) fn to(&self, target: &HostTarget) -> Result<Vec<HostSettings>, ConnectError> {
        self.chain(&self.destination(target), None, 0)
    }

    /// `route`: the jumps that somebody else named; the nearest hop always follows its own settings, as with ssh.
    fn chain(
        &self,
        destination: &Destination,
        route: Option<&[Destination]>,
        depth: usize,
    ) -> Result<Vec<HostSettings>, ConnectError> {
        let wrong = |reason: String| ConnectError::Settings { place: destination.host.clone(), reason };
        if depth > MAX_DEPTH {
            return Err(wrong("its ProxyJump leads in a circle".to_owned()));
        }
        let settings = config::resolve(destination, &self.files, &self.local);
        let settings = settings.map_err(|errors| wrong(errors.to_string()))?;
        let route = match (route, &settings.proxy) {
            (Some(route), _) => route,
            (None, Proxy::Jump(hops)) => hops,
            (None, Proxy::None | Proxy::Command { .. }) => &[],
        };
        let mut chain = match route.split_last() {
            Some((last, [])) => self.chain(last, None, depth + 1)?,
            Some((last, before)) => self.chain(last, Some(before), depth + 1)?,
            None => Vec::new(),
        };
        chain.push(settings);
        Ok(chain)
    }
}

impl SshConfiguration for Routes {
    fn of(&self, target: &HostTarget) -> Result<SshListing, Vec<String>> {
        let listed = config::list(&self.destination(target), &self.files, &self.local);
        listed.map_err(|errors| errors.0.iter().map(ToString::to_string).collect())
    }
}
