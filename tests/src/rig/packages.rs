//! Installs Debian packages that the rig needs and the machine lacks.

use super::RigError;
use super::process::{Program, is_installed};

/// A program and the package that has it.
const NEEDED: [(&str, &str); 6] = [
    ("mmdebstrap", "mmdebstrap"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("iptables", "iptables"),
    ("python3", "python3"),
    ("openssl", "openssl"),
];

/// Installs what is missing of the rig's own tools; does nothing, and needs no network, when all is there.
pub(super) fn ensure(progress: fn(&str)) -> Result<(), RigError> {
    install(&missing_of(&NEEDED, is_installed), progress)
}

/// Makes sure that this machine's Python can make the virtual environment of the original tools.
pub fn ensure_originals(progress: fn(&str)) -> Result<(), RigError> {
    let found = Program::new("python3").args(["-c", "import ensurepip"]).output();
    let is_there = found.is_ok_and(|output| output.success());
    if is_there { Ok(()) } else { install(&["python3-venv"], progress) }
}

/// Makes sure that this machine's Python can download a wheel.
pub(super) fn ensure_pip(progress: fn(&str)) -> Result<(), RigError> {
    let found = Program::new("python3").args(["-m", "pip", "--version"]).output()?;
    if found.success() { Ok(()) } else { install(&["python3-pip"], progress) }
}

fn missing_of(needed: &[(&str, &'static str)], is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<&str> =
        needed.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

/// Installs packages by name, with what they recommend (Docker's client and cgroup mounts come in that way). The package lists are fetched only when the first attempt fails.
pub(super) fn install(packages: &[&str], progress: fn(&str)) -> Result<(), RigError> {
    if packages.is_empty() {
        return Ok(());
    }
    progress(&format!("installing {} by apt", packages.join(", ")));
    let attempt = || {
        Program::new("apt-get")
            .args(["install", "--yes"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run()
    };
    if attempt().is_ok() {
        return Ok(());
    }
    Program::new("apt-get").args(["update"]).run()?;
    attempt().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_each_missing_package_once() {
        assert_eq!(missing_of(&NEEDED, |program| !program.starts_with("ssh")), ["openssh-client"]);
        assert!(missing_of(&NEEDED, |_| true).is_empty());
    }
}
