//! What a test must be able to replace: traits and plain data, nothing else.

mod background;
mod clock;
mod content;
mod interrupt;
mod metadb;
mod ssh_configuration;
mod state_store;
mod transport;

pub use background::{Asked, Background, BackgroundController};
pub use clock::Clock;
pub use content::{
    Archive, ArchiveIdentity, Content, ContentSource, ImageArchives, Parcel, ReadProgress, Section,
};
pub use interrupt::Interrupt;
pub use metadb::{
    ClusterRow, DatabaseContent, Grant, HeartbeatRow, HostRow, MetaDb, MetaDbChange, MetaDbError,
    MetaDbFacts, MetaDbNames, MetaDbTarget, SessionRow, TableRows, same_url,
};
pub use ssh_configuration::{NotHonoured, SshConfiguration, SshListing};
pub use state_store::{RunRecord, StateStore, StoreError};
pub use transport::{
    AgentCommand, Become, ByteStream, Connection, ConnectionDetails, HostTarget, Method, Transport,
};
