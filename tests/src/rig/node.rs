//! One host of the rig: brought up, reached over SSH or from this machine's Docker, cut off, killed, emptied.

use std::path::Path;
use std::time::Duration;

use super::engine::{docker_ok, inspect};
use super::instance::Instance;
use super::process::{Output, Program, quoted};
use super::{RigError, capabilities, until};

const START_PATIENCE: Duration = Duration::from_secs(90);

/// What a rollout, a test or a person may have left on a host; `/data` is a volume, so it is emptied, not removed.
const EMPTY: &str = "set -u
pkill -KILL '^omsctl-agent'; pkill -KILL -f '^/var/lib/omsctl/'; pkill -x keepalived
docker ps -aq | xargs -r docker rm --force --volumes >/dev/null
rm -rf /run/omsctl /var/lib/omsctl /opt/omsctl /tmp/omsctl* /home/*/.omsctl
find /data -mindepth 1 -delete
exit 0";

const LET_IN: &str = "set -eu
key=$(cat)
for home in /root /home/ops /home/dba; do
    owner=$(stat -c %U \"$home\")
    install -d -m 0700 -o \"$owner\" \"$home/.ssh\"
    printf '%s\\n' \"$key\" >\"$home/.ssh/authorized_keys\"
    chown \"$owner:\" \"$home/.ssh/authorized_keys\"
    chmod 0600 \"$home/.ssh/authorized_keys\"
done
cat /etc/ssh/ssh_host_*_key.pub";

/// The password of [`User::Dba`], for SSH and for sudo.
pub const DBA_PASSWORD: &str = "sudo-secret-1";

/// Who logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// root, by key.
    Root,
    /// `ops`, by key, sudo without a password.
    Ops,
    /// `dba`, by key or [`DBA_PASSWORD`], sudo with that password.
    Dba,
}

impl User {
    /// The log-in name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Ops => "ops",
            Self::Dba => "dba",
        }
    }
}

/// A host.
#[derive(Debug, Clone)]
pub struct Node {
    number: usize,
    name: String,
    address: String,
    container: String,
    instance: Instance,
}

impl Node {
    pub(super) fn of(instance: &Instance, number: usize) -> Self {
        let name = format!("node{number}");
        Self {
            number,
            address: instance.node_address(number),
            container: instance.container(&name),
            name,
            instance: instance.clone(),
        }
    }

    /// Its name: `node1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Its own address, where sshd listens on port 22 and OMS's ports will be.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The container that is this host, on this machine's Docker.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// Whether it is switched on.
    pub fn is_running(&self) -> Result<bool, RigError> {
        Ok(inspect("container", &self.container, "{{.State.Running}}")?.as_deref() == Some("true"))
    }

    /// Makes or starts the host; one from an older image is made anew.
    pub(super) fn up(&self, image: &str, progress: fn(&str)) -> Result<(), RigError> {
        let found = inspect("container", &self.container, "{{.Config.Image}} {{.State.Running}}")?;
        match found.as_deref().and_then(|found| found.split_once(' ')) {
            Some((built, "true")) if built == image => return Ok(()),
            Some((built, _)) if built == image => {
                progress(&format!("{}: starting it again", self.name));
                return docker_ok(["start", &self.container]).map(drop);
            }
            Some(_) => {
                progress(&format!("{}: its image has changed, making it anew", self.name));
                self.instance.remove(&self.name)?;
            }
            None => progress(&format!("{}: making it at {}", self.name, self.address)),
        }
        let storage = self.instance.volume(&format!("{}-docker", self.name))?;
        let data = self.instance.volume(&format!("{}-data", self.name))?;
        let mut arguments = vec!["run".to_owned(), "--detach".to_owned(), "--tmpfs=/run".to_owned()];
        arguments.extend(self.instance.common_arguments(&self.name, &self.address));
        arguments.extend([format!("--volume={storage}:/var/lib/docker"), format!("--volume={data}:/data")]);
        arguments.extend(capabilities::arguments());
        arguments.push(image.to_owned());
        docker_ok(arguments).map(drop)
    }

    /// Waits until sshd and Docker answer on a host that was just started.
    pub fn wait_ready(&self) -> Result<(), RigError> {
        let what = format!("{} answers: sshd and dockerd (see /var/log/dockerd.log there)", self.name);
        let ready = "docker version >/dev/null 2>&1 && bash -c ': </dev/tcp/127.0.0.1/22'";
        until(&what, START_PATIENCE, || {
            self.exec(["sh", "-c", ready]).is_ok_and(|output| output.success()).then_some(())
        })
    }

    /// Puts the rig's key into every user's account; answers the host's public keys.
    pub(super) fn let_in(&self, public_key: &str) -> Result<String, RigError> {
        Ok(self.exec_with_input(&["sh", "-c", LET_IN], public_key)?.ok()?.stdout)
    }

    /// Runs a command on the host as root, from this machine's Docker: works without network and sshd.
    pub fn exec<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<Output, RigError> {
        Program::new("docker").args(["exec", &self.container]).args(arguments).output()
    }

    /// [`Node::exec`] with standard input.
    pub fn exec_with_input(&self, arguments: &[&str], input: &str) -> Result<Output, RigError> {
        Program::new("docker").args(["exec", "-i", &self.container]).args(arguments).input(input).output()
    }

    /// Runs a command over SSH as root; each argument arrives as one argument.
    pub fn ssh<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<Output, RigError> {
        self.ssh_as(User::Root, arguments)
    }

    /// Runs a command over SSH as the given user.
    pub fn ssh_as<'a>(
        &self,
        user: User,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Output, RigError> {
        let line: Vec<String> = arguments.into_iter().map(quoted).collect();
        let config = self.instance.layout.state.join("ssh_config");
        Program::new("ssh")
            .args(["-F".as_ref(), config.as_os_str()])
            .args(["-o", "BatchMode=yes", "-l", user.name(), &self.name, "--", &line.join(" ")])
            .output()
    }

    /// Runs `docker` of the host itself.
    pub fn docker<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<Output, RigError> {
        self.exec(std::iter::once("docker").chain(arguments))
    }

    /// Runs a command inside a container of the host, usually `oms`.
    pub fn docker_exec<'a>(
        &self,
        container: &'a str,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Output, RigError> {
        self.docker(["exec", container].into_iter().chain(arguments))
    }

    /// A container's ID on the host, `None` when there is none of that name.
    pub fn container_id(&self, name: &str) -> Result<Option<String>, RigError> {
        let output = self.docker(["container", "inspect", "--format", "{{.Id}}", name])?;
        Ok(output.success().then(|| output.stdout.trim().to_owned()))
    }

    /// Loads an image archive of this machine into the host's Docker, past omsctl.
    pub fn load_image(&self, archive: &Path) -> Result<(), RigError> {
        let place = "/data/.rig-image.tar";
        self.copy_in(archive, place)?;
        self.docker(["load", "--input", place])?.ok()?;
        self.exec(["rm", "-f", place])?.ok().map(drop)
    }

    /// Copies a file of this machine to the host, with its mode.
    pub fn copy_in(&self, file: &Path, place: &str) -> Result<(), RigError> {
        docker_ok(["cp".as_ref(), file.as_os_str(), format!("{}:{place}", self.container).as_ref()]).map(drop)
    }

    /// The text of a file on the host.
    pub fn read_file(&self, path: &str) -> Result<String, RigError> {
        Ok(self.exec(["cat", path])?.ok()?.stdout)
    }

    /// Writes a file on the host in place: an existing file keeps its inode.
    pub fn write_file(&self, path: &str, text: &str) -> Result<(), RigError> {
        self.exec_with_input(&["sh", "-c", "cat >\"$1\"", "sh", path], text)?.ok().map(drop)
    }

    /// Cuts the host's network: packets vanish in both directions, nobody is told.
    pub fn cut(&self) -> Result<(), RigError> {
        self.heal()?;
        for rule in RULES {
            self.exec(["iptables", "-I"].into_iter().chain(rule))?.ok()?;
        }
        Ok(())
    }

    /// Gives the host its network back; nothing happens when it has it.
    pub fn heal(&self) -> Result<(), RigError> {
        for rule in RULES {
            while self.exec(["iptables", "-D"].into_iter().chain(rule))?.success() {}
        }
        Ok(())
    }

    /// Pulls the plug.
    pub fn kill(&self) -> Result<(), RigError> {
        docker_ok(["kill", &self.container]).map(drop)
    }

    /// Switches the host on again and waits until sshd and Docker answer. Containers without a restart policy stay down.
    pub fn start(&self) -> Result<(), RigError> {
        docker_ok(["start", &self.container])?;
        self.wait_ready()
    }

    /// Stops the host's Docker, as `systemctl stop docker` does; its containers stop with it.
    pub fn stop_docker(&self) -> Result<(), RigError> {
        self.exec(["rig-docker", "stop"])?.ok().map(drop)
    }

    /// Starts the host's Docker and waits until it answers.
    pub fn start_docker(&self) -> Result<(), RigError> {
        // The daemon must outlive the command that starts it.
        docker_ok(["exec", "--detach", &self.container, "rig-docker", "start"])?;
        self.wait_ready()
    }

    /// Empties the host: containers, agents, mount folders, omsctl's folders; with `images`, the images too.
    pub fn reset(&self, images: bool) -> Result<(), RigError> {
        if !self.is_running()? {
            docker_ok(["start", &self.container])?;
        }
        self.heal()?;
        if !self.docker(["version"])?.success() {
            self.start_docker()?;
        }
        self.exec(["bash", "-c", EMPTY])?.ok()?;
        if images {
            self.docker(["system", "prune", "--all", "--force", "--volumes"])?.ok()?;
        }
        Ok(())
    }
}

const RULES: [[&str; 5]; 2] = [["INPUT", "-i", "eth0", "-j", "DROP"], ["OUTPUT", "-o", "eth0", "-j", "DROP"]];
