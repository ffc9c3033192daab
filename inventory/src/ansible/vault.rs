//! Ansible Vault, formats 1.1 and 1.2: AES-256 in counter mode, keys from a password with PBKDF2. Opens what others
//! encrypted, and encrypts nothing. What is opened once is kept, since each opening costs some milliseconds.
//!
//! The format is told by ansible-core's `parsing/vault/__init__.py`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, KeyInit, Mac};
use omsctl_proto::Secret;
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::problem::{Place, Problem, ProblemCode, Problems};
use crate::sources::Sources;

const HEADER: &str = "$ANSIBLE_VAULT";
const CIPHER: &str = "AES256";
const ROUNDS: u32 = 10_000;
const KEY: usize = 32;
const BLOCK: usize = 16;
/// What is shown of a value that was encrypted.
const HIDDEN: &str = "***";
const SHORTEST_HIDDEN: usize = 4;

/// Why an encrypted text stays closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VaultError {
    #[error("is encrypted with Ansible Vault, and no vault password is given")]
    NoPassword,
    #[error("is encrypted with Ansible Vault, and no vault password that is given opens it")]
    WrongPassword,
    #[error("is damaged: it begins like Ansible Vault's and does not go on like it")]
    Damaged,
    #[error("is encrypted with a cipher other than Ansible Vault's AES256")]
    Cipher,
    #[error("is encrypted with Ansible Vault, and what is in it is no UTF-8 text")]
    NotText,
}

impl VaultError {
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::NoPassword => "give it with --vault-password-file FILE or --ask-vault-pass",
            Self::WrongPassword => "with several passwords, repeat --vault-password-file",
            Self::Damaged | Self::Cipher | Self::NotText => "encrypt it again with ansible-vault",
        }
    }
}

/// The passwords, and what they have opened.
#[derive(Debug, Default)]
pub(crate) struct Vault {
    passwords: Vec<Secret>,
    opened: Mutex<BTreeMap<String, Result<Secret, VaultError>>>,
    /// The values of encrypted files.
    told: Mutex<Vec<Secret>>,
}

impl Vault {
    pub(crate) fn new(passwords: Vec<Secret>) -> Self {
        Self { passwords, ..Self::default() }
    }

    /// What an encrypted text says; each password is tried, whatever label the text has, as Ansible does.
    pub(crate) fn open(&self, text: &str) -> Result<Secret, VaultError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = opened.get(text) {
            return known.clone();
        }
        let result = self.decrypt(text);
        opened.insert(text.to_owned(), result.clone());
        result
    }

    fn decrypt(&self, text: &str) -> Result<Secret, VaultError> {
        let envelope = Envelope::parse(text)?;
        if self.passwords.is_empty() {
            return Err(VaultError::NoPassword);
        }
        for password in &self.passwords {
            if let Some(plain) = envelope.open(password.expose().as_bytes())? {
                return std::str::from_utf8(&plain).map(Secret::new).map_err(|_| VaultError::NotText);
            }
        }
        Err(VaultError::WrongPassword)
    }

    /// Reads a file, and opens it when it is encrypted.
    pub(crate) fn read(&self, sources: &Sources, path: &Path) -> Result<FileText, Box<Problem>> {
        let text = Zeroizing::new(sources.read(path)?);
        if !text.starts_with(HEADER) {
            return Ok(FileText { text, was_encrypted: false });
        }
        match self.decrypt(&text) {
            Ok(secret) => {
                Ok(FileText { text: Zeroizing::new(secret.expose().to_owned()), was_encrypted: true })
            }
            Err(error) => {
                let problem = Problem::error(ProblemCode::Vault, format!("the file {error}"));
                Err(Box::new(problem.at(&Place::file(&sources.shown(path))).hint(error.hint())))
            }
        }
    }

    /// Remembers a value of an encrypted file: everything in it must not be shown either.
    pub(crate) fn remember(&self, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => self.remember_text(&number.to_string()),
            Value::String(text) => self.remember_text(text),
            Value::Array(items) => items.iter().for_each(|item| self.remember(item)),
            Value::Object(entries) => entries.values().for_each(|item| self.remember(item)),
        }
    }

    fn remember_text(&self, text: &str) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(Secret::new(text));
    }

    /// Takes everything that was encrypted out of what is to be told.
    pub(crate) fn hide_in(&self, problems: &mut Problems) {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let secrets = opened.values().flatten().chain(told.iter()).map(Secret::expose);
        for secret in secrets.filter(|secret| !secret.is_empty()) {
            for problem in &mut problems.0 {
                // A short one is a part of every other word.
                let long = secret.len() >= SHORTEST_HIDDEN;
                let shows = |found: &String| found == secret || (long && found.contains(secret));
                if problem.found.as_ref().is_some_and(shows) {
                    problem.found = Some(HIDDEN.to_owned());
                }
                if long && problem.message.contains(secret) {
                    problem.message = problem.message.replace(secret, HIDDEN);
                }
            }
        }
    }
}

