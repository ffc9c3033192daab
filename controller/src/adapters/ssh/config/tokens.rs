//! The `%` tokens and `${VARIABLES}` in values.

use super::{ConfigError, LocalUser};

/// What the tokens stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens<'a> {
    /// `%h`: the host name that is connected to.
    pub host: &'a str,
    /// `%n`: as the operator wrote it.
    pub original: &'a str,
    /// `%p`.
    pub port: u16,
    /// `%r`: the user over there.
    pub remote_user: &'a str,
    /// `%u`, `%i`, `%d`.
    pub local: &'a LocalUser,
}

impl Tokens<'_> {
    /// Replaces the tokens; one that is not known is an error that names it.
    pub(super) fn expand(&self, text: &str, place: &str) -> Result<String, ConfigError> {
        let error = |reason: String| ConfigError { place: place.to_owned(), reason };
        let mut expanded = String::with_capacity(text.len());
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            if character == '$' && characters.peek() == Some(&'{') {
                let variable: String = characters.by_ref().skip(1).take_while(|c| *c != '}').collect();
                let value =
                    std::env::var(&variable).map_err(|_| error(format!("${{{variable}}} is not set")))?;
                expanded.push_str(&value);
            } else if character == '%' {
                match characters.next() {
                    Some('%') => expanded.push('%'),
                    Some('h') => expanded.push_str(self.host),
                    Some('n') => expanded.push_str(self.original),
                    Some('k') => expanded.push_str(self.host),
                    Some('p') => expanded.push_str(&self.port.to_string()),
                    Some('r') => expanded.push_str(self.remote_user),
                    Some('u') => expanded.push_str(&self.local.name),
                    Some('i') => expanded.push_str(&self.local.uid.to_string()),
                    Some('d') => expanded.push_str(&self.local.home.to_string_lossy()),
                    Some(other) => return Err(error(format!("omsctl does not know %{other} in {text:?}"))),
                    None => return Err(error(format!("{text:?} ends with a single %"))),
                }
            } else {
                expanded.push(character);
            }
        }
        Ok(expanded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_replaced_and_unknown_ones_named() {
        let local = LocalUser { name: "ann".to_owned(), uid: 7, home: "/home/ann".into() };
        let tokens =
            Tokens { host: "10.0.0.1", original: "n1", port: 2222, remote_user: "root", local: &local };
        assert_eq!(
            tokens.expand("%d/%n-%h-%p-%r-%u-%i-%%", "f:1").unwrap(),
            "/home/ann/n1-10.0.0.1-2222-root-ann-7-%"
        );
        assert_eq!(
            tokens.expand("%Z", "f:1").unwrap_err().to_string(),
            "f:1: omsctl does not know %Z in \"%Z\""
        );
        assert!(tokens.expand("${OMSCTL_NO_SUCH_VARIABLE}", "f:1").is_err());
    }
}
