//! The outside world, one thing each. Named only by `app`.

pub mod image_archive;
pub mod mysql_metadb;
pub mod sql_store;

#[cfg(test)]
mod test_server;
