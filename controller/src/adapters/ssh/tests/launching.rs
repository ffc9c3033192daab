//! The agent put in place and started, by the real scripts in a real `sh`.

use std::sync::atomic::Ordering;

use omsctl_proto::{ErrorCode, Secret};

use super::*;
use crate::adapters::local::LocalTransport;

async fn known(bench: &Bench, behaviour: Behaviour) -> (Server, HostTarget) {
    let server = bench.server_with(behaviour).await;
    bench.know(server.port, &server.host_key, "");
    let target = bench.target(&server);
    (server, target)
}

async fn refusal(bench: &Bench, target: &HostTarget) -> ErrorReport {
    match bench.session(target).await {
        Err(report) => report,
        Ok(_) => panic!("it started"),
    }
}

#[tokio::test]
async fn the_agent_is_sent_once_and_every_channel_is_its_own() {
    let bench = Bench::new();
    let (server, target) = known(&bench, Behaviour::default()).await;
    let (connection, mut stream) = bench.session(&target).await.unwrap();
    let size = std::fs::metadata(STAND_IN).unwrap().len();
    assert_eq!(connection.details().agent_pushed_bytes, size);
    assert_eq!(server.behaviour.received.load(Ordering::SeqCst) as u64, size);
    talks(&mut stream, "session |").await;
    let command = AgentCommand::Connect { host: "db.example".to_owned(), port: 2883 };
    let mut second = connection.run_agent(command).await.unwrap();
    talks(&mut second, "connect db.example 2883|").await;
    assert_eq!(server.behaviour.log_ins.load(Ordering::SeqCst), 1, "one log-in for all channels");
    assert_eq!(connection.details().agent_pushed_bytes, size);

    let digest = omsctl_proto::Digest::of(&std::fs::read(STAND_IN).unwrap());
    assert_eq!(names(&bench.path("host/bin")), [format!("omsctl-agent-{digest}")]);
    let mode = std::fs::metadata(bench.path("host/bin")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);

    let (again, _stream) = bench.session(&target).await.unwrap();
    assert_eq!(again.details().agent_pushed_bytes, 0);
}

#[tokio::test]
async fn closing_our_side_ends_the_agent_and_its_end_ends_the_stream() {
    let bench = Bench::new();
    let (_server, target) = known(&bench, Behaviour::default()).await;
    let (_connection, mut stream) = bench.session(&target).await.unwrap();
    stream.write_all(b"last").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).await.unwrap();
    assert_eq!(all, "session |last");
}

#[tokio::test]
async fn what_the_log_in_shell_prints_is_passed_over() {
    let bench = Bench::new();
    let noise = "echo welcome; printf 'no end of line'; echo oops >&2; ".to_owned();
    let (_server, target) = known(&bench, Behaviour { noise, ..Behaviour::default() }).await;
    let (_connection, mut stream) = bench.session(&target).await.unwrap();
    talks(&mut stream, "session |").await;

    let noise = "yes | head -c 100000; ".to_owned();
    let (_server, target) = known(&bench, Behaviour { noise, ..Behaviour::default() }).await;
    let report = refusal(&bench, &target).await;
    assert!(report.message.contains("prints more than 64 KiB"), "{report:?}");

    let noise = "echo 'This account is closed.' >&2; exit 7; ".to_owned();
    let (_server, target) = known(&bench, Behaviour { noise, ..Behaviour::default() }).await;
    let report = refusal(&bench, &target).await;
    assert!(report.message.contains("status 7; stderr: This account is closed."), "{report:?}");
}

#[tokio::test]
async fn an_agent_that_did_not_come_whole_is_not_kept() {
    let bench = Bench::new();
    let (_server, target) = known(&bench, Behaviour { cut_after: Some(1000), ..Behaviour::default() }).await;
    let report = refusal(&bench, &target).await;
    assert_eq!(report.code, ErrorCode::Agent);
    assert!(
        report.message.contains("not received whole") && report.message.contains("bytes came"),
        "{report:?}"
    );
    assert!(names(&bench.path("host/bin")).is_empty());
}

#[tokio::test]
async fn a_damaged_agent_in_the_cache_is_replaced() {
    let bench = Bench::new();
    let (_server, target) = known(&bench, Behaviour::default()).await;
    drop(bench.session(&target).await.unwrap());
    let cached = bench.path("host/bin").join(&names(&bench.path("host/bin"))[0]);
    std::fs::remove_file(&cached).unwrap();
    std::fs::write(&cached, "short").unwrap();
    let (connection, mut stream) = bench.session(&target).await.unwrap();
    talks(&mut stream, "session |").await;
    assert!(connection.details().agent_pushed_bytes > 0);
}

