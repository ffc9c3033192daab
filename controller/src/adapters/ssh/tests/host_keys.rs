//! What is believed about a host: certificates and their authorities, revoked keys, names with and without a port.

use omsctl_proto::ErrorCode;

use super::server::HostCertificate;
use super::*;

/// Long after this test.
const NEVER: u64 = 1 << 40;

async fn certified(
    bench: &Bench,
    authority: &PrivateKey,
    principal: &'static str,
    valid_before: u64,
) -> Server {
    let certificate = HostCertificate { authority: authority.clone(), principal, valid_before };
    bench.server_with(Behaviour { certificate: Some(certificate), ..Behaviour::default() }).await
}

async fn connect(bench: &Bench, target: &HostTarget) -> Result<(), ErrorReport> {
    bench.transport(SshOptions::default()).connect(target).await.map(|_| ())
}

async fn refusal(bench: &Bench, target: &HostTarget) -> String {
    let report = connect(bench, target).await.unwrap_err();
    assert_eq!(report.code, ErrorCode::HostKey, "{report:?}");
    report.message
}

fn option(target: &mut HostTarget, option: String) {
    target.ssh_arguments.extend(["-o".to_owned(), option]);
}

#[tokio::test]
async fn a_certificate_of_a_known_authority_is_believed() {
    let (bench, authority) = (Bench::new(), new_key());
    let server = certified(&bench, &authority, "127.0.0.1", NEVER).await;
    let target = bench.target(&server);
    assert!(refusal(&bench, &target).await.contains("is unknown"));
    bench.know_as("@cert-authority [127.0.0.*]:*", &authority);
    connect(&bench, &target).await.unwrap();
}

#[tokio::test]
async fn a_certificate_for_others_or_of_old_is_refused_with_the_reason() {
    let (bench, authority) = (Bench::new(), new_key());
    bench.know_as("@cert-authority *", &authority);
    let other = certified(&bench, &authority, "10.0.0.1", NEVER).await;
    let mut target = bench.target(&other);
    let message = refusal(&bench, &target).await;
    assert!(message.contains("it is for 10.0.0.1, not for 127.0.0.1"), "{message}");
    // HostKeyAlias is what it must name then.
    option(&mut target, "HostKeyAlias=10.0.0.1".to_owned());
    connect(&bench, &target).await.unwrap();
    option(&mut target, "CASignatureAlgorithms=rsa-sha2-512".to_owned());
    assert!(refusal(&bench, &target).await.contains("CASignatureAlgorithms"));

    let old = certified(&bench, &authority, "127.0.0.1", 1_000_000).await;
    let target = bench.target(&old);
    assert!(refusal(&bench, &target).await.contains("it has expired"));
    // The bare key in it may be on record all the same.
    bench.know(old.port, &old.host_key, "");
    connect(&bench, &target).await.unwrap();
}

#[tokio::test]
async fn a_revoked_authority_and_a_strange_one_vouch_for_nobody() {
    let (bench, authority) = (Bench::new(), new_key());
    let server = certified(&bench, &authority, "127.0.0.1", NEVER).await;
    bench.know_as("@cert-authority *", &new_key());
    assert!(refusal(&bench, &bench.target(&server)).await.contains("is unknown"));
    bench.know_as("@cert-authority *", &authority);
    connect(&bench, &bench.target(&server)).await.unwrap();
    bench.know_as("@revoked *", &authority);
    assert!(refusal(&bench, &bench.target(&server)).await.contains("is revoked in"));
}

#[tokio::test]
async fn keys_of_the_revocation_file_are_refused_and_so_is_a_file_that_is_not_there() {
    let bench = Bench::new();
    let server = bench.server().await;
    bench.know(server.port, &server.host_key, "");
    let file = bench.path("revoked");
    let mut target = bench.target(&server);
    option(&mut target, format!("RevokedHostKeys={}", file.display()));
    assert!(refusal(&bench, &target).await.contains("No such file"));
    std::fs::write(&file, format!("# none\n{}\n", new_key().public_key().to_openssh().unwrap())).unwrap();
    connect(&bench, &target).await.unwrap();
    std::fs::write(&file, format!("\n{}\n", server.host_key.public_key().to_openssh().unwrap())).unwrap();
    assert!(refusal(&bench, &target).await.contains("revoked:2"));
    std::fs::write(&file, "SSHKRL\n\0").unwrap();
    assert!(refusal(&bench, &target).await.contains("omsctl does not honour"));
}

#[tokio::test]
async fn a_name_without_port_counts_where_none_is_listed_with_it() {
    let bench = Bench::new();
    let server = bench.server().await;
    bench.know_as("127.0.0.1", &server.host_key);
    connect(&bench, &bench.target(&server)).await.unwrap();
    bench.know(server.port, &new_key(), "");
    assert!(refusal(&bench, &bench.target(&server)).await.contains("says otherwise"));
}

#[tokio::test]
async fn several_files_an_alias_and_hashed_names() {
    let bench = Bench::new();
    let server = bench.server().await;
    bench.know_as("alias", &server.host_key);
    let first = bench.path("first");
    let mut target = bench.target(&server);
    option(&mut target, format!("UserKnownHostsFile={} ~/.ssh/known_hosts", first.display()));
    assert!(refusal(&bench, &target).await.contains("is unknown"));
    option(&mut target, "HostKeyAlias=Alias".to_owned());
    connect(&bench, &target).await.unwrap();

    let mut target = bench.target(&server);
    option(&mut target, format!("UserKnownHostsFile={}", first.display()));
    option(&mut target, "HashKnownHosts=yes".to_owned());
    let transport = bench.transport(SshOptions { accept_new: true, ..SshOptions::default() });
    transport.connect(&target).await.unwrap();
    assert!(std::fs::read_to_string(&first).unwrap().starts_with("|1|"));
    connect(&bench, &target).await.unwrap();
}

#[tokio::test]
async fn on_this_machine_keys_go_unchecked_when_the_operator_says_so() {
    let bench = Bench::new();
    let server = bench.server().await;
    let mut target = bench.target(&server);
    option(&mut target, "NoHostAuthenticationForLocalhost=yes".to_owned());
    connect(&bench, &target).await.unwrap();
    option(&mut target, "HostKeyAlias=x".to_owned());
    assert!(refusal(&bench, &target).await.contains("is unknown"));
}

#[tokio::test]
async fn only_the_algorithms_that_are_named_are_offered() {
    let bench = Bench::new();
    let server = bench.server().await;
    bench.know(server.port, &server.host_key, "");
    let mut target = bench.target(&server);
    option(&mut target, "HostKeyAlgorithms=rsa-sha2-512".to_owned());
    let report = connect(&bench, &target).await.unwrap_err();
    assert!(report.message.contains("No common") && report.message.contains("rsa-sha2-512"), "{report:?}");
}
