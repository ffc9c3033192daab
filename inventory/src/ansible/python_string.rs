//! Python's string literals with their escapes. Part of `literal_eval`.

/// Reads one literal that begins with its quotation mark and appends what it says. `None` when it is not valid.
pub(super) fn read(rest: &mut &str, raw: bool, bytes: bool, into: &mut String) -> Option<()> {
    let quote = rest.chars().next()?;
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    let close = if rest.starts_with(&triple) { triple } else { quote.to_string() };
    let mut text = &rest[close.len()..];
    loop {
        if let Some(after) = text.strip_prefix(close.as_str()) {
            *rest = after;
            return Some(());
        }
        let c = text.chars().next()?;
        if (bytes && !c.is_ascii()) || (matches!(c, '\n' | '\r') && close.len() == 1) {
            return None;
        }
        text = &text[c.len_utf8()..];
        if c != '\\' {
            into.push(c);
            continue;
        }
        let escaped = text.chars().next()?;
        text = &text[escaped.len_utf8()..];
        if raw {
            into.push('\\');
            into.push(escaped);
        } else {
            escape(escaped, &mut text, bytes, into)?;
        }
    }
}

fn escape(escaped: char, text: &mut &str, bytes: bool, into: &mut String) -> Option<()> {
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
            char::from_u32(u32::from_str_radix(&digits, 8).ok()?)?
        }
        'x' => code_point(text, 2)?,
        'u' if !bytes => code_point(text, 4)?,
        'U' if !bytes => code_point(text, 8)?,
        // A character by its Unicode name: no table for that here, so the value stays as typed.
        'N' if !bytes => return None,
        other => {
            into.push('\\');
            other
        }
    };
    into.push(simple);
    Some(())
}

fn code_point(text: &mut &str, digits: usize) -> Option<char> {
    let number = text.get(..digits).filter(|number| number.bytes().all(|b| b.is_ascii_hexdigit()))?;
    *text = &text[digits..];
    char::from_u32(u32::from_str_radix(number, 16).ok()?)
}
