//! For benchmarks: the links of a rig's hosts made slow, what left the bastion, and commands of this machine.

use std::fs;
use std::process::{Child, Command, Stdio};

use crate::rig::{Node, Rig};
use crate::steps::release_folder;

pub type Failure = Box<dyn std::error::Error>;

/// Every host's link in both directions, and the bastion's uplink, carry so many Mbit/s; 0 leaves them as they are.
pub fn shape(rig: &Rig, megabits: u32) -> Result<(), Failure> {
    if megabits == 0 {
        return Ok(());
    }
    let rate = format!("{megabits}mbit");
    let shape = ["root", "tbf", "rate", &rate, "burst", "256kb", "latency", "10ms"];
    for node in rig.nodes() {
        let pid = output("docker", &["inspect", "--format", "{{.State.Pid}}", node.container()])?;
        let inside = ["-t", pid.trim(), "-n", "tc", "qdisc", "replace", "dev", "eth0"];
        output("nsenter", &[&inside[..], &shape].concat())?;
        let outside = ["qdisc", "replace", "dev", &link_to(node)?];
        output("tc", &[&outside[..], &shape].concat())?;
    }
    let uplink = ["qdisc", "replace", "dev", &bridge(rig)?];
    output("tc", &[&uplink[..], &shape].concat())?;
    Ok(())
}

/// Bytes that left the bastion so far.
pub fn sent(rig: &Rig) -> Result<u64, Failure> {
    let path = format!("/sys/class/net/{}/statistics/tx_bytes", bridge(rig)?);
    Ok(fs::read_to_string(path)?.trim().parse()?)
}

/// `omsctl` with the rig's files and a bastion of its own: what it keeps is below `home`.
pub fn omsctl(rig: &Rig, home: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(release_folder().join("omsctl"));
    command.args(arguments).current_dir(rig.state_folder());
    command.env("HOME", home).env("XDG_STATE_HOME", home).env("XDG_CACHE_HOME", home);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// What the process held at most, in bytes, as long as it lives.
pub fn most_memory(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    most_memory_in(&status)
}

/// The same of the text of such a file.
pub fn most_memory_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// Standard output of a program that succeeds.
pub fn output(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(program).args(arguments).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program} {}: {said}", arguments.join(" ")).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The network's end on this machine, which only what this machine sends leaves by.
fn bridge(rig: &Rig) -> Result<String, Failure> {
    let address = rig.nodes()[0].address();
    let (net, _) = address.rsplit_once('.').ok_or("an address without dots")?;
    let all = output("ip", &["-o", "-4", "address"])?;
    let line = all.lines().find(|line| line.contains(&format!(" {net}.")));
    let name = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(name.ok_or("the rig's network has no end here")?.to_owned())
}

/// This machine's end of the host's network interface.
fn link_to(node: &Node) -> Result<String, Failure> {
    let index = node.exec(["cat", "/sys/class/net/eth0/iflink"])?.ok()?.stdout;
    for entry in fs::read_dir("/sys/class/net")? {
        let entry = entry?;
        if fs::read_to_string(entry.path().join("ifindex")).is_ok_and(|own| own.trim() == index.trim()) {
            return Ok(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Err(format!("{} has no link to this machine", node.name()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_memory_is_read_in_bytes() {
        assert_eq!(most_memory_in("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"), Some(2 << 20));
        assert_eq!(most_memory_in("Name:\tx\n"), None);
    }
}
