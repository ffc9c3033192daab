//! The options file with which MySQL's command line programs log in to the MetaDB: never in arguments or environment.

use omsctl_inventory::MetaDbLogin;
use omsctl_proto::{Secret, SecretName};

use crate::plan::refusal::Refusal;

/// The name under which it travels.
pub(in crate::plan) fn login() -> Result<SecretName, Refusal> {
    SecretName::new("metadb-client").map_err(|invalid| Refusal::Rule { rule: invalid.to_string() })
}

/// `[client]` with host, port, user and password (MySQL manual, "Using Option Files").
pub(in crate::plan) fn client_options(meta: &MetaDbLogin) -> Secret {
    let MetaDbLogin { host, port, user, password } = meta;
    Secret::new(format!(
        "[client]\nprotocol=tcp\nhost={}\nport={port}\nuser={}\npassword={}\n",
        quoted(host),
        quoted(user),
        quoted(password.expose())
    ))
}

/// In double quotes a `#` begins no comment; a backslash before a quote or a backslash stands for that.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_were_whatever_they_hold() {
        let meta = MetaDbLogin {
            host: "10.0.0.9".to_owned(),
            port: 2883,
            user: "root@oms#obcluster".to_owned(),
            password: Secret::new("a\"b\\c'd #e"),
        };
        assert_eq!(
            client_options(&meta).expose(),
            "[client]\nprotocol=tcp\nhost=\"10.0.0.9\"\nport=2883\nuser=\"root@oms#obcluster\"\n\
             password=\"a\\\"b\\\\c'd #e\"\n"
        );
    }
}
