//! The one transport that `app` hands out: over SSH, or on the bastion itself, as each host says.

use std::sync::Arc;

use futures::future::BoxFuture;
use omsctl_proto::ErrorReport;

use super::local::LocalTransport;
use super::ssh::SshTransport;
use crate::ports::{Connection, HostTarget, Method, Transport};

/// Chooses by [`HostTarget::method`].
#[derive(Debug)]
pub struct HostTransport {
    pub ssh: SshTransport,
    pub local: LocalTransport,
}

impl Transport for HostTransport {
    fn connect<'a>(
        &'a self,
        target: &'a HostTarget,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, ErrorReport>> {
        match target.method {
            Method::Ssh => self.ssh.connect(target),
            Method::Local => self.local.connect(target),
        }
    }
}
