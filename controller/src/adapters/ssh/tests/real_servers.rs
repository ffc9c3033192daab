//! Against the servers that hosts really run. `cargo verify` runs these on a host of its rig, as root, with
//! `OMSCTL_TEST_USER` and `OMSCTL_TEST_PASSWORD` set; anywhere else by `cargo test … real_servers -- --ignored`, after
//! `apt-get install openssh-server sudo`.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

pub(super) struct RealServer {
    child: Child,
    pub(super) port: u16,
    pub(super) host_key: PrivateKey,
}

impl Drop for RealServer {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

pub(super) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(super) async fn wait_for(port: u16) {
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(super) async fn sshd(bench: &Bench, extra: &str) -> RealServer {
    std::fs::create_dir_all("/run/sshd").unwrap();
    let (port, host_key) = (free_port(), new_key());
    let key_file = bench.key_file("host_key", &host_key);
    let authorised = bench.path("authorized_keys");
    std::fs::write(&authorised, bench.key.public_key().to_openssh().unwrap()).unwrap();
    let config = format!(
        // sshd takes the first of two settings of one name.
        "{extra}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nPidFile none\nUsePAM no\nPermitRootLogin yes\nMaxStartups 5000\n",
        key_file.display(),
        authorised.display()
    );
    // Another user may be named by OMSCTL_TEST_USER.
    for (part, mode) in [("", 0o755), ("host", 0o777)] {
        std::fs::create_dir_all(bench.path(part)).unwrap();
        std::fs::set_permissions(bench.path(part), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let file = bench.path("sshd_config");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new("/usr/sbin/sshd");
    let child = command.args(["-D", "-e", "-f"]).arg(file).stderr(Stdio::null()).spawn().unwrap();
    wait_for(port).await;
    RealServer { child, port, host_key }
}

/// An ssh-agent of its own; ends when it is dropped.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Agent {
    async fn holding(bench: &Bench, key: &Path) -> Self {
        let socket = bench.path("agent");
        let mut command = Command::new("ssh-agent");
        let child = command.args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        while !socket.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let agent = Self { child, socket };
        let mut add = Command::new("ssh-add");
        let added = add.arg("-q").arg(key).env("SSH_AUTH_SOCK", &agent.socket).status().unwrap();
        assert!(added.success());
        agent
    }

    fn option(&self) -> String {
        format!("IdentityAgent={}", self.socket.display())
    }
}

pub(super) fn target(port: u16) -> HostTarget {
    HostTarget {
        node: NodeName::new("n1").unwrap(),
        address: "127.0.0.1".to_owned(),
        port: Some(port),
        user: Some(std::env::var("OMSCTL_TEST_USER").unwrap_or_else(|_| "root".to_owned())),
        password: None,
        private_key_file: Some("~/.ssh/id_ed25519".into()),
        ssh_arguments: ["-o", "IdentityAgent=none"].map(str::to_owned).to_vec(),
        escalation: Become::default(),
        method: Method::Ssh,
    }
}

/// The stand-in runs `session` from `PATH`; a real log-in has no folder of fakes there, so `cat` is the agent's name.
async fn echo(connection: &Arc<dyn Connection>) {
    let command = AgentCommand::Connect { host: "x".to_owned(), port: 1 };
    drop(connection.run_agent(command).await.unwrap());
}

#[tokio::test]
#[ignore = "needs sshd and root"]
async fn openssh_measured() {
    let bench = Bench::new();
    let server = sshd(&bench, "").await;
    bench.know(server.port, &server.host_key, "");
    let target = target(server.port);
    let cold = Instant::now();
    let connection = bench.transport(SshOptions::default()).connect(&target).await.unwrap();
    echo(&connection).await;
    println!("connect, push {} bytes, exec: {:?}", connection.details().agent_pushed_bytes, cold.elapsed());
    let mut connects = Vec::new();
    let mut execs = Vec::new();
    for _ in 0..20 {
        let transport = bench.transport(SshOptions::default());
        let start = Instant::now();
        let connection = transport.connect(&target).await.unwrap();
        connects.push(start.elapsed());
        let start = Instant::now();
        echo(&connection).await;
        execs.push(start.elapsed());
        assert_eq!(connection.details().agent_pushed_bytes, 0);
    }
    connects.sort();
    execs.sort();
    println!("median of 20: connect {:?}, agent started (cached) {:?}", connects[10], execs[10]);
    let transport = Arc::new(bench.transport(SshOptions::default()));
    let start = Instant::now();
    let all = (0..64).map(|_| async { echo(&transport.connect(&target).await.unwrap()).await });
    futures::future::join_all(all).await;
    println!("64 connections at once, each with an agent started: {:?}", start.elapsed());
}

#[tokio::test]
#[ignore = "needs sshd and root"]
async fn openssh_refuses_and_is_told_apart() {
    let bench = Bench::new();
    let server =
        sshd(&bench, "MaxAuthTries 2\nPasswordAuthentication no\nKbdInteractiveAuthentication no").await;
    bench.know(server.port, &server.host_key, "");
    let mut target = target(server.port);
    target.private_key_file = Some(bench.key_file("other", &new_key()));
    let report = bench.transport(SshOptions::default()).connect(&target).await.err().unwrap();
    println!("{report:?}");
    assert!(report.message.contains("the server offers publickey"), "{report:?}");
    for number in 0..4 {
        let file = bench.key_file(&format!("other{number}"), &new_key());
        target.ssh_arguments.extend(["-i".to_owned(), file.display().to_string()]);
    }
    let report = bench.transport(SshOptions::default()).connect(&target).await.err().unwrap();
    println!("{report:?}");
    assert!(report.message.contains("Too many authentication failures"), "{report:?}");
}

#[tokio::test]
#[ignore = "needs ssh-agent"]
async fn the_keys_of_ssh_agent_log_in() {
    let bench = Bench::new();
    let server = bench.server().await;
    bench.know(server.port, &server.host_key, "");
    let agent = Agent::holding(&bench, &bench.key_file("moved", &bench.key)).await;
    std::fs::remove_file(bench.path("home/.ssh/moved")).unwrap();
    std::fs::remove_file(bench.path("home/.ssh/id_ed25519")).unwrap();
    let mut target = bench.target(&server);
    target.ssh_arguments = vec!["-o".to_owned(), agent.option()];
    let result = bench.transport(SshOptions::default()).connect(&target).await;
    assert!(result.is_ok(), "{:?}", result.err());
}

fn keygen(arguments: &[&str], folder: &Path) {
    let output = Command::new("ssh-keygen").arg("-q").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Certificates that ssh-keygen makes and the real sshd shows and takes, of every type of key.
#[tokio::test]
#[ignore = "needs sshd and root"]
async fn certificates_of_openssh_are_believed_and_let_in() {
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let bench = Bench::new();
        let home = bench.path("home/.ssh");
        std::fs::remove_file(home.join("id_ed25519")).unwrap();
        let user = std::env::var("OMSCTL_TEST_USER").unwrap_or_else(|_| "root".to_owned());
        for (file, comment) in [("authority", "CA"), ("host", "host"), ("key", "user")] {
            keygen(&["-t", kind, "-N", "", "-C", comment, "-f", file], &home);
        }
        keygen(&["-s", "authority", "-I", "h", "-h", "-n", "127.0.0.1", "host.pub"], &home);
        keygen(&["-s", "authority", "-I", "u", "-n", &user, "key.pub"], &home);
        let file = |name: &str| home.join(name).display().to_string();
        let extra = format!(
            "HostKey {0}\nHostCertificate {0}-cert.pub\nTrustedUserCAKeys {1}.pub",
            file("host"),
            file("authority")
        );
        let server = sshd(&bench, &extra).await;
        let mut target = target(server.port);
        target.private_key_file = Some(file("key").into());
        target
            .ssh_arguments
            .extend(["-o".to_owned(), format!("HostKeyAlgorithms=*{kind}*-cert-*,rsa-sha2-*-cert-*")]);
        let connect = async || bench.transport(SshOptions::default()).connect(&target).await.map(|_| ());
        assert!(connect().await.is_err(), "nobody vouches for the host yet");
        let key = std::fs::read_to_string(file("authority.pub")).unwrap();
        std::fs::write(file("known_hosts"), format!("@cert-authority [127.0.0.1]:* {key}")).unwrap();
        connect().await.unwrap_or_else(|report| panic!("{kind}: {report:?}"));
        // The key may be in ssh-agent, and its certificate in a file.
        std::fs::rename(file("key-cert.pub"), file("named")).unwrap();
        std::fs::rename(file("key"), file("moved")).unwrap();
        let agent = Agent::holding(&bench, &home.join("moved")).await;
        let mut held = HostTarget { private_key_file: None, ..target.clone() };
        held.ssh_arguments = ["-o", &agent.option(), "-o", &format!("CertificateFile={}", file("named"))]
            .map(str::to_owned)
            .to_vec();
        let report = bench.transport(SshOptions::default()).connect(&held).await.err();
        assert!(report.is_none(), "{kind}: {report:?}");
        // The key without its certificate is nobody's.
        std::fs::rename(file("moved"), file("key")).unwrap();
        let report = connect().await.unwrap_err();
        assert!(report.message.contains("refuses the log-in"), "{kind}: {report:?}");
    }
}

/// With a user whom sudo lets in by password only: `OMSCTL_TEST_USER` and `OMSCTL_TEST_PASSWORD`.
#[tokio::test]
#[ignore = "needs sshd, sudo, root and a user with a password"]
async fn real_sudo_asks_and_is_answered() {
    let bench = Bench::new();
    let server = sshd(&bench, "").await;
    bench.know(server.port, &server.host_key, "");
    let mut target = target(server.port);
    let start = async |target: &HostTarget| {
        let connection = bench.transport(SshOptions::default()).connect(target).await.unwrap();
        let result = connection.run_agent(AgentCommand::Session).await;
        result.map(|_| connection.details().agent_pushed_bytes)
    };
    let password = std::env::var("OMSCTL_TEST_PASSWORD").unwrap();
    let escalation = |password: Option<&str>| Become {
        enabled: true,
        user: Some("root".to_owned()),
        password: password.map(omsctl_proto::Secret::new),
    };
    target.escalation = escalation(None);
    let report = start(&target).await.unwrap_err();
    assert!(report.message.contains("for a password, and none was given"), "{report:?}");
    target.escalation = escalation(Some("certainly wrong"));
    let report = start(&target).await.unwrap_err();
    assert!(report.message.contains("does not accept the password"), "{report:?}");
    target.escalation = escalation(Some(&password));
    assert!(start(&target).await.unwrap() > 0);
    assert_eq!(start(&target).await.unwrap(), 0);
}
