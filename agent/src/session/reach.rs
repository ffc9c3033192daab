//! Whether hosts reach each other on the ports that OMS will take: doors that open for a moment on ports nobody listens
//! on yet, and a try of what other hosts have open. Says nothing to whoever comes, and reads nothing.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::StreamExt;
use omsctl_proto::{Door, ErrorCode, ErrorReport, Unreached};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ports::{ByteStream, Host};

/// OMS has seven fixed ports, and one is tried of each of its four ranges.
const MOST_DOORS: usize = 32;
/// Connections that are tried at a time.
const AT_ONCE: usize = 128;
/// What has not answered by then is dropped on the way.
const WITHIN: Duration = Duration::from_secs(3);
/// A guest that does not leave is shown out.
const LEAVES_WITHIN: Duration = Duration::from_secs(5);

/// The doors of one session; dropping it closes them.
#[derive(Debug, Default)]
pub(super) struct Doors {
    open: JoinSet<()>,
}

impl Doors {
    /// Opens those that are free; instead of what was open before.
    pub(super) fn open(&mut self, host: &dyn Host, address: IpAddr, ports: &[u16]) -> Vec<u16> {
        self.close();
        let mut opened = Vec::new();
        for port in ports.iter().copied().take(MOST_DOORS) {
            // Whoever has it answers by itself.
            if let Ok((_, incoming)) = host.listen(Door { address, port }) {
                self.open.spawn(receive(incoming));
                opened.push(port);
            }
        }
        opened
    }

    pub(super) fn close(&mut self) {
        self.open = JoinSet::new();
    }
}

/// One guest after the other. It has to leave first: the end that closes a connection first keeps the port for a minute,
/// and OMS shall have it.
async fn receive(mut incoming: mpsc::Receiver<Box<dyn ByteStream>>) {
    while let Some(mut guest) = incoming.recv().await {
        let _left = timeout(LEAVES_WITHIN, guest.read(&mut [0; 1])).await;
    }
}

/// Those that take no connection from here, side by side.
pub(super) async fn unreached(host: &dyn Host, targets: Vec<SocketAddr>) -> Vec<Unreached> {
    let tried = futures::stream::iter(targets).map(|target| async move {
        let name = target.ip().to_string();
        let connecting = host.connect(&name, target.port());
        let why = match timeout(WITHIN, connecting).await {
            Ok(Ok(_)) => return None,
            Ok(Err(error)) => ErrorReport::from_error(ErrorCode::Unreachable, &error).causes.pop(),
            Err(_) => Some(format!("no answer within {} s", WITHIN.as_secs())),
        };
        Some(Unreached { target, why: why.unwrap_or_else(|| "it cannot be reached".to_owned()) })
    });
    tried.buffered(AT_ONCE).filter_map(std::future::ready).collect().await
}
