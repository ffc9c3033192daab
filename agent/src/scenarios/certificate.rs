//! Another certificate on its way into a running OMS.

use omsctl_proto::{Action, Digest, EventKind, Mount, Step};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::setup::{CONTAINER, Setup, Talk, last, names, plan, step};

const FIRST: &str = "-----BEGIN CERTIFICATE-----
MIIBYTCCAROgAwIBAgIUYoieBvSVCvyCP17t3PV/NeDdWJ8wBQYDK2VwMBYxFDAS
BgNVBAMMC29tcy5leGFtcGxlMB4XDTI2MTEyNzIxMTMyMVoXDTM2MTEyNDIxMTMy
MVowFjEUMBIGA1UEAwwLb21zLmV4YW1wbGUwKjAFBgMrZXADIQCZKf/2aWIuOs4O
V+LDQ1xONA4di1n7AxklCp2ZkExmyaNzMHEwHQYDVR0OBBYEFLjs+RhHmxZP8/Qv
mMfnUdZmseurMB8GA1UdIwQYMBaAFLjs+RhHmxZP8/QvmMfnUdZmseurMA8GA1Ud
EwEB/wQFMAMBAf8wHgYDVR0RBBcwFYINKi5vbXMuZXhhbXBsZYcECgAAZDAFBgMr
ZXADQQAeodFxPhEc3W1jdM+Rawgsaf8EL2Oydrs5vt6y2L9UOSOKnO419cHDZEfk
pxixiFYdXaLNYUVAjrQXhG5RJr8N
-----END CERTIFICATE-----
";
const SECOND: &str = "-----BEGIN CERTIFICATE-----
MIIBZTCCARegAwIBAgIUEjJROnjZSNgyBwLpycqYOuAeV3IwBQYDK2VwMBgxFjAU
BgNVBAMMDW90aGVyLmV4YW1wbGUwHhcNMjYxMTI4MDUyMjIwWhcNMzYxMTI1MDUy
MjIwWjAYMRYwFAYDVQQDDA1vdGhlci5leGFtcGxlMCowBQYDK2VwAyEAeTH9MmWb
pOsXSLKmeHEfNMWCpG2odDxKBU5lB7YA/jmjczBxMB0GA1UdDgQWBBRbr7hUuvYt
hmvPbJdDCKVD0OtA1zAfBgNVHSMEGDAWgBRbr7hUuvYthmvPbJdDCKVD0OtA1zAP
BgNVHRMBAf8EBTADAQH/MB4GA1UdEQQXMBWCDSoub21zLmV4YW1wbGWHBAoAAGQw
BQYDK2VwA0EAD2zmQbHVe2Z2pyjBe0XueXDqC9TCmrK4NySAIKs5lGFoigqea5dT
J+lyKH0VdzTrQFObX5yjsKWwlYZMz1YjCw==
-----END CERTIFICATE-----
";
const RESTART: &str = "exec supervisorctl restart nginx";

fn chain(pem: &str) -> Vec<Digest> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).map(|der| Digest::of(&der.unwrap())).collect()
}

fn serve(pem: &str) -> Step {
    step(None, Action::ServeCertificate { container: CONTAINER.to_owned(), port: 8089, chain: chain(pem) })
}

/// The file as another step has put it in place.
fn put(setup: &Setup, pem: &str) {
    std::fs::write(setup.machine.path("/data/oms/https_crt"), pem).unwrap();
}

/// OMS over HTTPS with the first certificate.
async fn over_https() -> Setup {
    let setup = Setup::new();
    let mut plan = setup.plan("r-1");
    for step in &mut plan.steps {
        if let Action::CreateContainer { container, .. } = &mut step.action {
            let (host, inside) = ("/data/oms/https_crt", "/etc/pki/nginx/oms_server.crt");
            container.mounts.push(Mount { host: host.to_owned(), container: inside.to_owned() });
        }
    }
    std::fs::create_dir_all(setup.machine.path("/data/oms")).unwrap();
    put(&setup, FIRST);
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(plan).await;
    assert_eq!(*last(&setup.see_through(&mut talk).await), EventKind::NodeDone { changed: true });
    setup
}

fn restarts(setup: &Setup) -> usize {
    setup.machine.docker.calls().iter().filter(|call| *call == RESTART).count()
}

#[tokio::test(start_paused = true)]
async fn nginx_alone_is_restarted_once_and_the_fingerprint_is_in_the_event() {
    let setup = over_https().await;
    put(&setup, SECOND);
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(plan("r-2", vec![serve(SECOND)])).await;
    let events = setup.see_through(&mut talk).await;
    let done = events.iter().find_map(|event| match &event.kind {
        EventKind::StepDone { evidence, .. } => Some(evidence.clone()),
        _ => None,
    });
    let evidence = done.unwrap();
    assert_eq!(evidence["served_certificate"], chain(SECOND)[0].as_str());
    assert_eq!(evidence["former_certificate"], chain(FIRST)[0].as_str());
    assert_eq!(restarts(&setup), 1);
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(plan("r-3", vec![serve(SECOND)])).await;
    let events = setup.see_through(&mut talk).await;
    assert!(names(&events).contains(&"step_done serve_certificate unchanged".to_owned()), "{events:?}");
    assert_eq!(restarts(&setup), 1, "it is served already");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_not_served_afterwards_is_a_failure_that_names_both() {
    let setup = over_https().await;
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(plan("r-2", vec![serve(SECOND)])).await;
    let events = setup.see_through(&mut talk).await;
    let EventKind::NodeFailed { error, .. } = last(&events) else { panic!("{events:?}") };
    let text = error.one_line();
    assert!(text.contains("does not serve the new certificate at port 8089"), "{text}");
    assert!(text.contains(&format!("it serves {}", chain(FIRST)[0])), "{text}");
}
