//! Against dropbear and tinysshd, every kind of key, real passwords and real jump hosts: what hosts really have. Run by
//! `cargo verify` on a host of its rig, as root, since log-ins need that host's own users and files.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::real_servers::{free_port, sshd, target, wait_for};
use omsctl_proto::{ErrorCode, Secret};

use super::super::Prompter;
use super::*;

const AUTHORISED: &str = "/root/.ssh/authorized_keys";

/// Ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The bench's key is let in as root, as long as this lives.
struct Authorised {
    before: Option<String>,
}

impl Authorised {
    fn new(bench: &Bench) -> Self {
        std::fs::create_dir_all("/root/.ssh").unwrap();
        let before = std::fs::read_to_string(AUTHORISED).ok();
        let line = bench.key.public_key().to_openssh().unwrap();
        std::fs::write(AUTHORISED, format!("{}{line}\n", before.as_deref().unwrap_or_default())).unwrap();
        for (path, mode) in [("/root/.ssh", 0o700), (AUTHORISED, 0o600)] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        Self { before }
    }
}

impl Drop for Authorised {
    fn drop(&mut self) {
        match &self.before {
            Some(before) => std::fs::write(AUTHORISED, before).unwrap(),
            None => std::fs::remove_file(AUTHORISED).unwrap(),
        }
    }
}

/// A program that the stand-in for the agent finds: tinysshd ends a connection with its command, so this one stays.
struct Program(PathBuf);

