//! Why a host was not reached or its agent not started: every cause by its name, in words for the operator.
//!
//! This file only describes; it decides nothing but whether a second try makes sense.

use std::path::PathBuf;

use omsctl_proto::{ErrorCode, ErrorReport};

/// What stands between the controller and an agent on a host. `place` is `address:port` as it was dialled.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("{place} is not usable as an SSH destination: {reason}")]
    Settings { place: String, reason: String },
    #[error("the name {name} is not resolved: {reason}")]
    NameNotResolved { name: String, reason: String },
    #[error("{place} refuses the connection")]
    Refused { place: String },
    #[error("{place} does not answer within {seconds} s")]
    TimedOut { place: String, seconds: u64 },
    #[error("{place} cannot be reached")]
    Network {
        place: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{place} ends the connection before its SSH greeting: {reason}")]
    NoBanner { place: String, reason: String },
    #[error("no SSH session with {place}: {reason}")]
    KeyExchange { place: String, reason: String },
    #[error("the {key_type} host key {fingerprint} of {place} is unknown")]
    HostKeyUnknown { place: String, host: String, port: u16, key_type: String, fingerprint: String },
    #[error("the host key of {place} is {key_type} {fingerprint}, but {known_at} says otherwise")]
    HostKeyChanged { place: String, key_type: String, fingerprint: String, known_at: String },
    #[error("the host key {fingerprint} of {place} is revoked in {known_at}")]
    HostKeyRevoked { place: String, fingerprint: String, known_at: String },
    #[error("the host key of {place} is refused: {reason}")]
    HostKeyRefused { place: String, reason: String },
    #[error("{file} cannot be read")]
    KnownHosts {
        file: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{place} refuses the log-in of {user}: tried {tried}; the server offers {offered}")]
    AuthenticationFailed { place: String, user: String, tried: String, offered: String },
    #[error("the private key {file} for {place} cannot be used: {reason}")]
    KeyUnreadable { place: String, file: PathBuf, reason: String },
    #[error("the private key {file} for {place} is encrypted and no passphrase was given")]
    KeyEncrypted { place: String, file: PathBuf },
    #[error("sudo on {place} asks {user} for a password, and none was given")]
    SudoPasswordNeeded { place: String, user: String },
    #[error("sudo on {place} does not accept the password of {user}")]
    SudoPasswordWrong { place: String, user: String },
    #[error("sudo on {place} does not make {user} root: {reason}")]
    SudoNotAllowed { place: String, user: String, reason: String },
    #[error("ansible_become_user is {become_user} for {place}, and the agent works as root only")]
    BecomeUserNotRoot { place: String, become_user: String },
    #[error("no omsctl-agent for {place}, a {arch} machine: {reason}")]
    NoAgentForArchitecture { place: String, arch: String, reason: String },
    #[error("no place for the agent on {place}: {reason}")]
    NoPlaceForAgent { place: String, reason: String },
    #[error("the agent was not received whole by {place}: {reason}")]
    AgentDamaged { place: String, reason: String },
    #[error("the agent did not start on {place}: {reason}")]
    AgentDidNotStart { place: String, reason: String },
    #[error("the connection to {place} is lost: {reason}")]
    Lost { place: String, reason: String },
}

impl ConnectError {
    /// The network or the host's sshd, rather than something the operator wrote: the host counts as unreachable.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::NameNotResolved { .. }
                | Self::Refused { .. }
                | Self::TimedOut { .. }
                | Self::Network { .. }
                | Self::NoBanner { .. }
                | Self::KeyExchange { .. }
                | Self::Lost { .. }
        )
    }

    /// Trying again without changing anything may help.
    pub fn retryable(&self) -> bool {
        self.is_unreachable() && !matches!(self, Self::NameNotResolved { .. } | Self::KeyExchange { .. })
            || matches!(self, Self::AgentDamaged { .. })
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::Settings { .. }
            | Self::AuthenticationFailed { .. }
            | Self::KeyUnreadable { .. }
            | Self::KeyEncrypted { .. } => ErrorCode::Authentication,
            Self::NameNotResolved { .. }
            | Self::Refused { .. }
            | Self::TimedOut { .. }
            | Self::Network { .. }
            | Self::NoBanner { .. }
            | Self::KeyExchange { .. }
            | Self::Lost { .. } => ErrorCode::Unreachable,
            Self::HostKeyUnknown { .. }
            | Self::HostKeyChanged { .. }
            | Self::HostKeyRevoked { .. }
            | Self::HostKeyRefused { .. }
            | Self::KnownHosts { .. } => ErrorCode::HostKey,
            Self::SudoPasswordNeeded { .. }
            | Self::SudoPasswordWrong { .. }
            | Self::SudoNotAllowed { .. }
            | Self::BecomeUserNotRoot { .. } => ErrorCode::Become,
            Self::NoAgentForArchitecture { .. }
            | Self::NoPlaceForAgent { .. }
            | Self::AgentDamaged { .. }
            | Self::AgentDidNotStart { .. } => ErrorCode::Agent,
        }
    }

    /// What to do now.
    pub fn remedy(&self) -> String {
        if let Self::HostKeyUnknown { host, port, .. } = self {
            return format!(
                "compare the fingerprint with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there), then \
                 add it (ssh-keyscan -p {port} {host} >> ~/.ssh/known_hosts) or run omsctl with --accept-new"
            );
        }
        if let Self::HostKeyChanged { known_at, .. } = self {
            return format!(
                "if the machine was installed anew, delete {known_at} and accept the new key; if it was not, somebody \
                 may be between you and the host"
            );
        }
        self.fixed_remedy().to_owned()
    }

    fn fixed_remedy(&self) -> &'static str {
        match self {
            Self::Settings { .. } => "correct the inventory or the ssh_config that says so",
            Self::NameNotResolved { .. } => {
                "correct ansible_host, or add the name to DNS or to /etc/hosts of this bastion"
            }
            Self::Refused { .. } => "see that sshd runs there and that ansible_port is right",
            Self::TimedOut { .. } | Self::Network { .. } => {
                "see that the host is up, that ansible_host is right and that no firewall stands between"
            }
            Self::NoBanner { .. } => {
                "see sshd's log on the host: MaxStartups, PerSourcePenalties or hosts.deny may turn us away"
            }
            Self::KeyExchange { .. } => "see sshd's log on the host; ssh -v to the same address tells more",
            Self::HostKeyUnknown { .. } | Self::HostKeyChanged { .. } => "compare the fingerprints",
            Self::KeyEncrypted { .. } => {
                "load the key into ssh-agent (ssh-add), or run omsctl in a terminal to be asked"
            }
            Self::HostKeyRevoked { .. } => {
                "give the host a new key (ssh-keygen -A on the host), then accept that one"
            }
            Self::HostKeyRefused { .. } => {
                "give the host a key or certificate that satisfies ssh_config, or add its own key to known_hosts (ssh-keyscan)"
            }
            Self::KnownHosts { .. } => "make the file readable, or name another with UserKnownHostsFile",
            Self::AuthenticationFailed { .. } => {
                "set ansible_user, ansible_ssh_private_key_file or ansible_password, or use -k to be asked for the password"
            }
            Self::KeyUnreadable { .. } => {
                "correct ansible_ssh_private_key_file or IdentityFile, or the file's rights"
            }
            Self::SudoPasswordNeeded { .. } => {
                "use -K to be asked for it, set ansible_become_password, or allow NOPASSWD in sudoers"
            }
            Self::SudoPasswordWrong { .. } => "correct ansible_become_password, or what you typed for -K",
            Self::SudoNotAllowed { .. } => "log in as root or as a user whom sudo makes root",
            Self::BecomeUserNotRoot { .. } => "remove ansible_become_user or set it to root",
            Self::NoAgentForArchitecture { .. } => {
                "put that file beside omsctl; it is in the release archive for that architecture"
            }
            Self::NoPlaceForAgent { .. } => {
                "free some space, or remount one of these directories with exec; when the log-in is not root, set ansible_become=true"
            }
            Self::AgentDamaged { .. } => "try again; when it stays, look for a full disk or a proxy between",
            Self::AgentDidNotStart { .. } => {
                "log in with ssh and see what the log-in shell does; its last words are above"
            }
            Self::Lost { .. } => "omsctl tries again by itself; see that the host is up",
        }
    }
}

