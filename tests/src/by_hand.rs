//! OMS's container as its manual has it made by hand: the block of arguments that omsctl is measured against.

use crate::rig::Node;

/// Arguments of `docker` for a container of this image on this host; `changes` come last, before the image, so that they
/// count.
pub fn run(node: &Node, changes: &[&str], image: &str) -> Vec<String> {
    let address = format!("OMS_HOST_IP={}", node.address());
    let mut block = vec!["run", "-dit", "--net", "host"];
    block.extend(["-v", "/data/oms/config.yaml:/home/admin/conf/config.yaml"]);
    block.extend(["-v", "/data/oms/oms_logs:/home/admin/logs", "-v", "/data/oms/oms_store:/home/ds/store"]);
    block.extend(["-v", "/data/oms/oms_run:/home/ds/run", "-e", &address]);
    block.extend(["--privileged=true", "--pids-limit", "-1", "--ulimit", "nproc=65535:65535"]);
    block.extend(["--name", "oms"]);
    block.extend(changes);
    block.push(image);
    block.into_iter().map(str::to_owned).collect()
}