#[tokio::test]
async fn the_first_place_that_works_is_taken_and_the_others_are_explained() {
    let bench = Bench::new();
    let (_server, target) = known(&bench, Behaviour::default()).await;
    std::fs::write(bench.path("a_file"), "").unwrap();
    let blocked = bench.path("a_file/bin").display().to_string();
    let transport =
        bench.transport(SshOptions::default()).with_agent_places(vec![blocked.clone(), bench.place()]);
    let connection = transport.connect(&target).await.unwrap();
    let mut stream = connection.run_agent(AgentCommand::Session).await.unwrap();
    talks(&mut stream, "session |").await;
    let warnings = connection.details().warnings;
    let told =
        |warning: &String| warning.contains(&format!("the agent is in {} ({blocked}: mkdir:", bench.place()));
    assert!(warnings.iter().any(told), "{warnings:?}");

    let transport = bench.transport(SshOptions::default()).with_agent_places(vec![blocked.clone()]);
    let connection = transport.connect(&target).await.unwrap();
    let report = connection.run_agent(AgentCommand::Session).await.err().unwrap();
    assert!(report.message.contains(&format!("{blocked}: mkdir:")), "{report:?}");
    assert!(report.message.contains("Not a directory"), "{report:?}");
}

#[tokio::test]
async fn a_full_disk_and_a_missing_agent_are_told() {
    let bench = Bench::new();
    let (_server, target) = known(&bench, Behaviour::default()).await;
    bench.program("df", "#!/bin/sh\necho Filesystem 1024-blocks Used Available Capacity Mounted on\necho /dev/x 10 10 7 100% /\n");
    let report = refusal(&bench, &target).await;
    assert!(
        report.message.contains("no place for the agent") && report.message.contains("only 7 KiB are free"),
        "{report:?}"
    );

    bench.program("uname", "#!/bin/sh\necho aarch64\n");
    let report = refusal(&bench, &target).await;
    assert!(
        report.message.contains("a aarch64 machine") && report.message.contains("omsctl-agent-aarch64"),
        "{report:?}"
    );
    bench.program("uname", "#!/bin/sh\necho mips\n");
    let report = refusal(&bench, &target).await;
    assert!(report.message.contains("omsctl knows no mips machines"), "{report:?}");
}

#[tokio::test]
async fn an_agent_that_dies_at_once_is_quoted() {
    let bench = Bench::new();
    let (_server, target) = known(&bench, Behaviour::default()).await;
    bench.program("session", "#!/bin/sh\necho 'cannot open /run/omsctl' >&2; exit 1\n");
    let (_connection, mut stream) = bench.session(&target).await.unwrap();
    let error = stream.read(&mut [0u8; 10]).await.unwrap_err();
    assert!(error.to_string().contains("cannot open /run/omsctl"), "{error}");
}

fn sudo(password: Option<&str>) -> Become {
    Become { enabled: true, user: None, password: password.map(Secret::new) }
}

#[tokio::test]
async fn sudo_is_answered_only_when_it_asks() {
    let bench = Bench::new();
    let (server, mut target) = known(&bench, Behaviour::default()).await;
    std::fs::write(bench.path("programs/password"), "s3cret").unwrap();
    target.escalation = sudo(Some("s3cret"));
    let (connection, mut stream) = bench.session(&target).await.unwrap();
    talks(&mut stream, "session |").await;
    let sent = server.behaviour.received.load(Ordering::SeqCst) as u64;
    assert_eq!(sent, connection.details().agent_pushed_bytes + 100_000 + 7);

    // One that does not ask would hand the password to the agent.
    std::fs::write(bench.path("programs/nopasswd"), "").unwrap();
    let (_connection, mut stream) = bench.session(&target).await.unwrap();
    talks(&mut stream, "session |").await;
    assert_eq!(server.behaviour.received.load(Ordering::SeqCst) as u64, sent + 100_000);
}

