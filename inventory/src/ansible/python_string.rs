//! Python's string literals with their escapes. Part of `literal_eval`.

/// What literals say that stand behind each other.
#[derive(Debug, Default)]
pub(super) struct PythonText {
    /// UTF-8, unless it is a literal of bytes.
    pub(super) bytes: Vec<u8>,
    /// Why a part of it cannot be had here.
    pub(super) refused: Option<&'static str>,
}

/// Reads one literal that begins with its quotation mark and appends what it says. `None` when it is not valid.
pub(super) fn read(rest: &mut &str, raw: bool, bytes: bool, into: &mut PythonText) -> Option<()> {
    let quote = rest.chars().next()?;
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    let close = if rest.starts_with(&triple) { triple } else { quote.to_string() };
    let mut text = &rest[close.len()..];
    loop {
        if let Some(after) = text.strip_prefix(close.as_str()) {
            *rest = after;
            return Some(());
        }
        let c = next(&mut text, bytes)?;
        if matches!(c, '\n' | '\r') && close.len() == 1 {
            return None;
        }
        if c != '\\' {
            into.push(c);
            continue;
        }
        let escaped = next(&mut text, bytes)?;
        if raw {
            into.push('\\');
            into.push(escaped);
        } else {
            escape(escaped, &mut text, bytes, into)?;
        }
    }
}

/// The next character, which must be ASCII in a literal of bytes.
fn next(text: &mut &str, bytes: bool) -> Option<char> {
    let c = text.chars().next().filter(|c| !bytes || c.is_ascii())?;
    *text = &text[c.len_utf8()..];
    Some(c)
}

impl PythonText {
    fn push(&mut self, c: char) {
        self.bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn push_code(&mut self, code: u32, bytes: bool) -> Option<()> {
        if bytes {
            // Python keeps the lower eight bits of an octal escape.
            self.bytes.push(code.to_le_bytes()[0]);
        } else if (0xd800..0xe000).contains(&code) {
            self.refused = Some("it holds half of a surrogate pair, which is no text");
        } else {
            self.push(char::from_u32(code)?);
        }
        Some(())
    }
}

fn escape(escaped: char, text: &mut &str, bytes: bool, into: &mut PythonText) -> Option<()> {
    let simple = match escaped {
        '\n' => return Some(()),
        '\\' | '\'' | '"' => escaped,
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '0'..='7' => {
            let more = text.bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
            let digits = format!("{escaped}{}", &text[..more]);
            *text = &text[more..];
            return into.push_code(u32::from_str_radix(&digits, 8).ok()?, bytes);
        }
        'x' => return into.push_code(code(text, 2)?, bytes),
        'u' if !bytes => return into.push_code(code(text, 4)?, bytes),
        'U' if !bytes => return into.push_code(code(text, 8)?, bytes),
        // A character by its Unicode name: no table for that here.
        'N' if !bytes => {
            let (_, after) = text.strip_prefix('{')?.split_once('}')?;
            *text = after;
            into.refused = Some("it names a character (`\\N{…}`); write the character itself");
            return Some(());
        }
        other => {
            into.push('\\');
            other
        }
    };
    into.push(simple);
    Some(())
}

fn code(text: &mut &str, digits: usize) -> Option<u32> {
    let number = text.get(..digits).filter(|number| number.bytes().all(|b| b.is_ascii_hexdigit()))?;
    *text = &text[digits..];
    u32::from_str_radix(number, 16).ok()
}
