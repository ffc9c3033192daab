//! Certificate and key for HTTPS as texts: whether they are a pair that a web server takes, and what it then serves. Knows no
//! clock and no host.

use omsctl_proto::{Digest, Secret};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// Why a certificate and a key are no pair for a web server.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) what: String,
    pub(super) way: &'static str,
}

/// The certificates of the file, its own first, when the key belongs to it.
pub(super) fn chain(
    name: &str,
    certificate: &Secret,
    private: &Secret,
) -> Result<Vec<CertificateDer<'static>>, Broken> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.expose().as_bytes()).collect();
    let chain = chain.map_err(|error| broken(format!("{name} is no PEM file: {error}"), PEM))?;
    if chain.is_empty() {
        return Err(broken(format!("{name} holds no certificate"), PEM));
    }
    let private = PrivateKeyDer::from_pem_slice(private.expose().as_bytes())
        .map_err(|error| broken(format!("the key of {name} cannot be read: {error}"), KEY))?;
    CertifiedKey::from_der(chain.clone(), private, &ring::default_provider()).map_err(
        |error| match error {
            rustls::Error::InconsistentKeys(_) => {
                broken(format!("{name} and its key do not belong together"), PAIR)
            }
            other => broken(format!("{name} cannot be used: {other}"), PEM),
        },
    )?;
    Ok(chain)
}

pub(super) const PEM: &str =
    "oms_https_cert wants the certificate in PEM form (BEGIN CERTIFICATE), its own first, then its issuers'";
const KEY: &str = "oms_https_key wants the private key in PEM form, without a passphrase";
const PAIR: &str = "set oms_https_cert and oms_https_key to the files of one pair";

fn broken(what: String, way: &'static str) -> Broken {
    Broken { what, way }
}

/// What a client is shown: the SHA-256 of each certificate, as `openssl x509 -fingerprint -sha256` has it.
pub(super) fn digests(chain: &[CertificateDer<'_>]) -> Vec<Digest> {
    chain.iter().map(|certificate| Digest::of(certificate)).collect()
}
