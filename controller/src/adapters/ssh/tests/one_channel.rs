//! A server that opens one channel a connection, as tinysshd does: each further agent has a connection of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use omsctl_proto::ErrorCode;
use tokio::net::{TcpListener, TcpStream};

use super::*;

fn that_opens(channels: usize) -> Behaviour {
    Behaviour { channels: Some(channels), ..Behaviour::default() }
}

fn database() -> AgentCommand {
    AgentCommand::Connect { host: "db".to_owned(), port: 1 }
}

fn count(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::SeqCst)
}

/// The server notices the end of a connection later than we do.
async fn until_open(server: &Server, connections: usize) {
    let settled = async {
        while count(&server.behaviour.open) != connections {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let settled = tokio::time::timeout(Duration::from_secs(20), settled).await;
    assert!(settled.is_ok(), "{} connections are open, not {connections}", count(&server.behaviour.open));
}

#[tokio::test]
async fn further_agents_have_connections_of_their_own_for_one_refusal() {
    let bench = Bench::new();
    let server = bench.server_with(that_opens(1)).await;
    bench.know(server.port, &server.host_key, "");
    let (transport, target) = (bench.transport(SshOptions::default()), bench.target(&server));
    let counts = || (count(&server.behaviour.log_ins), count(&server.behaviour.refused));

    let connection = transport.connect(&target).await.unwrap();
    let mut first = connection.run_agent(AgentCommand::Session).await.unwrap();
    assert_eq!(counts(), (1, 0));
    let mut second = connection.run_agent(database()).await.unwrap();
    assert_eq!(counts(), (2, 1));
    let mut third = connection.run_agent(database()).await.unwrap();
    assert_eq!(counts(), (3, 1), "it is not asked again");
    talks(&mut third, "connect db 1|").await;
    talks(&mut second, "connect db 1|").await;
    talks(&mut first, "session |").await;

    // Its connection ends with the agent, the others stay.
    drop(second);
    until_open(&server, 2).await;
    let again = transport.connect(&target).await.unwrap();
    let mut fourth = again.run_agent(AgentCommand::Session).await.unwrap();
    let mut fifth = again.run_agent(database()).await.unwrap();
    assert_eq!(counts(), (5, 1), "the host is known by now");
    talks(&mut fourth, "session |").await;
    talks(&mut fifth, "connect db 1|").await;
    again.close().await;
    until_open(&server, 2).await;
    // Closed with the session, although its agent is still in use here.
    connection.close().await;
    until_open(&server, 0).await;
    let mut rest = Vec::new();
    // The end of a lost connection is an error, which one does not matter.
    drop(third.read_to_end(&mut rest).await);
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn whoever_opens_several_is_asked_first() {
    let bench = Bench::new();
    let server = bench.server_with(that_opens(2)).await;
    bench.know(server.port, &server.host_key, "");
    let connection = bench.transport(SshOptions::default()).connect(&bench.target(&server)).await.unwrap();
    let mut streams = Vec::new();
    for log_ins in [1, 1, 2, 3] {
        streams.push(connection.run_agent(database()).await.unwrap());
        assert_eq!(count(&server.behaviour.log_ins), log_ins);
    }
    assert_eq!(count(&server.behaviour.refused), 2);
    for stream in &mut streams {
        talks(stream, "connect db 1|").await;
    }
}

#[tokio::test]
async fn whoever_opens_none_is_named() {
    let bench = Bench::new();
    let server = bench.server_with(that_opens(0)).await;
    bench.know(server.port, &server.host_key, "");
    let report = bench.session(&bench.target(&server)).await.err().unwrap();
    assert!(report.message.contains("opens no session channel"), "{report:?}");
    assert_eq!(count(&server.behaviour.log_ins), 1, "another connection would not help");
}

/// A name with two hosts behind it: the first connection goes to one, all others to the other.
async fn in_front_of(first: u16, others: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut behind = first;
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
            behind = others;
            tokio::spawn(async move { drop(tokio::io::copy_bidirectional(&mut near, &mut far).await) });
        }
    });
    port
}

#[tokio::test]
async fn a_second_connection_to_another_host_is_none() {
    let bench = Bench::new();
    let (one, other) = (bench.server_with(that_opens(1)).await, bench.server_with(that_opens(1)).await);
    let mut target = bench.target(&one);
    target.port = Some(in_front_of(one.port, other.port).await);
    target.ssh_arguments.extend(["-o", "StrictHostKeyChecking=no"].map(str::to_owned));
    target.ssh_arguments.extend(["-o", "UserKnownHostsFile=/dev/null"].map(str::to_owned));
    let connection = bench.transport(SshOptions::default()).connect(&target).await.unwrap();
    let mut first = connection.run_agent(AgentCommand::Session).await.unwrap();
    let report = connection.run_agent(database()).await.err().unwrap();
    assert_eq!(report.code, ErrorCode::HostKey, "{report:?}");
    assert!(report.message.contains("another host key than the first"), "{report:?}");
    until_open(&other, 0).await;
    talks(&mut first, "session |").await;
}
