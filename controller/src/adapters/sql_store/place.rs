//! Where the history is kept, from `--state` and the environment. Reads no file and contacts nobody.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use sqlx::mysql::MySqlConnectOptions;

/// Names the file that holds the password of a `mysql://` state store.
pub(super) const PASSWORD_FILE_VARIABLE: &str = "OMSCTL_STATE_PASSWORD_FILE";

/// The settings that may follow `?` in a `mysql://` address; everything else would be ignored in silence.
const SETTINGS: [&str; 4] = ["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key"];

/// A parsed `--state`, or the default.
#[derive(Debug, Clone)]
pub enum StatePlace {
    /// A SQLite file.
    File(PathBuf),
    /// A MySQL-protocol server.
    Server(ServerPlace),
}

/// A server and who logs in; the password stays in its file until it is needed.
#[derive(Debug, Clone)]
pub struct ServerPlace {
    pub(super) options: Box<MySqlConnectOptions>,
    pub(super) password_file: Option<PathBuf>,
    database: String,
}

/// Why `--state` cannot be used. All of them are usage errors: nothing was contacted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    #[error(
        "--state holds a password ({shown}); it would be seen in the process list and in the shell's history. \
         Leave it out and name a file that holds it in {PASSWORD_FILE_VARIABLE}"
    )]
    PasswordInUrl { shown: String },
    #[error(
        "--state {text} is not understood: {reason}. Use mysql://USER@HOST:PORT/DATABASE, sqlite:PATH or PATH"
    )]
    NotUnderstood { text: String, reason: String },
    #[error(
        "no place for the history: neither XDG_STATE_HOME nor HOME is an absolute path. Name one with --state"
    )]
    NoHome,
}

impl StatePlace {
    /// The place that `--state` names, else `omsctl/state.db` in the user's state folder.
    ///
    /// `variable` looks up the environment.
    pub fn choose(
        option: Option<&str>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, PlaceError> {
        let Some(text) = option else {
            let folder = state_folder(variable).ok_or(PlaceError::NoHome)?;
            return Ok(Self::File(folder.join("state.db")));
        };
        if let Some(rest) = text.strip_prefix("mysql://") {
            let password_file = variable(PASSWORD_FILE_VARIABLE).map(PathBuf::from);
            return server(text, rest, password_file).map(Self::Server);
        }
        let path = match text.strip_prefix("sqlite:") {
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None => text,
        };
        if path.is_empty() {
            return Err(not_understood(text, "the path is empty"));
        }
        if path.contains("://") {
            let scheme = path.split("://").next().unwrap_or_default();
            return Err(PlaceError::NotUnderstood {
                text: format!("{scheme}://…"),
                reason: "no such kind of store".to_owned(),
            });
        }
        Ok(Self::File(PathBuf::from(path)))
    }
}

impl ServerPlace {
    /// `host:port`.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.options.get_host(), self.options.get_port())
    }

    pub(super) fn user(&self) -> &str {
        self.options.get_username()
    }
}

impl fmt::Display for StatePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Server(server) => {
                write!(formatter, "mysql://{}@{}/{}", server.user(), server.address(), server.database)
            }
        }
    }
}

/// `omsctl` in the user's state folder, whatever `--state` says: other things are remembered there too. `None` when
/// the environment names no absolute path.
pub fn state_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|folder| folder.join("omsctl"))
}

fn server(text: &str, rest: &str, password_file: Option<PathBuf>) -> Result<ServerPlace, PlaceError> {
    // Up to the last '@', wherever it is: a password with a slash in it must be refused as one, and never be shown.
    let (user, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    if let Some((name, _)) = user.split_once(':') {
        let shown = format!("mysql://{name}:***@{place}");
        return Err(PlaceError::PasswordInUrl { shown });
    }
    if user.is_empty() {
        return Err(not_understood(text, "it names no user"));
    }
    let query = place.split_once('?').map_or("", |(_, query)| query);
    let names =
        query.split('&').filter_map(|setting| setting.split('=').next()).filter(|name| !name.is_empty());
    for name in names {
        if !SETTINGS.contains(&name) {
            let known = SETTINGS.join(", ");
            return Err(not_understood(text, &format!("no setting is called {name}; there are {known}")));
        }
    }
    let options: MySqlConnectOptions =
        text.parse().map_err(|error: sqlx::Error| not_understood(text, &error.to_string()))?;
    let Some(database) = options.get_database().filter(|name| !name.contains('/')).map(str::to_owned) else {
        return Err(not_understood(text, "it names no database"));
    };
    Ok(ServerPlace { options: Box::new(options), password_file, database })
}

fn not_understood(text: &str, reason: &str) -> PlaceError {
    PlaceError::NotUnderstood { text: text.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
    }

    #[test]
    fn the_default_follows_the_state_folder_of_the_user() {
        let check = |pairs, expected: &str| {
            assert_eq!(StatePlace::choose(None, environment(pairs)).unwrap().to_string(), expected);
        };
        check(&[("HOME", "/home/ann")], "/home/ann/.local/state/omsctl/state.db");
        check(&[("HOME", "/home/ann"), ("XDG_STATE_HOME", "/s")], "/s/omsctl/state.db");
        // The XDG specification: a relative path is to be ignored.
        check(&[("HOME", "/home/ann"), ("XDG_STATE_HOME", "s")], "/home/ann/.local/state/omsctl/state.db");
        assert_eq!(StatePlace::choose(None, environment(&[])).unwrap_err(), PlaceError::NoHome);
    }

    #[test]
    fn state_is_a_path_or_an_address() {
        let check = |text, expected: &str| {
            assert_eq!(StatePlace::choose(Some(text), environment(&[])).unwrap().to_string(), expected);
        };
        check("history.db", "history.db");
        check("sqlite:/var/x.db", "/var/x.db");
        check("sqlite:///var/x.db", "/var/x.db");
        check("mysql://ops@db.example/omsctl", "mysql://ops@db.example:3306/omsctl");
        check("mysql://ops%40tenant@10.0.0.7:2881/o?ssl-mode=required", "mysql://ops@tenant@10.0.0.7:2881/o");
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        for text in [
            "mysql://ops:canary@db/omsctl",
            "mysql://ops:can/ary@db/omsctl",
            "mysql://ops:can@ary#@db/omsctl",
            "mysql://ops:@db/omsctl",
        ] {
            let error = StatePlace::choose(Some(text), environment(&[])).unwrap_err();
            assert_eq!(error, PlaceError::PasswordInUrl { shown: "mysql://ops:***@db/omsctl".to_owned() });
            assert!(error.to_string().contains(PASSWORD_FILE_VARIABLE));
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "the path is empty"),
            ("sqlite:", "the path is empty"),
            ("postgres://ops:canary@db/x", "no such kind of store"),
            ("mysql://db/omsctl", "names no user"),
            ("mysql://ops@db", "names no database"),
            ("mysql://ops@db:port/omsctl", "invalid port number"),
            ("mysql://ops@db/omsctl?password=x", "no setting is called password"),
        ] {
            let message = StatePlace::choose(Some(text), environment(&[])).unwrap_err().to_string();
            assert!(message.contains(reason), "{text}: {message}");
            assert!(!message.contains("canary"), "{message}");
        }
    }
}
