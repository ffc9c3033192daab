//! Certificates of the operator's keys, and which ways to log in are tried.

use std::sync::atomic::Ordering;

use omsctl_proto::{ErrorCode, Secret};
use russh::keys::ssh_key::certificate::CertType;

use super::server::certificate;
use super::*;

/// A server that lets nothing but certificates in.
async fn server(bench: &Bench, authority: &PrivateKey) -> Server {
    let behaviour = Behaviour {
        authorised: Some(new_key().public_key().clone()),
        authority: Some(authority.public_key().clone()),
        ..Behaviour::default()
    };
    let server = bench.server_with(behaviour).await;
    bench.know(server.port, &server.host_key, "");
    server
}

fn issue(bench: &Bench, authority: &PrivateKey, file: &str, principal: &str) {
    let certificate = certificate(&bench.key, authority, CertType::User, principal, 1 << 40);
    std::fs::write(bench.path(file), certificate.to_openssh().unwrap()).unwrap();
}

fn option(target: &mut HostTarget, option: String) {
    target.ssh_arguments.extend(["-o".to_owned(), option]);
}

async fn connect(bench: &Bench, target: &HostTarget) -> Result<(), ErrorReport> {
    bench.transport(SshOptions::default()).connect(target).await.map(|_| ())
}

#[tokio::test]
async fn the_certificate_beside_a_key_logs_in() {
    let (bench, authority) = (Bench::new(), new_key());
    let server = server(&bench, &authority).await;
    let mut target = bench.target(&server);
    assert_eq!(connect(&bench, &target).await.unwrap_err().code, ErrorCode::Authentication);
    issue(&bench, &authority, "home/.ssh/id_ed25519-cert.pub", "ann");
    connect(&bench, &target).await.unwrap();
    option(&mut target, "PubkeyAcceptedAlgorithms=ssh-ed25519".to_owned());
    let report = connect(&bench, &target).await.unwrap_err();
    assert!(!report.message.contains("certificate"), "{report:?}");
}

#[tokio::test]
async fn a_certificate_that_is_named_takes_the_place_of_those_beside_keys() {
    let (bench, authority) = (Bench::new(), new_key());
    let server = server(&bench, &authority).await;
    issue(&bench, &authority, "home/.ssh/id_ed25519-cert.pub", "ann");
    issue(&bench, &authority, "other-cert.pub", "bob");
    let mut target = bench.target(&server);
    option(&mut target, format!("CertificateFile={}", bench.path("other-cert.pub").display()));
    let report = connect(&bench, &target).await.unwrap_err();
    assert!(report.message.contains("certificate test"), "{report:?}");
    issue(&bench, &authority, "named-cert.pub", "ann");
    option(&mut target, format!("CertificateFile={}", bench.path("named-cert.pub").display()));
    connect(&bench, &target).await.unwrap();
}

#[tokio::test]
async fn only_the_ways_that_are_preferred_are_tried_and_in_their_order() {
    let bench = Bench::new();
    let behaviour =
        Behaviour { password: Some("pw".into()), interactive: Some("pw".into()), ..Behaviour::default() };
    let server = bench.server_with(behaviour).await;
    bench.know(server.port, &server.host_key, "");
    let mut target = bench.target(&server);
    target.password = Some(Secret::new("wrong"));
    option(&mut target, "PreferredAuthentications=keyboard-interactive,password".to_owned());
    let report = connect(&bench, &target).await.unwrap_err();
    assert!(report.message.contains("tried keyboard-interactive, password;"), "{report:?}");
    option(&mut target, "KbdInteractiveAuthentication=no".to_owned());
    let report = connect(&bench, &target).await.unwrap_err();
    assert!(report.message.contains("tried password;"), "{report:?}");
    assert_eq!(server.behaviour.log_ins.load(Ordering::SeqCst), 0);
    target.password = Some(Secret::new("pw"));
    connect(&bench, &target).await.unwrap();
}
