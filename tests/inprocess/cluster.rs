//! The cluster that stories about a running one begin with.

use omsctl_controller::exit::Exit;

use crate::bastion::Bastion;
use crate::fleet::Fleet;

/// Every host is rolled out, and its supervisor has beaten.
pub(crate) async fn rolled_out(fleet: &Fleet) -> Bastion<'_> {
    let bastion = Bastion::new(fleet);
    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    bastion
}
