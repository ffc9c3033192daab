//! Names from the configuration as parts of SQL. The only place where SQL is put together.

/// `` `database`.`table` ``, with every backtick in it doubled: whatever the name holds, it stays a name.
pub(super) fn table(database: &str, table: &str) -> String {
    format!("{}.{}", quoted(database), quoted(table))
}

/// `` `name` ``, as [`table`] writes it.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_a_name() {
        assert_eq!(table("drc_cm_db", "host"), "`drc_cm_db`.`host`");
        assert_eq!(table("a`; DROP DATABASE x; -- ", "host"), "`a``; DROP DATABASE x; -- `.`host`");
    }
}
