//! A real MySQL-protocol server for the tests of this package, where `OMSCTL_TEST_MARIADB` names one: a URL like
//! `mysql://root@127.0.0.1:3306`, of an account without password that may create databases and users. Any kind will
//! do: MariaDB, MySQL, OceanBase.

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

pub(super) struct TestServer {
    /// Without a slash at its end.
    pub(super) url: String,
}

impl TestServer {
    pub(super) fn from_environment() -> Option<Self> {
        let Ok(url) = std::env::var("OMSCTL_TEST_MARIADB") else {
            println!("skipped: OMSCTL_TEST_MARIADB names no server");
            return None;
        };
        Some(Self { url: url.trim_end_matches('/').to_owned() })
    }

    /// `host:port`.
    pub(super) fn address(&self) -> &str {
        self.url.rsplit_once('@').map_or("", |(_, address)| address)
    }

    /// Runs any number of statements.
    pub(super) async fn run(&self, statements: &str) {
        // In the server's own time zone, as OMS writes.
        let options: MySqlConnectOptions = self.url.parse().unwrap();
        let mut connection = options.timezone(None).connect().await.unwrap();
        for statement in statements.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            let result = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await;
            result.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        connection.close().await.unwrap();
    }

    /// An empty database that no other test process uses.
    pub(super) async fn fresh_database(&self, name: &str) -> String {
        let name = format!("omsctl_test_{}_{name}", std::process::id());
        let quoted = name.replace('`', "``");
        self.run(&format!(
            "DROP DATABASE IF EXISTS `{quoted}`;\nCREATE DATABASE `{quoted}` CHARACTER SET utf8mb4"
        ))
        .await;
        name
    }

    pub(super) async fn drop_database(&self, name: &str) {
        self.run(&format!("DROP DATABASE `{}`", name.replace('`', "``"))).await;
    }
}
