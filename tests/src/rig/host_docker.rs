//! Which Docker the hosts of a rig have: that of a Debian release, with one of Docker's two stores for images.

/// Docker on every host of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostDocker {
    /// Docker 20.10 of Debian 12.
    #[default]
    Debian12,
    /// Docker 26.1 of Debian 13, images in its own store.
    Debian13,
    /// The same, images in containerd's store.
    Debian13Containerd,
}

impl HostDocker {
    pub(super) fn suite(self) -> &'static str {
        match self {
            Self::Debian12 => "bookworm",
            Self::Debian13 | Self::Debian13Containerd => "trixie",
        }
    }

    /// Beyond those that every host has. Since Debian 13 the command is a package of its own.
    pub(super) fn packages(self) -> &'static str {
        match self {
            Self::Debian12 => "",
            Self::Debian13 | Self::Debian13Containerd => ",docker-cli",
        }
    }

    /// `/etc/docker/daemon.json`.
    pub(super) fn configuration(self) -> &'static str {
        match self {
            Self::Debian12 | Self::Debian13 => "{}",
            Self::Debian13Containerd => r#"{"features":{"containerd-snapshotter":true}}"#,
        }
    }
}
