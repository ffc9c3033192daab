//! Why an image archive is not used: what is wrong with it, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use omsctl_proto::Digest;

/// Every message names the archive. None of these happens after a host was contacted.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the image archive {path} does not exist; oms_image_archive is a path on the bastion")]
    NotFound { path: PathBuf },
    #[error("the image archive {path} cannot be read")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is no image archive: it is {looks_like}. Make one with `docker save -o FILE IMAGE`")]
    NotATar { path: PathBuf, looks_like: String },
    #[error("the image archive {path} is truncated {place}; copy it again and compare its checksum")]
    Truncated { path: PathBuf, place: String },
    #[error("the image archive {path} is damaged {place}; copy it again and compare its checksum")]
    Damaged {
        path: PathBuf,
        place: String,
        #[source]
        source: io::Error,
    },
    #[error(
        "{path} is a tar archive and no image archive: it has no manifest.json and {looks_like}. Make one with \
         `docker save`"
    )]
    NoManifest { path: PathBuf, looks_like: String },
    #[error(
        "the image archive {path} is in OCI layout without manifest.json, which older Docker cannot load; load it \
         somewhere and write it with `docker save`, or with `skopeo copy oci-archive:… docker-archive:…`"
    )]
    UnsupportedOci { path: PathBuf },
    #[error("{file} of the image archive {path} is not understood: {reason}. Make the archive again")]
    NotUnderstood { path: PathBuf, file: String, reason: String },
    #[error(
        "the image archive {path} lacks {file}, which its manifest names; it was not written to its end, or \
         somebody took it out. Make it again with `docker save`"
    )]
    Missing { path: PathBuf, file: String },
    #[error(
        "the image archive {path} is altered or damaged: {what} should have the SHA-256 {expected} and has {found}; \
         copy it again and compare its checksum"
    )]
    DigestMismatch { path: PathBuf, what: String, expected: Digest, found: Digest },
    #[error("the image archive {path} holds several images ({references}); name one of them in oms_image")]
    SeveralImages { path: PathBuf, references: String },
    #[error("the image archive {path} does not hold {wanted} (oms_image); it holds {references}")]
    NoSuchImage { path: PathBuf, wanted: String, references: String },
    #[error("the image archive {path} is refused: its member {member} {why}")]
    Unsafe { path: PathBuf, member: String, why: &'static str },
    #[error("the image archive {path} is refused: {what} is above the limit of {limit}")]
    TooLarge { path: PathBuf, what: String, limit: String },
    #[error("the image archive {path} was changed while it was in use; start again when it is complete")]
    Changed { path: PathBuf },
}

impl ArchiveError {
    pub(super) fn unreadable(path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::NotFound {
            return Self::NotFound { path: path.to_owned() };
        }
        Self::Unreadable { path: path.to_owned(), source }
    }
}