/// What is in a file.
pub(crate) struct FileText {
    pub(crate) text: Zeroizing<String>,
    pub(crate) was_encrypted: bool,
}

struct Envelope {
    salt: Vec<u8>,
    signature: Vec<u8>,
    encrypted: Vec<u8>,
}

impl Envelope {
    /// `$ANSIBLE_VAULT;1.1;AES256` or `$ANSIBLE_VAULT;1.2;AES256;LABEL`, then lines of hexadecimal digits, which are three
    /// lines of hexadecimal digits.
    fn parse(text: &str) -> Result<Self, VaultError> {
        let mut lines = text.lines();
        let mut header = lines.next().unwrap_or_default().split(';').map(str::trim);
        let (Some(HEADER), Some(_version), Some(cipher)) = (header.next(), header.next(), header.next())
        else {
            return Err(VaultError::Damaged);
        };
        if cipher != CIPHER {
            return Err(VaultError::Cipher);
        }
        let damaged = |_| VaultError::Damaged;
        let inner = hex::decode(lines.collect::<String>()).map_err(damaged)?;
        let mut parts = inner.splitn(3, |byte| *byte == b'\n');
        let mut part = || hex::decode(parts.next().unwrap_or_default()).map_err(damaged);
        let (salt, signature, encrypted) = (part()?, part()?, part()?);
        if encrypted.is_empty() || !encrypted.len().is_multiple_of(BLOCK) {
            return Err(VaultError::Damaged);
        }
        Ok(Self { salt, signature, encrypted })
    }

    /// `None` when the password is another one.
    fn open(&self, password: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let mut derived = Zeroizing::new([0_u8; 2 * KEY + BLOCK]);
        pbkdf2::pbkdf2_hmac::<Sha256>(password, &self.salt, ROUNDS, derived.as_mut());
        let (key, rest) = derived.split_at(KEY);
        let (signing, counter) = rest.split_at(KEY);
        let mut signed = Hmac::<Sha256>::new_from_slice(signing).map_err(|_| VaultError::Damaged)?;
        signed.update(&self.encrypted);
        if signed.verify_slice(&self.signature).is_err() {
            return Ok(None);
        }
        let mut plain = Zeroizing::new(self.encrypted.clone());
        let mut cipher =
            Ctr128BE::<Aes256>::new_from_slices(key, counter).map_err(|_| VaultError::Damaged)?;
        cipher.apply_keystream(&mut plain);
        // PKCS #7: the last byte tells how many there are of it.
        let padding = usize::from(plain.last().copied().unwrap_or_default());
        let length = plain.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding));
        let length = length.ok_or(VaultError::Damaged)?;
        if plain[length..].iter().any(|byte| usize::from(*byte) != padding) {
            return Err(VaultError::Damaged);
        }
        plain.truncate(length);
        Ok(Some(plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_envelope_is_told() {
        let vault = Vault::new(vec![Secret::new("one")]);
        let open = |text: &str| vault.open(text).unwrap_err();
        assert_eq!(open("$ANSIBLE_VAULT;1.1;AES\n31"), VaultError::Cipher);
        for text in ["", "$ANSIBLE_VAULT", "$ANSIBLE_VAULT;1.1", "$ANSIBLE_VAULT;1.1;AES256\nxy"] {
            assert_eq!(open(text), VaultError::Damaged, "{text}");
        }
        // Three parts, and none of the text is there.
        let inner = hex::encode("31\n31\n");
        assert_eq!(open(&format!("$ANSIBLE_VAULT;1.1;AES256\n{inner}")), VaultError::Damaged);
        let inner = hex::encode("31\n31\n00112233445566778899aabbccddeeff");
        assert_eq!(open(&format!("$ANSIBLE_VAULT;1.1;AES256\n{inner}")), VaultError::WrongPassword);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[0-9a-f\n;.AES]{0,60}") {
            let _ = Envelope::parse(&format!("{HEADER};1.1;AES256\n{text}")).is_ok();
            let _ = Envelope::parse(&text).is_ok();
        }
    }
}
