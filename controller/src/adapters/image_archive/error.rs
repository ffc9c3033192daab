//! Why an image archive is not used: what is wrong with it, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use omsctl_proto::{Digest, ErrorCode, ErrorReport};

/// Every message names the archive. None of these happens after a host was contacted, but for [`Self::Changed`].
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the image archive {path} does not exist")]
    NotFound { path: PathBuf },
    #[error("the image archive {path} cannot be read")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is no image archive: it is {looks_like}")]
    NotATar { path: PathBuf, looks_like: String },
    #[error("the image archive {path} is truncated {place}")]
    Truncated { path: PathBuf, place: String },
    #[error("the image archive {path} is damaged {place}")]
    Damaged {
        path: PathBuf,
        place: String,
        #[source]
        source: io::Error,
    },
    #[error(
        "{path} is a tar archive and no image archive: it has no manifest.json, no index.json and {looks_like}"
    )]
    NoManifest { path: PathBuf, looks_like: String },
    #[error("{file} of the image archive {path} is not understood: {reason}")]
    NotUnderstood { path: PathBuf, file: String, reason: String },
    #[error("the image archive {path} lacks {file}, which its manifest names")]
    Missing { path: PathBuf, file: String },
    #[error(
        "the image archive {path} is altered or damaged: {what} should have the SHA-256 {expected} and has {found}"
    )]
    DigestMismatch { path: PathBuf, what: String, expected: Digest, found: Digest },
    #[error("the image archive {path} holds several images: {references}")]
    SeveralImages { path: PathBuf, references: String },
    #[error("the image archive {path} is refused: its member {member} {why}")]
    Unsafe { path: PathBuf, member: String, why: &'static str },
    #[error("the image archive {path} is refused: {what} is above the limit of {limit}")]
    TooLarge { path: PathBuf, what: String, limit: String },
    #[error("the image archive {path} was changed while it was in use")]
    Changed { path: PathBuf },
}

impl ArchiveError {
    pub(super) fn unreadable(path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::NotFound {
            return Self::NotFound { path: path.to_owned() };
        }
        Self::Unreadable { path: path.to_owned(), source }
    }

    /// What to do now.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "oms_image_archive is a path on the machine that runs omsctl",
            Self::Unreadable { .. } => "give the user who runs omsctl the right to read it",
            Self::NotATar { .. } | Self::NoManifest { .. } | Self::Unsafe { .. } | Self::TooLarge { .. } => {
                "make an image archive with `docker save -o FILE IMAGE`; it may be compressed with gzip or zstd"
            }
            Self::Truncated { .. } | Self::Damaged { .. } | Self::DigestMismatch { .. } => {
                "copy it again and compare its checksum with that of the original"
            }
            Self::NotUnderstood { .. } | Self::Missing { .. } => {
                "make the archive again with `docker save -o FILE IMAGE`"
            }
            Self::SeveralImages { .. } => {
                "write the wanted image alone with `docker save -o FILE IMAGE`, or one platform of it with \
                 `skopeo copy --override-arch ARCHITECTURE oci-archive:FILE oci-archive:NEW_FILE`"
            }
            Self::Changed { .. } => "start again when the file is complete",
        }
    }

    /// For whoever shows it.
    pub fn report(&self) -> ErrorReport {
        ErrorReport::from_error(ErrorCode::Image, self).hint(self.hint())
    }
}
