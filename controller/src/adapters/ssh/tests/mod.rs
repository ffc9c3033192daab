//! The SSH adapter against a real server in this process: log-in, host keys, the agent put in place, sudo, jumps.

mod connecting;
mod host_keys;
mod launching;
mod one_channel;
mod other_servers;
mod real_servers;
mod server;
mod user_certificates;

use std::env::consts::ARCH;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omsctl_proto::{ErrorReport, NodeName};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(super) use self::server::new_key;
use self::server::{Behaviour, Server};
use super::config::LocalUser;
use super::transport::{SshOptions, SshTransport};
use crate::adapters::agent_binary::AgentBinaries;
use crate::adapters::resolver::Resolver;
use crate::ports::{AgentCommand, Become, ByteStream, Connection, HostTarget, Method, Transport};

/// A program of this machine that stands in for the agent: it has `--version` and runs its first argument, which the
/// folder of fakes provides.
const STAND_IN: &str = "/usr/bin/env";

const FAKES: [(&str, &str); 4] = [
    ("session", "#!/bin/sh\nprintf 'session %s|' \"$*\"\nexec cat\n"),
    ("connect", "#!/bin/sh\nprintf 'connect %s|' \"$*\"\nexec cat\n"),
    ("id", "#!/bin/sh\necho 1000\n"),
    (
        "sudo",
        r#"#!/bin/sh
here=$(dirname "$0"); ask=yes; prompt=
while :; do case $1 in -n) ask=no; shift;; -S) shift;; -p) prompt=$2; shift 2;; --) shift; break;; *) break;; esac; done
if [ -f "$here/refuses" ]; then echo "ann is not in the sudoers file." >&2; echo "sudo: no" >&2; exit 1; fi
if [ -f "$here/requiretty" ] && ! (: </dev/tty) 2>/dev/null; then
  echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1
fi
if [ -f "$here/nopasswd" ]; then exec "$@"; fi
if [ $ask = no ]; then echo "sudo: a password is required" >&2; exit 1; fi
for try in 1 2 3; do
  printf "%s" "$prompt" >&2; IFS= read -r password
  if [ "$password" = "$(cat "$here/password")" ]; then exec "$@"; fi
  echo "Sorry, try again." >&2
done
echo "sudo: 3 incorrect password attempts" >&2; exit 1
"#,
    ),
];

/// A bastion with a key, agents, and a host's folders, all in one temporary folder.
struct Bench {
    folder: tempfile::TempDir,
    key: PrivateKey,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self { folder, key: new_key() };
        for part in ["home/.ssh", "agents", "programs"] {
            std::fs::create_dir_all(bench.path(part)).unwrap();
        }
        for (name, text) in FAKES {
            bench.program(name, text);
        }
        let agent = bench.path("agents").join(format!("omsctl-agent-{ARCH}"));
        std::fs::copy(STAND_IN, agent).unwrap();
        bench.key_file("id_ed25519", &bench.key);
        bench
    }

    fn path(&self, part: &str) -> PathBuf {
        self.folder.path().join(part)
    }

    fn program(&self, name: &str, text: &str) {
        let file = self.path("programs").join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn key_file(&self, name: &str, key: &PrivateKey) -> PathBuf {
        let file = self.path("home/.ssh").join(name);
        std::fs::write(&file, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        file
    }

    /// A server that lets our key in.
    async fn server(&self) -> Server {
        self.server_with(Behaviour::default()).await
    }

    async fn server_with(&self, mut behaviour: Behaviour) -> Server {
        behaviour.authorised.get_or_insert_with(|| self.key.public_key().clone());
        Server::start(behaviour, &self.path("programs")).await
    }

    /// Writes the server's key, or another one, into `known_hosts`.
    fn know(&self, port: u16, key: &PrivateKey, marker: &str) {
        self.know_as(&format!("{marker}[127.0.0.1]:{port}"), key);
    }

    fn know_as(&self, names: &str, key: &PrivateKey) {
        use std::io::Write as _;
        let line = format!("{names} {}\n", key.public_key().to_openssh().unwrap());
        let file = self.path("home/.ssh/known_hosts");
        let mut opened = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        opened.write_all(line.as_bytes()).unwrap();
    }

    fn transport(&self, options: SshOptions) -> SshTransport {
        let local = LocalUser::for_tests(self.path("home"));
        let config = self.path("home/.ssh/config");
        let options =
            SshOptions { config_file: Some(options.config_file.unwrap_or(config.clone())), ..options };
        if !config.exists() {
            std::fs::write(&config, "").unwrap();
        }
        let agents = AgentBinaries::in_folder(self.path("agents"));
        let transport = SshTransport::for_user(options, agents, Resolver::new(), local).unwrap();
        transport.with_agent_places(vec![self.place()])
    }

    fn place(&self) -> String {
        self.path("host/bin").display().to_string()
    }

    #[expect(clippy::unused_self, reason = "reads as: this bench's target on that server")]
    fn target(&self, server: &Server) -> HostTarget {
        HostTarget {
            node: NodeName::new("n1").unwrap(),
            address: "127.0.0.1".to_owned(),
            port: Some(server.port),
            user: Some("ann".to_owned()),
            password: None,
            private_key_file: None,
            ssh_arguments: ["-o", "IdentityAgent=none"].map(str::to_owned).to_vec(),
            escalation: Become::default(),
            method: Method::Ssh,
        }
    }

    /// Connects and starts a session.
    async fn session(
        &self,
        target: &HostTarget,
    ) -> Result<(Arc<dyn Connection>, Box<dyn ByteStream>), ErrorReport> {
        let connection = self.transport(SshOptions::default()).connect(target).await?;
        let stream = connection.run_agent(AgentCommand::Session).await?;
        Ok((connection, stream))
    }
}

/// The agent greets, and sends back what it is sent.
async fn talks(stream: &mut Box<dyn ByteStream>, greeting: &str) {
    let mut buffer = vec![0u8; greeting.len()];
    stream.read_exact(&mut buffer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&buffer), greeting);
    let binary: Vec<u8> = (0..=255u8).cycle().take(100_000).collect();
    let mut back = vec![0u8; binary.len()];
    let (mut read, mut write) = tokio::io::split(stream);
    let (sent, received) = tokio::join!(write.write_all(&binary), read.read_exact(&mut back));
    sent.unwrap();
    received.unwrap();
    assert!(back == binary);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}