#[tokio::test]
async fn sudo_that_wants_a_terminal_has_one_and_no_byte_goes_over_it() {
    let bench = Bench::new();
    // In a session of its own, without the terminal of whoever runs this test.
    let behaviour = Behaviour { shell: "setsid --wait /bin/sh".to_owned(), ..Behaviour::default() };
    let (_server, mut target) = known(&bench, behaviour).await;
    std::fs::write(bench.path("programs/requiretty"), "").unwrap();
    std::fs::write(bench.path("programs/password"), "s3cret").unwrap();
    target.escalation = sudo(Some("s3cret"));
    let (connection, mut stream) = bench.session(&target).await.unwrap();
    talks(&mut stream, "session |").await;
    let command = AgentCommand::Connect { host: "metadb".to_owned(), port: 2883 };
    let mut second = connection.run_agent(command).await.unwrap();
    talks(&mut second, "connect metadb 2883|").await;

    target.escalation = sudo(Some("wrong"));
    let report = refusal(&bench, &target).await;
    assert!(report.message.contains("does not accept the password of ann"), "{report:?}");
    target.escalation = sudo(None);
    std::fs::write(bench.path("programs/nopasswd"), "").unwrap();
    let (_connection, mut stream) = bench.session(&target).await.unwrap();
    talks(&mut stream, "session |").await;
}

#[tokio::test]
async fn every_refusal_of_sudo_has_its_name() {
    let bench = Bench::new();
    let (_server, mut target) = known(&bench, Behaviour::default()).await;
    std::fs::write(bench.path("programs/password"), "s3cret").unwrap();
    let check = async |target: &HostTarget, expected: &str| {
        let report = refusal(&bench, target).await;
        assert_eq!(report.code, ErrorCode::Become, "{report:?}");
        assert!(report.message.contains(expected), "{report:?}");
        assert!(!format!("{report:?}").contains("s3cret"));
    };
    target.escalation = sudo(None);
    check(&target, "asks ann for a password, and none was given").await;
    target.escalation = sudo(Some("wrong"));
    check(&target, "does not accept the password of ann").await;
    std::fs::write(bench.path("programs/refuses"), "").unwrap();
    check(&target, "ann is not in the sudoers file").await;
    target.escalation = Become { user: Some("oracle".to_owned()), ..sudo(None) };
    check(&target, "ansible_become_user is oracle").await;
}

#[tokio::test]
async fn root_needs_no_sudo() {
    let bench = Bench::new();
    let (_server, mut target) = known(&bench, Behaviour::default()).await;
    bench.program("id", "#!/bin/sh\necho 0\n");
    std::fs::write(bench.path("programs/refuses"), "").unwrap();
    target.escalation = sudo(None);
    let (_connection, mut stream) = bench.session(&target).await.unwrap();
    talks(&mut stream, "session |").await;
}

#[tokio::test]
async fn the_bastion_itself_runs_the_same_scripts() {
    let bench = Bench::new();
    let (_server, mut target) = known(&bench, Behaviour::default()).await;
    target.method = Method::Local;
    let agents = AgentBinaries::in_folder(bench.path("agents"));
    let local = LocalTransport::new(agents).with_agent_places(vec![bench.place()]);
    let connection = local.connect(&target).await.unwrap();
    // `env connect …` finds no such program here: the agent dies, and says why.
    let command = AgentCommand::Connect { host: "omsctl-no-such-program".to_owned(), port: 1 };
    let mut stream = connection.run_agent(command).await.unwrap();
    let error = stream.read(&mut [0u8; 10]).await.unwrap_err();
    assert!(error.to_string().contains("connect"), "{error}");
    assert!(connection.details().agent_pushed_bytes > 0);
    connection.close().await;
    connection.closed().await;
}

/// Run by `cargo verify` on a host of its rig; elsewhere after `apt-get install tcsh fish busybox`.
#[tokio::test]
#[ignore = "needs other shells than every machine has"]
async fn every_log_in_shell_understands_the_command() {
    for shell in ["tcsh", "fish", "busybox sh", "dash", "bash"] {
        let bench = Bench::new();
        bench.program("password", "");
        std::fs::write(bench.path("programs/password"), "s3cret").unwrap();
        let behaviour = Behaviour { shell: shell.to_owned(), ..Behaviour::default() };
        let (_server, mut target) = known(&bench, behaviour).await;
        target.escalation = sudo(Some("s3cret"));
        let (_connection, mut stream) =
            bench.session(&target).await.unwrap_or_else(|report| panic!("{shell}: {report:?}"));
        talks(&mut stream, "session |").await;
    }
}
