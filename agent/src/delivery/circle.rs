//! Who belongs to a run: whoever knows its key. Agents of one run speak TLS 1.3 with each other, both ends show the same
//! raw public key (RFC 7250), which is made from the run's key, and take no other. There are no certificates.

use std::sync::Arc;

use omsctl_proto::FingerprintKey;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use zeroize::Zeroizing;

use crate::ports::ByteStream;

/// What comes before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7).
const PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// What the key is derived for.
const PURPOSE: &str = "TLS between the agents of a run";
/// Never looked up: whom a client reaches is proved by the key.
const NAME: &str = "omsctl-agent";

type Stream = Box<dyn ByteStream>;

/// Both ends of the connections of one run.
#[derive(Clone)]
pub(crate) struct Circle {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl Circle {
    pub(crate) fn of(key: &FingerprintKey) -> Result<Self, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let mut pkcs8 = Zeroizing::new(PKCS8.to_vec());
        pkcs8.extend_from_slice(key.derive(PURPOSE).as_slice());
        let own = any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8.as_slice()))?;
        let public =
            own.public_key().ok_or(rustls::Error::General("the key has no public half".to_owned()))?;
        let public = CertificateDer::from(public.to_vec());
        let members = Arc::new(Members {
            public: public.clone(),
            algorithms: provider.signature_verification_algorithms,
        });
        let own = Arc::new(CertifiedKey::new(vec![public], own));
        Ok(Self {
            acceptor: Arc::new(accepting(&provider, &members, &own)?).into(),
            connector: Arc::new(connecting(&provider, members, own)?).into(),
        })
    }

    /// Lets a member in.
    pub(crate) async fn accept(&self, stream: Stream) -> std::io::Result<server::TlsStream<Stream>> {
        self.acceptor.accept(stream).await
    }

    /// Comes to a member.
    pub(crate) async fn connect(&self, stream: Stream) -> std::io::Result<client::TlsStream<Stream>> {
        let name = ServerName::try_from(NAME).map_err(std::io::Error::other)?;
        self.connector.connect(name, stream).await
    }
}

fn accepting(
    provider: &Arc<CryptoProvider>,
    members: &Arc<Members>,
    own: &Arc<CertifiedKey>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::clone(members) as Arc<dyn ClientCertVerifier>)
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::clone(own))));
    // Nobody comes back with a former session.
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn connecting(
    provider: &Arc<CryptoProvider>,
    members: Arc<Members>,
    own: Arc<CertifiedKey>,
) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(members)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(own)));
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Takes the key of the run and no other.
#[derive(Debug)]
struct Members {
    public: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Members {
    fn check(&self, shown: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        let known = *shown == self.public;
        known.then_some(()).ok_or(CertificateError::ApplicationVerificationFailure.into())
    }

    fn signed(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = SubjectPublicKeyInfoDer::from(shown.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
    }
}

/// TLS 1.2 is not spoken.
fn never() -> rustls::Error {
    rustls::Error::General("only TLS 1.3 is spoken".to_owned())
}

impl ServerCertVerifier for Members {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.check(shown).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(never())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed(message, shown, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Members {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.check(shown).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(never())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed(message, shown, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn circle(key: u8) -> Circle {
        Circle::of(&FingerprintKey::new([key; 32])).unwrap()
    }

    async fn meet(one: Circle, other: Circle) -> (std::io::Result<Vec<u8>>, std::io::Result<()>) {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let inside = async move {
            let mut stream = one.accept(Box::new(far)).await?;
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await?;
            Ok(heard)
        };
        let outside = async move {
            let mut stream = other.connect(Box::new(near)).await?;
            stream.write_all(b"a member").await?;
            stream.shutdown().await
        };
        tokio::join!(inside, outside)
    }

    #[tokio::test]
    async fn only_members_meet() {
        let (heard, said) = meet(circle(1), circle(1)).await;
        assert_eq!((heard.unwrap(), said.unwrap()), (b"a member".to_vec(), ()));
        let (heard, said) = meet(circle(1), circle(2)).await;
        assert!(heard.is_err() && said.is_err(), "{heard:?} {said:?}");
    }

    #[tokio::test]
    async fn whoever_shows_no_key_is_not_let_in() {
        let provider = Arc::new(ring::default_provider());
        let key = FingerprintKey::new([1; 32]);
        let mut pkcs8 = PKCS8.to_vec();
        pkcs8.extend_from_slice(key.derive(PURPOSE).as_slice());
        let own = any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8)).unwrap();
        let members = Members {
            public: CertificateDer::from(own.public_key().unwrap().to_vec()),
            algorithms: provider.signature_verification_algorithms,
        };
        let keyless = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(members))
            .with_no_client_auth();
        let keyless = Circle { connector: Arc::new(keyless).into(), ..circle(1) };
        let (heard, _) = meet(circle(1), keyless).await;
        assert!(heard.is_err(), "{heard:?}");
    }
}
