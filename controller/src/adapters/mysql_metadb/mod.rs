//! The MetaDB through sqlx, over a byte stream that some host's agent has connected. Dials nobody.

mod backup;
mod change;
mod connection;
mod contents;
mod grants;
mod names;
mod password;
mod questions;
mod reader;

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::ports::{
    ByteStream, DatabaseContent, MetaDb, MetaDbChange, MetaDbError, MetaDbFacts, MetaDbNames, MetaDbTarget,
    TableRows,
};

/// Any MySQL-protocol database: MySQL, MariaDB, a MySQL tenant of OceanBase.
#[derive(Debug, Clone, Copy, Default)]
pub struct MySqlMetaDb;

impl MetaDb for MySqlMetaDb {
    fn log_in<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
    ) -> BoxFuture<'a, Result<(), MetaDbError>> {
        connection::with(stream, target, async |_| Ok(())).boxed()
    }

    fn read<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
        names: &'a MetaDbNames,
    ) -> BoxFuture<'a, Result<MetaDbFacts, MetaDbError>> {
        connection::with(stream, target, async |connection| reader::read(connection, target, names).await)
            .boxed()
    }

    fn contents<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
        names: &'a MetaDbNames,
    ) -> BoxFuture<'a, Result<BTreeMap<String, DatabaseContent>, MetaDbError>> {
        connection::with(stream, target, async |connection| contents::read(connection, target, names).await)
            .boxed()
    }

    fn backup<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
        names: &'a MetaDbNames,
    ) -> BoxFuture<'a, Result<Vec<TableRows>, MetaDbError>> {
        connection::with(stream, target, async |connection| backup::read(connection, target, names).await)
            .boxed()
    }

    fn change<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
        names: &'a MetaDbNames,
        change: &'a MetaDbChange,
    ) -> BoxFuture<'a, Result<u64, MetaDbError>> {
        connection::with(stream, target, async |connection| {
            change::change(connection, target, names, change).await
        })
        .boxed()
    }
}

#[cfg(test)]
mod tests;
