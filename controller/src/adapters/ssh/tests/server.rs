//! An SSH server for tests: real hand-shakes on loopback, commands run by a real `sh`, programs from a folder of fakes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use russh::keys::key::safe_rng;
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::{Algorithm, Certificate, PrivateKey, PublicKey};
use russh::server::{self, Auth, ChannelOpenHandle, Msg, Response, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelMsg, ChannelOpenFailure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How the server behaves, and what it counted.
#[derive(Default)]
pub(super) struct Behaviour {
    pub authorised: Option<PublicKey>,
    pub password: Option<String>,
    /// The authority whose user certificates are let in.
    pub authority: Option<PublicKey>,
    /// What the host shows beside its key.
    pub certificate: Option<HostCertificate>,
    /// The password that is asked for in keyboard-interactive.
    pub interactive: Option<String>,
    /// The log-in shell; empty: `sh`.
    pub shell: String,
    /// Shell text that the log-in shell runs first.
    pub noise: String,
    /// Session channels that a connection opens; `None`: any number.
    pub channels: Option<usize>,
    /// Channels that were refused.
    pub refused: AtomicUsize,
    /// Connections that are open now.
    pub open: AtomicUsize,
    /// The command's stdin ends after so many bytes.
    pub cut_after: Option<usize>,
    /// Connections that are hung up on before the greeting.
    pub hang_up: AtomicUsize,
    /// Connections that end after the server's greeting.
    pub greet_only: AtomicUsize,
    /// Log-ins that end with the connection.
    pub drop_out: AtomicUsize,
    pub connections: AtomicUsize,
    pub log_ins: AtomicUsize,
    /// Bytes that commands were sent.
    pub received: AtomicUsize,
    /// Connections that were passed on.
    pub forwarded: AtomicUsize,
}

pub(super) struct Server {
    pub port: u16,
    pub host_key: PrivateKey,
    pub behaviour: Arc<Behaviour>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A host certificate to be made when the host has a key.
pub(super) struct HostCertificate {
    pub authority: PrivateKey,
    pub principal: &'static str,
    /// Seconds since 1970.
    pub valid_before: u64,
}

impl HostCertificate {
    fn made(&self, host_key: &PrivateKey) -> Certificate {
        certificate(host_key, &self.authority, CertType::Host, self.principal, self.valid_before)
    }
}

/// A certificate of the key for one principal.
pub(super) fn certificate(
    key: &PrivateKey,
    authority: &PrivateKey,
    kind: CertType,
    principal: &str,
    valid_before: u64,
) -> Certificate {
    let key = key.public_key().key_data().clone();
    let mut builder = Builder::new_with_random_nonce(&mut safe_rng(), key, 1, valid_before).unwrap();
    builder.cert_type(kind).unwrap().valid_principal(principal).unwrap().key_id("test").unwrap();
    builder.sign(authority).unwrap()
}

pub(in crate::adapters::ssh) fn new_key() -> PrivateKey {
    PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap()
}

impl Server {
    pub(super) async fn start(behaviour: Behaviour, programs: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host_key = new_key();
        let certificate = behaviour.certificate.as_ref().map(|wanted| wanted.made(&host_key));
        let behaviour = Arc::new(behaviour);
        let config = Arc::new(server::Config {
            keys: vec![host_key.clone()],
            certificates: certificate.into_iter().collect(),
            auth_rejection_time: Duration::ZERO,
            nodelay: true,
            ..server::Config::default()
        });
        let (shared, programs) = (Arc::clone(&behaviour), programs.to_owned());
        let task = tokio::spawn(async move {
            let mut sessions = tokio::task::JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                if shared.hang_up.load(Ordering::SeqCst) > 0 {
                    shared.hang_up.fetch_sub(1, Ordering::SeqCst);
                    continue;
                }
                if shared.greet_only.load(Ordering::SeqCst) > 0 {
                    shared.greet_only.fetch_sub(1, Ordering::SeqCst);
                    let _ = stream.write_all(b"SSH-2.0-brief\r\n").await;
                    continue;
                }
                let handler = Handler {
                    behaviour: Arc::clone(&shared),
                    programs: programs.clone(),
                    channels: HashMap::new(),
                    opened: 0,
                };
                let (inner, mut outer) = tokio::io::duplex(1 << 16);
                tokio::spawn(server::run_stream(Arc::clone(&config), inner, handler));
                // Aborted with the server: then the connection is lost, as if a cable were pulled.
                let counts = Arc::clone(&shared);
                counts.open.fetch_add(1, Ordering::SeqCst);
                sessions.spawn(async move {
                    drop(tokio::io::copy_bidirectional(&mut stream, &mut outer).await);
                    counts.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, host_key, behaviour, task }
    }
}

struct Handler {
    behaviour: Arc<Behaviour>,
    programs: PathBuf,
    channels: HashMap<ChannelId, Channel<Msg>>,
    opened: usize,
}

impl Handler {
    fn answer(&self, right: bool) -> Auth {
        if right {
            self.behaviour.log_ins.fetch_add(1, Ordering::SeqCst);
            Auth::Accept
        } else {
            Auth::reject()
        }
    }
}

impl server::Handler for Handler {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        _user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, russh::Error> {
        if self.behaviour.drop_out.load(Ordering::SeqCst) > 0 {
            self.behaviour.drop_out.fetch_sub(1, Ordering::SeqCst);
            return Err(russh::Error::Disconnect);
        }
        let right = self
            .behaviour
            .authorised
            .as_ref()
            .is_some_and(|known| known.key_data() == key.public_key.key_data());
        Ok(self.answer(right))
    }

    async fn auth_openssh_certificate(
        &mut self,
        user: &str,
        certificate: &Certificate,
    ) -> Result<Auth, russh::Error> {
        let authority = self.behaviour.authority.as_ref().map(PublicKey::key_data);
        let right = authority == Some(certificate.signature_key())
            && certificate.valid_principals().iter().any(|principal| principal == user);
        Ok(self.answer(right))
    }

    async fn auth_password(&mut self, _user: &str, password: &str) -> Result<Auth, russh::Error> {
        Ok(self.answer(self.behaviour.password.as_deref() == Some(password)))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let Some(expected) = self.behaviour.interactive.clone() else { return Ok(Auth::reject()) };
        match response {
            Some(mut answers) => {
                let right = answers.next().is_some_and(|answer| answer.as_ref() == expected.as_bytes());
                Ok(self.answer(right))
            }
            None => Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Password: ".into(), false)].into(),
            }),
        }
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        if self.behaviour.channels.is_some_and(|limit| self.opened >= limit) {
            self.behaviour.refused.fetch_add(1, Ordering::SeqCst);
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        self.opened += 1;
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _from: &str,
        _from_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        let address = (host.to_owned(), u16::try_from(port).unwrap());
        let mut target = TcpStream::connect(address).await?;
        self.behaviour.forwarded.fetch_add(1, Ordering::SeqCst);
        reply.accept().await;
        tokio::spawn(async move {
            drop(tokio::io::copy_bidirectional(&mut channel.into_stream(), &mut target).await);
        });
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let channel = self.channels.remove(&id).unwrap();
        session.channel_success(id)?;
        let line = format!("{}{}", self.behaviour.noise, String::from_utf8(line.to_vec()).unwrap());
        let shell = if self.behaviour.shell.is_empty() { "/bin/sh" } else { &self.behaviour.shell };
        let mut words = shell.split(' ');
        let child = tokio::process::Command::new(words.next().unwrap_or_default())
            .args(words)
            .args(["-c", &line])
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.programs.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        tokio::spawn(serve(child, channel, Arc::clone(&self.behaviour)));
        Ok(())
    }
}

async fn serve(mut child: tokio::process::Child, channel: Channel<Msg>, behaviour: Arc<Behaviour>) {
    let (mut read, write) = channel.split();
    let mut stdin = child.stdin.take();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let input = async {
        let mut count = 0;
        while let Some(message) = read.wait().await {
            if let ChannelMsg::Data { data } = &message {
                behaviour.received.fetch_add(data.len(), Ordering::SeqCst);
                count += data.len();
                if let Some(pipe) = &mut stdin {
                    drop(pipe.write_all(data).await);
                }
            }
            if matches!(message, ChannelMsg::Eof) || behaviour.cut_after.is_some_and(|limit| count >= limit) {
                stdin = None;
            }
            if matches!(message, ChannelMsg::Close) {
                return;
            }
            assert!(!matches!(message, ChannelMsg::RequestPty { .. }), "binary data never goes over a pty");
        }
    };
    let output = async {
        let (mut out, mut err) = ([0u8; 8192], [0u8; 8192]);
        let (mut out_open, mut err_open) = (true, true);
        while out_open || err_open {
            tokio::select! {
                read = stdout.read(&mut out), if out_open => match read.unwrap() {
                    0 => out_open = false,
                    length => drop(write.data_bytes(out[..length].to_vec()).await),
                },
                read = stderr.read(&mut err), if err_open => match read.unwrap() {
                    0 => err_open = false,
                    length => drop(write.extended_data_bytes(1, err[..length].to_vec()).await),
                },
            }
        }
        let status = child.wait().await.unwrap();
        drop(write.exit_status(status.code().unwrap_or(255).unsigned_abs()).await);
        drop(write.eof().await);
        drop(write.close().await);
    };
    tokio::select! {
        () = input => {}
        () = output => {}
    }
}
