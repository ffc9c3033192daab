//! Another password for the account that is logged in. The one place where a secret is part of SQL: no server takes it as a
//! value apart, and what the server answers may repeat it.

use std::time::Duration;

use omsctl_proto::Secret;
use sqlx::MySqlConnection;
use zeroize::Zeroizing;

use super::questions::Questions;
use crate::ports::{MetaDbError, MetaDbTarget};

/// From where on MySQL has a statement for the own account, whatever its plugin.
const MYSQL_ALTERS: (u64, u64, u64) = (5, 7, 6);

/// OceanBase's words when somebody else changes accounts or tables at the same moment.
const BUSY: &str = "Try again";
const AGAIN: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(3)];

/// Needs no privilege on any of them: it is the own account's.
pub(super) async fn set(
    connection: &mut MySqlConnection,
    target: &MetaDbTarget,
    password: &Secret,
) -> Result<u64, MetaDbError> {
    let mut questions = Questions { connection, target };
    let answers = questions.ask("SELECT VERSION(), @@SESSION.sql_mode".to_owned()).await?;
    let text = |column| answers.first().and_then(|row| row.text(column)).unwrap_or_default();
    let (version, mode) = (text(0), text(1));
    let mut again = AGAIN.into_iter();
    loop {
        let changed = questions.change_secretly(statement(&version, &mode, password), password).await;
        let busy = matches!(&changed, Err(MetaDbError::Question { reason, .. }) if reason == BUSY);
        match again.next().filter(|_| busy) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return changed,
        }
    }
}

/// In the words of the server that says this of itself.
fn statement(version: &str, mode: &str, password: &Secret) -> Zeroizing<String> {
    let literal = literal(password.expose(), mode.contains("NO_BACKSLASH_ESCAPES"));
    let literal = literal.as_str();
    Zeroizing::new(if alters(version) {
        format!("ALTER USER USER() IDENTIFIED BY {literal}")
    } else {
        format!("SET PASSWORD = PASSWORD({literal})")
    })
}

/// MySQL 8.0 lacks `PASSWORD()`; MariaDB and OceanBase, which call themselves 5.7 too, lack the other form.
fn alters(version: &str) -> bool {
    let name = version.to_ascii_lowercase();
    let mut numbers =
        version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    !name.contains("mariadb") && !name.contains("oceanbase") && (next(), next(), next()) >= MYSQL_ALTERS
}

/// A string of SQL. The connection's character set is UTF-8, in which no byte of a longer character is a quotation mark.
fn literal(text: &str, backslash_is_plain: bool) -> Zeroizing<String> {
    let mut quoted = Zeroizing::new(String::with_capacity(2 * text.len() + 2));
    quoted.push('\'');
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str("''"),
            '\\' if !backslash_is_plain => quoted.push_str(r"\\"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    const HARD: &str = r#"a'b\c"d#e-- ` ; é"#;

    #[test]
    fn each_server_is_spoken_to_in_its_own_words() {
        let check = |version: &str, expected: &str| {
            assert_eq!(statement(version, "", &Secret::new("x")).as_str(), expected, "{version}");
        };
        for version in ["5.7.44-log", "8.0.36", "8.4.0", "5.7.6"] {
            check(version, "ALTER USER USER() IDENTIFIED BY 'x'");
        }
        for version in [
            "5.7.5",
            "5.6.51",
            "10.11.6-MariaDB-0+deb12u1",
            "5.5.5-10.6.1-MariaDB",
            "5.7.25-OceanBase-v4.3.5.0",
        ] {
            check(version, "SET PASSWORD = PASSWORD('x')");
        }
    }

    #[test]
    fn a_password_stays_a_text() {
        assert_eq!(literal(HARD, false).as_str(), r#"'a''b\\c"d#e-- ` ; é'"#);
        assert_eq!(literal(HARD, true).as_str(), r#"'a''b\c"d#e-- ` ; é'"#);
        assert_eq!(literal(r"\' OR 1", false).as_str(), r"'\\'' OR 1'");
    }
}
