//! The outside world, one thing each. Named only by `app`.

pub mod image_archive;
pub mod mysql_metadb;
pub mod sql_store;

pub mod agent_binary;
pub mod connect_error;
pub mod hosts;
mod launch;
pub mod local;
pub mod resolver;
pub mod ssh;
#[cfg(test)]
mod test_server;
