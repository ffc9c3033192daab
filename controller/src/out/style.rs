//! How text may look on one stream: colour and glyphs, decided by the terminal and the environment.

/// How text may look on one stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    pub colour: bool,
    /// Glyphs beyond ASCII: only on a terminal with a UTF-8 locale.
    pub unicode: bool,
}

/// The colours that carry a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Good,
    Bad,
    Warning,
    Strong,
    Faint,
}

impl Style {
    /// Without colour and glyphs: pipes, files, tests.
    pub const PLAIN: Self = Self { colour: false, unicode: false };

    /// The text with its colour around it, or as it is.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Good => "32",
            Paint::Bad => "31",
            Paint::Warning => "33",
            Paint::Strong => "1",
            Paint::Faint => "2",
        };
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The environment variables that decide about colour and glyphs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    pub no_color: Option<String>,
    pub clicolor_force: Option<String>,
    pub term: Option<String>,
    /// The first that is set of `LC_ALL`, `LC_CTYPE`, `LANG`.
    pub locale: Option<String>,
}

impl Environment {
    pub(super) fn read() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            no_color: text("NO_COLOR"),
            clicolor_force: text("CLICOLOR_FORCE"),
            term: text("TERM"),
            locale: text("LC_ALL").or_else(|| text("LC_CTYPE")).or_else(|| text("LANG")),
        }
    }

    /// What a stream may look like that is a terminal or is not.
    pub fn style(&self, terminal: bool) -> Style {
        let dumb = self.term.as_deref().is_none_or(|term| term == "dumb");
        let forced = self.clicolor_force.as_deref().is_some_and(|value| value != "0");
        let locale = self.locale.as_deref().unwrap_or_default().to_ascii_lowercase();
        Style {
            colour: self.no_color.is_none() && (forced || (terminal && !dumb)),
            unicode: terminal && !dumb && (locale.contains("utf-8") || locale.contains("utf8")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let get =
            |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Environment {
            no_color: get("NO_COLOR"),
            clicolor_force: get("CLICOLOR_FORCE"),
            term: get("TERM"),
            locale: get("LANG"),
        }
    }

    #[test]
    fn colour_and_glyphs_follow_the_terminal_and_the_environment() {
        let xterm = ("TERM", "xterm");
        let utf8 = ("LANG", "en_US.UTF-8");
        for (pairs, terminal, colour, unicode) in [
            (vec![xterm, utf8], true, true, true),
            (vec![xterm, utf8], false, false, false),
            (vec![xterm, ("LANG", "C")], true, true, false),
            (vec![xterm, utf8, ("NO_COLOR", "1")], true, false, true),
            (vec![("TERM", "dumb"), utf8], true, false, false),
            (vec![utf8], true, false, false),
            (vec![("CLICOLOR_FORCE", "1")], false, true, false),
            (vec![("CLICOLOR_FORCE", "0")], false, false, false),
            (vec![("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true, false, false),
        ] {
            let style = environment(&pairs).style(terminal);
            assert_eq!(style, Style { colour, unicode }, "{pairs:?} terminal={terminal}");
        }
    }

    #[test]
    fn paint_is_there_only_when_colour_is() {
        let colourful = Style { colour: true, unicode: false };
        assert_eq!(colourful.paint(Paint::Bad, "no"), "\x1b[31mno\x1b[0m");
        assert_eq!(colourful.paint(Paint::Bad, ""), "");
        assert_eq!(Style::PLAIN.paint(Paint::Bad, "no"), "no");
    }
}
