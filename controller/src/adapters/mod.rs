//! The outside world, one thing each. Named only by `app`.

pub mod agent_binary;
pub mod background;
pub mod connect_error;
pub mod hosts;
pub mod image_archive;
mod launch;
pub mod local;
pub mod mysql_metadb;
pub mod password_file;
pub mod resolver;
pub mod signals;
pub mod sql_store;
pub mod ssh;
pub mod system_clock;
pub mod vault_password;

#[cfg(test)]
mod test_server;
