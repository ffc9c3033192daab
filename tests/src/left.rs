//! What omsctl may not leave on a host when its command has ended, looked for without asking omsctl.

use crate::rig::{Node, RigError};

/// Processes, listening sockets, files; the empty locks stay. A run that has ended needs no reserve and no key.
const LOOK: &str = "ps -eo pid,comm | grep '[o]msctl'
ss -H -ltnp 2>/dev/null | grep '[o]msctl'
find /run/omsctl -mindepth 1 ! -name lock ! -name controller 2>/dev/null
find /run/omsctl -type f -size +0 2>/dev/null
find /tmp /var/tmp -mindepth 1 -name '*omsctl*' 2>/dev/null
find /var/lib/omsctl /data/oms -maxdepth 3 \\( -name '*.part' -o -name '*.tmp' -o -name '.omsctl*' \\) 2>/dev/null
find /var/lib/omsctl/content 2>/dev/null
find /var/lib/omsctl/runs \\( -name reserve -o -name key -o -name '*.new' \\) 2>/dev/null
exit 0";

/// A line for each thing that is left; empty when nothing is.
pub fn left_on(node: &Node) -> Result<String, RigError> {
    Ok(node.exec(["sh", "-c", LOOK])?.ok()?.stdout.trim().to_owned())
}
