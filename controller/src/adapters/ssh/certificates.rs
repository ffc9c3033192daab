//! Certificates: whether a host's is to be believed, and those of the operator's own keys.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::ssh_key::{self, Signature};
use russh::keys::{Certificate, HashAlg, PrivateKey, PublicKey};
use russh::{SendError, Signer};
use tokio::net::UnixStream;

/// No certificate is larger.
const MAX_SIZE: u64 = 256 << 10;
/// A certificate holds the key of its authority; more of them in one another are a trap for the reader.
const MAX_NESTED: usize = 8;

/// Whether a certificate that a trusted authority has signed is good for the host now; the error is in words.
pub(super) fn check_host(
    certificate: &Certificate,
    principal: &str,
    authority_algorithms: &[&str],
    now: u64,
) -> Result<(), String> {
    if certificate.cert_type() != CertType::Host {
        return Err("it is no host certificate".to_owned());
    }
    if now < certificate.valid_after() {
        return Err("it is not yet valid".to_owned());
    }
    if now >= certificate.valid_before() {
        return Err("it has expired".to_owned());
    }
    let principals = certificate.valid_principals();
    if !principals.is_empty() && !principals.iter().any(|listed| listed == principal) {
        return Err(format!("it is for {}, not for {principal}", principals.join(", ")));
    }
    if !certificate.critical_options().is_empty() {
        return Err("it has critical options, and none is known for hosts".to_owned());
    }
    let signed_with = certificate.signature().algorithm();
    if !authority_algorithms.contains(&signed_with.as_str()) {
        return Err(format!("it is signed with {signed_with}, which CASignatureAlgorithms leaves out"));
    }
    // The authority is trusted: what remains is that it really signed this.
    let authority = certificate.signature_key().fingerprint(HashAlg::Sha256);
    certificate.validate_at(now, [&authority]).map_err(|_| "its signature is wrong".to_owned())
}

/// A certificate of a user's key, from a file. `None`: there is none, or it is something else.
pub(super) fn read_user(file: &Path) -> Option<Arc<Certificate>> {
    if std::fs::metadata(file).ok()?.len() > MAX_SIZE {
        return None;
    }
    let certificate = parse(&std::fs::read_to_string(file).ok()?)?;
    (certificate.cert_type() == CertType::User).then(|| Arc::new(certificate))
}

fn parse(text: &str) -> Option<Certificate> {
    let encoded = text.split_ascii_whitespace().nth(1)?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let nested = bytes.windows(10).filter(|window| window == b"-cert-v01@").count();
    if nested > MAX_NESTED { None } else { Certificate::from_bytes(&bytes).ok() }
}

/// What signs for a certificate: its key, from a file or in ssh-agent.
pub(super) enum CertificateSigner<'a> {
    Key(Arc<PrivateKey>),
    Agent { client: &'a mut AgentClient<UnixStream>, key: PublicKey },
}

/// It did not sign.
#[derive(Debug)]
pub(super) struct NotSigned;

impl From<SendError> for NotSigned {
    fn from(_: SendError) -> Self {
        Self
    }
}

impl Signer for CertificateSigner<'_> {
    type Error = NotSigned;

    async fn auth_sign(
        &mut self,
        _certificate: &AgentIdentity,
        hash: Option<HashAlg>,
        mut data: Vec<u8>,
    ) -> Result<Vec<u8>, NotSigned> {
        match self {
            Self::Key(key) => {
                let signature = sign(key, hash, &data).map_err(|_| NotSigned)?;
                let length = u32::try_from(signature.len()).map_err(|_| NotSigned)?;
                data.extend(length.to_be_bytes());
                data.extend(signature);
                Ok(data)
            }
            Self::Agent { client, key } => {
                // The agent holds the bare key; it knows nothing of the certificate.
                let held = AgentIdentity::from(key.clone());
                client.sign_request(&held, hash, data).await.map_err(|_| NotSigned)
            }
        }
    }
}

fn sign(key: &PrivateKey, hash: Option<HashAlg>, data: &[u8]) -> ssh_key::Result<Vec<u8>> {
    let signature: Signature = match key.key_data() {
        KeypairData::Rsa(pair) => (pair, hash).try_sign(data)?,
        pair => pair.try_sign(data)?,
    };
    Vec::try_from(signature)
}

#[cfg(test)]
mod tests {
    use russh::keys::key::safe_rng;
    use russh::keys::ssh_key::certificate::Builder;

    use super::*;
    use crate::adapters::ssh::tests::new_key;

    struct Wanted {
        kind: CertType,
        principals: &'static [&'static str],
        valid: (u64, u64),
        option: bool,
    }

    const GOOD: Wanted =
        Wanted { kind: CertType::Host, principals: &["n1"], valid: (100, 200), option: false };

    fn made(wanted: &Wanted) -> Certificate {
        let subject = new_key();
        let key = subject.public_key().key_data().clone();
        let (after, before) = wanted.valid;
        let mut builder = Builder::new_with_random_nonce(&mut safe_rng(), key, after, before).unwrap();
        builder.cert_type(wanted.kind).unwrap();
        for principal in wanted.principals {
            builder.valid_principal(*principal).unwrap();
        }
        if wanted.principals.is_empty() {
            builder.all_principals_valid().unwrap();
        }
        if wanted.option {
            builder.critical_option("force-command", "true").unwrap();
        }
        builder.sign(&new_key()).unwrap()
    }

    #[test]
    fn a_host_certificate_is_believed_for_its_names_and_time() {
        let check = |wanted: &Wanted, now: u64, expected: Result<(), &str>| {
            let found = check_host(&made(wanted), "n1", &["ssh-ed25519"], now);
            assert_eq!(found, expected.map_err(str::to_owned));
        };
        check(&GOOD, 100, Ok(()));
        check(&GOOD, 99, Err("it is not yet valid"));
        check(&GOOD, 200, Err("it has expired"));
        check(&Wanted { principals: &[], ..GOOD }, 150, Ok(()));
        check(&Wanted { principals: &["n2", "n*"], ..GOOD }, 150, Err("it is for n2, n*, not for n1"));
        check(&Wanted { kind: CertType::User, ..GOOD }, 150, Err("it is no host certificate"));
        check(
            &Wanted { option: true, ..GOOD },
            150,
            Err("it has critical options, and none is known for hosts"),
        );
        let other = check_host(&made(&GOOD), "n1", &["rsa-sha2-512"], 150).unwrap_err();
        assert!(other.contains("signed with ssh-ed25519"), "{other}");
    }

    #[test]
    fn what_is_no_users_certificate_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("id-cert.pub");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            read_user(&file).is_some()
        };
        assert!(read(&made(&Wanted { kind: CertType::User, ..GOOD }).to_openssh().unwrap()));
        assert!(!read(&made(&GOOD).to_openssh().unwrap()));
        assert!(!read(&new_key().public_key().to_openssh().unwrap()));
        assert!(
            !read("") && !read("ssh-ed25519-cert-v01@openssh.com AAAA") && read_user(folder.path()).is_none()
        );
        let nested = STANDARD.encode("ssh-ed25519-cert-v01@openssh.com".repeat(1000));
        assert!(!read(&format!("x {nested}")));
    }
}
