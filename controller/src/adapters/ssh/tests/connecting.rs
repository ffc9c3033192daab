//! Who is let in, and which host is believed.

use std::sync::atomic::{AtomicUsize, Ordering};

use omsctl_proto::{ErrorCode, Secret};
use russh::keys::key::safe_rng;

use super::super::Prompter;
use super::*;

async fn refusal(bench: &Bench, target: &HostTarget) -> ErrorReport {
    match bench.transport(SshOptions::default()).connect(target).await {
        Err(report) => report,
        Ok(_) => panic!("it was let in"),
    }
}

#[tokio::test]
async fn a_known_host_lets_our_key_in() {
    let bench = Bench::new();
    let server = bench.server().await;
    bench.know(server.port, &server.host_key, "");
    let mut target = bench.target(&server);
    target.private_key_file = Some("~/.ssh/id_ed25519".into());
    let connection = bench.transport(SshOptions::default()).connect(&target).await.unwrap();
    assert_eq!(connection.details().address, format!("127.0.0.1:{}", server.port));
    assert!(connection.details().warnings.is_empty());
    connection.close().await;
    connection.closed().await;
}

#[tokio::test]
async fn an_unknown_host_key_is_refused_before_anything_is_said() {
    let bench = Bench::new();
    let server = bench.server().await;
    let report = refusal(&bench, &bench.target(&server)).await;
    assert_eq!(report.code, ErrorCode::HostKey);
    let fingerprint = server.host_key.public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string();
    assert!(report.message.contains(&fingerprint) && report.message.contains("unknown"), "{report:?}");
    assert!(report.hint.unwrap().contains("--accept-new"));
    assert_eq!(server.behaviour.log_ins.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn accept_new_records_the_key_once_and_a_changed_one_is_refused() {
    let bench = Bench::new();
    let server = bench.server().await;
    let transport = bench.transport(SshOptions { accept_new: true, ..SshOptions::default() });
    let target = bench.target(&server);
    let first = transport.connect(&target).await.unwrap();
    assert!(first.details().warnings[0].contains("recorded"));
    let second = transport.connect(&target).await.unwrap();
    assert!(second.details().warnings.is_empty());
    let text = std::fs::read_to_string(bench.path("home/.ssh/known_hosts")).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");

    let other = bench.server().await;
    bench.know(other.port, &server.host_key, "");
    let changed = bench.transport(SshOptions { accept_new: true, ..SshOptions::default() });
    let report = changed.connect(&bench.target(&other)).await.err().unwrap();
    assert!(
        report.code == ErrorCode::HostKey && report.message.contains("known_hosts:2 says otherwise"),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_revoked_key_is_refused_even_when_keys_are_not_checked() {
    let bench = Bench::new();
    let server = bench.server().await;
    bench.know(server.port, &server.host_key, "");
    bench.know(server.port, &server.host_key, "@revoked ");
    let mut target = bench.target(&server);
    target.ssh_arguments.extend(["-o", "StrictHostKeyChecking=no"].map(str::to_owned));
    let report = refusal(&bench, &target).await;
    assert!(
        report.message.contains("is revoked in") && report.message.contains("known_hosts:2"),
        "{report:?}"
    );
}

#[tokio::test]
async fn unchecked_keys_are_accepted_with_a_warning_and_without_a_password() {
    let bench = Bench::new();
    let behaviour = Behaviour {
        authorised: Some(new_key().public_key().clone()),
        password: Some("pw".into()),
        ..Behaviour::default()
    };
    let server = bench.server_with(behaviour).await;
    let mut target = bench.target(&server);
    target
        .ssh_arguments
        .extend(["-o", "StrictHostKeyChecking=no", "-o", "IdentityFile=none"].map(str::to_owned));
    target.password = Some(Secret::new("pw"));
    let connection = bench.transport(SshOptions::default()).connect(&target).await.unwrap();
    assert!(connection.details().warnings[0].contains("are not checked"));

    bench.know(server.port, &new_key(), "");
    let report = refusal(&bench, &target).await;
    assert_eq!(report.code, ErrorCode::Authentication);
    assert!(report.message.contains("not the one on record"), "{report:?}");
}

#[tokio::test]
async fn a_connection_that_ends_in_the_key_exchange_is_made_again() {
    let bench = Bench::new();
    let server = bench.server().await;
    bench.know(server.port, &server.host_key, "");
    server.behaviour.greet_only.store(3, Ordering::SeqCst);
    bench.transport(SshOptions::default()).connect(&bench.target(&server)).await.unwrap();
    assert_eq!(server.behaviour.connections.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_connection_that_ends_in_the_log_in_is_no_refusal() {
    let bench = Bench::new();
    let server = bench.server().await;
    bench.know(server.port, &server.host_key, "");
    server.behaviour.drop_out.store(3, Ordering::SeqCst);
    bench.transport(SshOptions::default()).connect(&bench.target(&server)).await.unwrap();
    assert_eq!(server.behaviour.connections.load(Ordering::SeqCst), 4);
    server.behaviour.drop_out.store(usize::MAX, Ordering::SeqCst);
    let report = refusal(&bench, &bench.target(&server)).await;
    assert!(report.code == ErrorCode::Unreachable && report.message.contains("is lost"), "{report:?}");
}

#[tokio::test]
async fn a_wrong_key_says_what_was_tried_and_what_is_offered() {
    let bench = Bench::new();
    let behaviour = Behaviour { authorised: Some(new_key().public_key().clone()), ..Behaviour::default() };
    let server = bench.server_with(behaviour).await;
    bench.know(server.port, &server.host_key, "");
    let report = refusal(&bench, &bench.target(&server)).await;
    assert_eq!(report.code, ErrorCode::Authentication);
    assert!(
        report.message.contains("refuses the log-in of ann: tried key")
            && report.message.contains("id_ed25519"),
        "{report:?}"
    );
    assert!(
        report.message.contains("password, publickey") || report.message.contains("publickey"),
        "{report:?}"
    );
}

#[tokio::test]
async fn passwords_by_both_methods() {
    let check = async |behaviour: Behaviour, password: &str, expected: bool| {
        let bench = Bench::new();
        let server = bench.server_with(behaviour).await;
        bench.know(server.port, &server.host_key, "");
        let mut target = bench.target(&server);
        target.ssh_arguments.extend(["-o", "IdentityFile=none"].map(str::to_owned));
        target.password = Some(Secret::new(password));
        let result = bench.transport(SshOptions::default()).connect(&target).await;
        assert_eq!(result.is_ok(), expected, "{:?}", result.err());
    };
    check(Behaviour { password: Some("pw".into()), ..Behaviour::default() }, "pw", true).await;
    check(Behaviour { password: Some("pw".into()), ..Behaviour::default() }, "other", false).await;
    check(Behaviour { interactive: Some("pw".into()), ..Behaviour::default() }, "pw", true).await;
    check(Behaviour { interactive: Some("pw".into()), ..Behaviour::default() }, "other", false).await;
}

#[tokio::test]
async fn encrypted_keys_ask_once_and_say_so_when_nobody_answers() {
    let bench = Bench::new();
    let server = bench.server().await;
    bench.know(server.port, &server.host_key, "");
    let encrypted = bench.key.encrypt(&mut safe_rng(), "open sesame").unwrap();
    let file = bench.key_file("locked", &encrypted);
    let mut target = bench.target(&server);
    target.private_key_file = Some(file.clone());
    target.ssh_arguments.extend(["-o", "IdentitiesOnly=yes"].map(str::to_owned));
    let report = refusal(&bench, &target).await;
    assert!(report.message.contains(&format!("the private key {} for", file.display())), "{report:?}");
    assert!(report.message.contains("is encrypted"), "{report:?}");

    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let prompter: Prompter = Arc::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Some(Secret::new("open sesame"))
    });
    let transport = bench.transport(SshOptions { prompter: Some(prompter), ..SshOptions::default() });
    transport.connect(&target).await.unwrap();
    transport.connect(&target).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_unreadable_key_is_named() {
    let bench = Bench::new();
    let behaviour = Behaviour { authorised: Some(new_key().public_key().clone()), ..Behaviour::default() };
    let server = bench.server_with(behaviour).await;
    bench.know(server.port, &server.host_key, "");
    let mut target = bench.target(&server);
    target.private_key_file = Some("/no/such/key".into());
    let report = refusal(&bench, &target).await;
    assert!(
        report.message.contains("the private key /no/such/key for")
            && report.message.contains("No such file"),
        "{report:?}"
    );
}

#[tokio::test]
async fn nobody_there_and_nobody_answering() {
    let bench = Bench::new();
    let mut server = bench.server().await;
    bench.know(server.port, &server.host_key, "");
    // Three times turned away before the greeting, then let in.
    server.behaviour.hang_up.store(3, Ordering::SeqCst);
    bench.transport(SshOptions::default()).connect(&bench.target(&server)).await.unwrap();
    assert_eq!(server.behaviour.connections.load(Ordering::SeqCst), 4);
    let mut target = bench.target(&server);
    server = bench.server().await;
    // The port of a server that is gone.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    target.port = Some(listener.local_addr().unwrap().port());
    drop(listener);
    let report = refusal(&bench, &target).await;
    assert!(
        report.code == ErrorCode::Unreachable && report.message.contains("refuses the connection"),
        "{report:?}"
    );
    target.address = "no-such-name.invalid".to_owned();
    let report = refusal(&bench, &target).await;
    assert!(
        report.code == ErrorCode::Unreachable && report.message.contains("no-such-name.invalid"),
        "{report:?}"
    );
    drop(server);
}

#[tokio::test]
async fn two_jumps_and_each_is_opened_once() {
    let bench = Bench::new();
    let (first, second, target) = (bench.server().await, bench.server().await, bench.server().await);
    for server in [&first, &second, &target] {
        bench.know(server.port, &server.host_key, "");
    }
    let config = format!(
        "Host one\n HostName 127.0.0.1\n Port {}\nHost two\n HostName 127.0.0.1\n Port {}\nHost *\n IdentityAgent none\n",
        first.port, second.port
    );
    std::fs::write(bench.path("home/.ssh/config"), config).unwrap();
    let transport = bench.transport(SshOptions::default());
    let mut host = bench.target(&target);
    host.ssh_arguments.extend(["-J", "one,two"].map(str::to_owned));
    let connections = (transport.connect(&host).await.unwrap(), transport.connect(&host).await.unwrap());
    let mut stream = connections.1.run_agent(AgentCommand::Session).await.unwrap();
    talks(&mut stream, "session |").await;
    let count = |server: &Server| {
        (
            server.behaviour.connections.load(Ordering::SeqCst),
            server.behaviour.forwarded.load(Ordering::SeqCst),
        )
    };
    assert_eq!((count(&first), count(&second), count(&target)), ((1, 1), (1, 2), (2, 0)));

    host.ssh_arguments = ["-o", "ProxyJump=circle"].map(str::to_owned).to_vec();
    std::fs::write(
        bench.path("home/.ssh/config"),
        "Host circle\n ProxyJump back\nHost back\n ProxyJump circle\n",
    )
    .unwrap();
    let report = refusal(&bench, &host).await;
    assert!(report.message.contains("leads in a circle"), "{report:?}");
}

#[tokio::test]
async fn a_proxy_command_carries_the_connection() {
    let bench = Bench::new();
    let server = bench.server().await;
    bench.know(server.port, &server.host_key, "");
    // A byte bridge from what every Debian has.
    bench.program("bridge", "#!/usr/bin/perl\nuse IO::Socket::INET; my $s = IO::Socket::INET->new(\"$ARGV[0]:$ARGV[1]\") or die; $s->autoflush(1); if (fork) { my $b; while (sysread(STDIN, $b, 65536)) { syswrite($s, $b) } shutdown($s, 1); wait } else { my $b; while (sysread($s, $b, 65536)) { syswrite(STDOUT, $b) } }\n");
    let mut target = bench.target(&server);
    let command = format!("ProxyCommand=perl {} %h %p", bench.path("programs/bridge").display());
    target.ssh_arguments.extend(["-o".to_owned(), command]);
    let (_connection, mut stream) = bench.session(&target).await.unwrap();
    talks(&mut stream, "session |").await;
}

#[tokio::test]
async fn a_lost_connection_is_noticed() {
    let bench = Bench::new();
    let server = bench.server().await;
    bench.know(server.port, &server.host_key, "");
    let (connection, mut stream) = bench.session(&bench.target(&server)).await.unwrap();
    talks(&mut stream, "session |").await;
    drop(server);
    connection.closed().await;
    let mut rest = Vec::new();
    // Either the end or an error, but no waiting for ever.
    drop(stream.read_to_end(&mut rest).await);
    let report = connection.run_agent(AgentCommand::Session).await.err().unwrap();
    assert_eq!(report.code, ErrorCode::Unreachable, "{report:?}");
}
