//! One request, plain or with TLS, and the certificates that are served. Certificates are not verified: the host asks itself, or only wants to know whether
//! something answers.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use omsctl_proto::Digest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use crate::ports::{ByteStream, HostError, HttpAnswer, HttpPost};

const LARGEST_BODY: usize = 64 * 1024;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Where a request goes.
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    path: String,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, HostError> {
        let wrong = || HostError::NotAnAddress { url: url.chars().take(200).collect() };
        let uri: hyper::Uri = url.parse().map_err(|_| wrong())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) | None => return Err(wrong()),
        };
        let host = uri.host().ok_or_else(wrong)?.to_owned();
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
        Ok(Self { host, port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }), tls, path })
    }

    fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Asks over an open connection: `GET`, or `POST` when there is something to post.
pub(super) async fn ask(
    target: &Target,
    stream: TcpStream,
    post: Option<&HttpPost>,
) -> Result<HttpAnswer, HostError> {
    let failed = |source: Cause| HostError::Http { address: target.authority(), source };
    let stream: Box<dyn ByteStream> =
        if target.tls { Box::new(encrypt(target, stream).await.map_err(failed)?) } else { Box::new(stream) };
    exchange(target, stream, post).await.map_err(failed)
}

/// The certificates that are served over an open connection.
pub(super) async fn served_chain(target: &Target, stream: TcpStream) -> Result<Vec<Digest>, HostError> {
    let failed = |source: Cause| HostError::Http { address: target.authority(), source };
    let stream = encrypt(target, stream).await.map_err(failed)?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    Ok(chain.iter().map(|certificate| Digest::of(certificate)).collect())
}

async fn exchange(
    target: &Target,
    stream: Box<dyn ByteStream>,
    post: Option<&HttpPost>,
) -> Result<HttpAnswer, Cause> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = request(target, post)?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), LARGEST_BODY).collect().await?.to_bytes();
        Ok::<_, Cause>(HttpAnswer { status, body: String::from_utf8_lossy(&body).into_owned() })
    };
    tokio::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        ended = connection => {
            ended?;
            exchange.await
        }
    }
}

fn request(target: &Target, post: Option<&HttpPost>) -> Result<Request<Full<Bytes>>, Cause> {
    let builder = match post {
        None => Request::get(&target.path),
        Some(HttpPost { content_type, user, password, .. }) => {
            let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
            let pair = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
            let mut credentials = HeaderValue::from_str(&pair)?;
            credentials.set_sensitive(true);
            Request::post(&target.path).header(CONTENT_TYPE, *content_type).header(AUTHORIZATION, credentials)
        }
    };
    let body = post.map(|post| Bytes::copy_from_slice(post.body.expose().as_bytes())).unwrap_or_default();
    let builder = builder.header(HOST, target.authority()).header(USER_AGENT, "omsctl-agent");
    Ok(builder.body(Full::new(body))?)
}

async fn encrypt(
    target: &Target,
    stream: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Cause> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from(target.host.trim_matches(['[', ']']).to_owned())?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
}

/// Takes any certificate whose owner can sign with it.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
