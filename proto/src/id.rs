//! Names that are parsed once and trusted afterwards. A name that got this far is safe in a path, in an argument
//! vector and in a log line.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {kind}: {allowed}")]
pub struct InvalidName {
    /// What it should have been, in words.
    pub kind: &'static str,
    /// What was written, shortened to 80 characters.
    pub text: String,
    /// What is allowed, in words.
    pub allowed: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $allowed:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses the text; [`InvalidName`] says what is allowed.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) {
                    Ok(Self(text))
                } else {
                    let text = text.chars().take(80).collect();
                    Err(InvalidName { kind: $kind, text, allowed: $allowed })
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                String::json_schema(generator)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

name!(
    /// A host by its inventory name.
    NodeName,
    "host name",
    "1 to 253 characters without white space, '/' and control characters, not starting with '-' or '.'",
    |text| {
        (1..=253).contains(&text.len())
            && !text.starts_with(['-', '.'])
            && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/')
    }
);

name!(
    /// One run of a command that changes hosts. Sorts by the time it began.
    RunId,
    "run id",
    "1 to 40 lower-case letters, digits and '-', starting with a letter or a digit",
    |text| {
        (1..=40).contains(&text.len())
            && !text.starts_with('-')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
);

name!(
    /// One running controller, told apart from every other by chance.
    ControllerId,
    "controller id",
    "1 to 32 lower-case letters and digits",
    |text| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    }
);

name!(
    /// The name under which a node plan refers to a secret; the secret itself travels apart.
    SecretName,
    "secret name",
    "1 to 64 lower-case letters, digits, '-' and '_'",
    |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    }
);

name!(
    /// A SHA-256 in lower-case hexadecimal, without the `sha256:` that Docker puts before it.
    Digest,
    "SHA-256",
    "64 lower-case hexadecimal digits",
    |text| text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

impl Digest {
    /// The SHA-256 of the bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::from_hash(&sha2::Sha256::digest(bytes).into())
    }

    /// From the 32 bytes that a hasher returned.
    pub fn from_hash(hash: &[u8; 32]) -> Self {
        Self(hex(hash))
    }

    /// Accepts Docker's `sha256:…` form as well as plain hexadecimal.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        Self::new(text.strip_prefix("sha256:").unwrap_or(text))
    }

    /// The first twelve digits, as Docker shows them.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_refuse_what_is_unsafe_in_a_path() {
        for bad in ["", "-x", "..", "a/b", "a b", "a\n"] {
            assert!(NodeName::new(bad).is_err(), "{bad:?}");
            assert!(RunId::new(bad).is_err(), "{bad:?}");
            assert!(SecretName::new(bad).is_err() || bad == "-x", "{bad:?}");
        }
        assert!(NodeName::new("node1.example.com").is_ok());
        assert!(RunId::new("20261122t173512-3f9a2c").is_ok());
    }

    #[test]
    fn a_digest_is_read_in_dockers_form_and_refused_when_short() {
        let digest = Digest::of(b"abc");
        assert_eq!(digest.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Digest::parse(&format!("sha256:{digest}")), Ok(digest.clone()));
        assert_eq!(digest.short(), "ba7816bf8f01");
        assert!(Digest::parse("sha256:ba78").is_err());
    }

    #[test]
    fn deserialising_checks_like_new() {
        assert!(serde_json::from_str::<RunId>("\"../x\"").is_err());
        assert_eq!(serde_json::from_str::<RunId>("\"abc-1\"").unwrap().as_str(), "abc-1");
    }
}
