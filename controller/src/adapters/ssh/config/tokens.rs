//! The `%` tokens and `${VARIABLES}` in values.

use sha1::{Digest as _, Sha1};

use super::LocalUser;

/// What the tokens stand for.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    /// `%h`: the host that is connected to.
    pub host: String,
    /// `%n`: as the operator wrote it.
    pub original: &'a str,
    /// `%k`: under which the host's key is known.
    pub known_as: String,
    /// `%p`.
    pub port: u16,
    /// `%r`: the user over there.
    pub user: String,
    /// `%j`: the jump before it, as OpenSSH has it from 9.6 on; a part of `%C` there.
    pub jump: String,
    /// `%u`, `%i`, `%d`, `%l`, `%L`.
    pub local: &'a LocalUser,
}

impl Tokens<'_> {
    /// Replaces the tokens that stand in most values.
    pub(super) fn expand(&self, text: &str) -> Result<String, String> {
        expand(text, |token| self.value(token))
    }

    /// As [`Self::expand`], and `${VARIABLES}`.
    pub(super) fn expand_all(&self, text: &str) -> Result<String, String> {
        // One pass over both: what a variable brings is not read again.
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, _)) = rest.split_once("${") {
            let variable_end =
                rest[before.len()..].find('}').map_or(rest.len(), |end| before.len() + end + 1);
            // A '%' directly before it takes the '$' as its token, which there is none of.
            expanded.push_str(&self.expand(before)?);
            expanded.push_str(&self.local.expand_variables(&rest[before.len()..variable_end])?);
            rest = &rest[variable_end..];
        }
        expanded.push_str(&self.expand(rest)?);
        Ok(expanded)
    }

    /// Replaces what may stand in a `ProxyCommand`.
    pub(super) fn expand_proxy(&self, text: &str) -> Result<String, String> {
        expand(text, |token| if "hknpr".contains(token) { self.value(token) } else { None })
    }

    /// Replaces what may stand in a file of `RevokedHostKeys` and alike: `~` first.
    pub(super) fn path(&self, text: &str) -> Result<String, String> {
        self.expand_all(&self.local.expand_tilde(text)?)
    }

    fn value(&self, token: char) -> Option<String> {
        Some(match token {
            'C' => self.connection(),
            'L' => self.local.short_machine().to_owned(),
            'd' => self.local.home.to_string_lossy().into_owned(),
            'h' => self.host.clone(),
            'i' => self.local.uid.to_string(),
            'j' => self.jump.clone(),
            'k' => self.known_as.clone(),
            'l' => self.local.machine.clone(),
            'n' => self.original.to_owned(),
            'p' => self.port.to_string(),
            'r' => self.user.clone(),
            'u' => self.local.name.clone(),
            _ => return None,
        })
    }

    /// `%C`: the SHA-1 of `%l%h%p%r%j`.
    fn connection(&self) -> String {
        let text = format!("{}{}{}{}{}", self.local.machine, self.host, self.port, self.user, self.jump);
        Sha1::digest(text).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    }
}

/// Replaces `%h` in a `HostName`.
pub(super) fn expand_host(text: &str, host: &str) -> Result<String, String> {
    expand(text, |token| (token == 'h').then(|| host.to_owned()))
}

fn expand(text: &str, value: impl Fn(char) -> Option<String>) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            expanded.push(character);
            continue;
        }
        match characters.next() {
            Some('%') => expanded.push('%'),
            Some(token) => expanded
                .push_str(&value(token).ok_or_else(|| format!("%{token} stands for nothing in {text:?}"))?),
            None => return Err(format!("{text:?} ends with a single %")),
        }
    }
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_replaced_and_unknown_ones_named() {
        let mut local = LocalUser::for_tests("/home/ann");
        local.environment.0.insert("A".to_owned(), "%h".to_owned());
        let tokens = Tokens {
            host: "10.0.0.1".to_owned(),
            original: "n1",
            known_as: "alias".to_owned(),
            port: 2222,
            user: "root".to_owned(),
            jump: String::new(),
            local: &local,
        };
        let check = |text: &str, expected: &str| {
            assert_eq!(tokens.expand_all(text).as_deref(), Ok(expected), "{text}");
        };
        check(
            "%d/%n-%h-%k-%p-%r-%u-%i-%l-%L-%%",
            "/home/ann/n1-10.0.0.1-alias-2222-root-ann-1000-bastion.example-bastion-%",
        );
        check("${A}%n${A}", "%hn1%h");
        // printf bastion.example10.0.0.12222root | sha1sum
        assert_eq!(tokens.expand("%C").map(|hash| hash.len()), Ok(40));
        assert_eq!(tokens.expand("%Z").unwrap_err(), "%Z stands for nothing in \"%Z\"");
        assert!(tokens.expand_all("%${A}").is_err() && tokens.expand_all("x%").is_err());
        assert!(tokens.expand_proxy("%u").is_err() && expand_host("%n", "h").is_err());
        assert_eq!(expand_host("%h.net", "h").as_deref(), Ok("h.net"));
    }
}