impl Program {
    fn that_stays(name: &str) -> Self {
        let program = Self(Path::new("/usr/local/bin").join(name));
        std::fs::write(&program.0, "#!/bin/sh\nprintf 'stays|'\nexec cat\n").unwrap();
        std::fs::set_permissions(&program.0, std::fs::Permissions::from_mode(0o755)).unwrap();
        program
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Writes this public key of the server into `known_hosts`.
fn know(bench: &Bench, port: u16, public: &str) {
    use std::io::Write as _;
    let file = bench.path("home/.ssh/known_hosts");
    let mut opened = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
    writeln!(opened, "[127.0.0.1]:{port} {public}").unwrap();
}

fn as_root(port: u16) -> HostTarget {
    HostTarget { user: Some("root".to_owned()), ..target(port) }
}

/// Logs in, puts the agent in place, and starts it twice.
async fn works(bench: &Bench, target: &HostTarget) {
    let connection = bench.transport(SshOptions::default()).connect(target).await.unwrap();
    for _ in 0..2 {
        let command = AgentCommand::Connect { host: "x".to_owned(), port: 1 };
        drop(connection.run_agent(command).await.unwrap());
    }
    assert!(connection.details().agent_pushed_bytes > 0);
}

#[tokio::test]
#[ignore = "needs dropbear and root"]
async fn dropbear() {
    let bench = Bench::new();
    let _authorised = Authorised::new(&bench);
    let (port, key) = (free_port(), bench.path("dropbear_key").display().to_string());
    output("dropbearkey", &["-t", "ed25519", "-f", &key]);
    let public = output("dropbearkey", &["-y", "-f", &key]);
    know(&bench, port, public.lines().find(|line| line.starts_with("ssh-ed25519")).unwrap());
    let place = format!("127.0.0.1:{port}");
    let arguments = ["-F", "-E", "-s", "-p", &place, "-r", &key, "-P", "/dev/null"];
    let child = Command::new("dropbear").args(arguments).stderr(Stdio::null()).spawn().unwrap();
    let _server = Ends(child);
    wait_for(port).await;
    works(&bench, &as_root(port)).await;
}

#[tokio::test]
#[ignore = "needs tinysshd and root"]
async fn tinysshd_takes_a_connection_for_each_agent() {
    let bench = Bench::new();
    let _authorised = Authorised::new(&bench);
    let _connect = Program::that_stays("connect");
    let keys = bench.path("tinysshd").display().to_string();
    output("tinysshd-makekey", &[&keys]);
    let public = output("tinysshd-printkey", &[&keys]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    know(&bench, port, public.lines().find(|line| line.starts_with("ssh-ed25519")).unwrap());
    // As inetd does it: one process a connection, which is its standard input and output.
    let (count, running) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, ends) = (Arc::clone(&count), Arc::clone(&running));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let again = stream.try_clone().unwrap();
            let mut server = Command::new("tinysshd");
            server.args(["-v", &keys]).stdin(OwnedFd::from(stream));
            server.stdout(OwnedFd::from(again)).stderr(Stdio::null());
            let mut server = server.spawn().unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            ends.fetch_add(1, Ordering::SeqCst);
            let ends = Arc::clone(&ends);
            std::thread::spawn(move || {
                server.wait().unwrap();
                ends.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    // It opens one channel a connection, and a rollout takes more: each has a connection of its own.
    let target = as_root(port);
    let connection = bench.transport(SshOptions::default()).connect(&target).await.unwrap();
    let mut agents = Vec::new();
    for _ in 0..3 {
        let command = AgentCommand::Connect { host: "x".to_owned(), port: 1 };
        agents.push(connection.run_agent(command).await.unwrap());
    }
    for agent in &mut agents {
        talks(agent, "stays|").await;
    }
    assert!(connection.details().agent_pushed_bytes > 0);
    connection.close().await;
    connection.closed().await;
    let all_end = async {
        while running.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all_end).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 3, "one connection for each agent");
    drop(agents);
}

#[tokio::test]
#[ignore = "needs sshd, ssh-keygen and root"]
async fn every_kind_of_key() {
    let bench = Bench::new();
    let server = sshd(&bench, "").await;
    bench.know(server.port, &server.host_key, "");
    let kinds = [
        ("ed25519", "256", "RFC4716", ""),
        ("ed25519", "256", "RFC4716", "open sesame"),
        ("ecdsa", "256", "RFC4716", ""),
        ("ecdsa", "384", "RFC4716", "open sesame"),
        ("ecdsa", "521", "PEM", ""),
        ("rsa", "2048", "RFC4716", "open sesame"),
        ("rsa", "3072", "PEM", ""),
        ("rsa", "2048", "PKCS8", ""),
    ];
    for (number, (kind, bits, format, passphrase)) in kinds.into_iter().enumerate() {
        let file = bench.path(&format!("home/.ssh/key{number}")).display().to_string();
        let made = ["-q", "-t", kind, "-b", bits, "-m", format, "-N", passphrase, "-f", &file];
        output("ssh-keygen", &made);
        std::fs::copy(format!("{file}.pub"), bench.path("authorized_keys")).unwrap();
        let prompter: Prompter = Arc::new(move |_| Some(Secret::new(passphrase)));
        let transport = bench.transport(SshOptions { prompter: Some(prompter), ..SshOptions::default() });
        let mut target = target(server.port);
        target.private_key_file = Some(file.into());
        target.ssh_arguments.extend(["-o", "IdentitiesOnly=yes"].map(str::to_owned));
        let connected = transport.connect(&target).await;
        assert!(connected.is_ok(), "{kind} {bits} {format} {passphrase:?}: {:?}", connected.err());
    }
}

#[tokio::test]
#[ignore = "needs sshd, root and a user with a password"]
async fn a_password_and_a_question() {
    let bench = Bench::new();
    for (password, question) in [("yes", "no"), ("no", "yes")] {
        let settings =
            format!("UsePAM yes\nPasswordAuthentication {password}\nKbdInteractiveAuthentication {question}");
        let server = sshd(&bench, &format!("PubkeyAuthentication no\n{settings}")).await;
        bench.know(server.port, &server.host_key, "");
        let mut target = target(server.port);
        target.private_key_file = None;
        target.password = Some(Secret::new(std::env::var("OMSCTL_TEST_PASSWORD").unwrap()));
        let connected = bench.transport(SshOptions::default()).connect(&target).await;
        assert!(connected.is_ok(), "{settings}: {:?}", connected.err());
        target.password = Some(Secret::new("certainly wrong"));
        let report = bench.transport(SshOptions::default()).connect(&target).await.err().unwrap();
        assert_eq!(report.code, ErrorCode::Authentication, "{report:?}");
    }
}

#[tokio::test]
#[ignore = "needs sshd and root"]
async fn through_two_jump_hosts_that_only_forward() {
    let (bench, first, second) = (Bench::new(), Bench::new(), Bench::new());
    let server = sshd(&bench, "").await;
    let only = "PermitTTY no\nForceCommand /bin/false\nX11Forwarding no\nAllowAgentForwarding no\nAllowTcpForwarding yes";
    let mut jumps = Vec::new();
    for jump in [&first, &second] {
        let server = sshd(jump, only).await;
        std::fs::copy(bench.path("authorized_keys"), jump.path("authorized_keys")).unwrap();
        bench.know(server.port, &server.host_key, "");
        jumps.push(server);
    }
    bench.know(server.port, &server.host_key, "");
    let mut target = target(server.port);
    let user = target.user.clone().unwrap();
    let route: Vec<String> = jumps.iter().map(|jump| format!("{user}@127.0.0.1:{}", jump.port)).collect();
    target.ssh_arguments.extend(["-J".to_owned(), route.join(",")]);
    works(&bench, &target).await;
}