impl From<ConnectError> for ErrorReport {
    fn from(error: ConnectError) -> Self {
        Self::from_error(error.code(), &error).hint(error.remedy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_where_why_and_what_to_do() {
        let error = ConnectError::HostKeyUnknown {
            place: "192.0.2.1:22".into(),
            host: "192.0.2.1".into(),
            port: 22,
            key_type: "ssh-ed25519".into(),
            fingerprint: "SHA256:abc".into(),
        };
        assert!(!error.is_unreachable() && !error.retryable());
        let report = ErrorReport::from(error);
        assert_eq!(report.code, ErrorCode::HostKey);
        assert_eq!(report.message, "the ssh-ed25519 host key SHA256:abc of 192.0.2.1:22 is unknown");
        let hint = report.hint.unwrap();
        assert!(hint.contains("ssh-keyscan -p 22 192.0.2.1") && hint.contains("--accept-new"), "{hint}");
    }

    #[test]
    fn only_the_network_is_unreachable() {
        let check = |error: ConnectError, unreachable: bool, retryable: bool| {
            assert_eq!((error.is_unreachable(), error.retryable()), (unreachable, retryable), "{error}");
            assert_eq!(error.code() == ErrorCode::Unreachable, unreachable, "{error}");
        };
        let place = || "h:22".to_owned();
        check(ConnectError::Refused { place: place() }, true, true);
        check(ConnectError::NameNotResolved { name: "h".into(), reason: "no such name".into() }, true, false);
        check(ConnectError::SudoPasswordNeeded { place: place(), user: "u".into() }, false, false);
        check(ConnectError::AgentDamaged { place: place(), reason: "short".into() }, false, true);
    }
}
