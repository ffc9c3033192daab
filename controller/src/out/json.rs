//! JSON that is safe to print: what a terminal obeys beyond ASCII is escaped too, which JSON allows and its usual writer
//! leaves as it is.

use std::fmt::Write as _;

use serde::Serialize;

/// On one line, without its end.
pub fn json_line<T: Serialize>(item: &T) -> serde_json::Result<String> {
    serde_json::to_string(item).map(escaped)
}

/// Indented, for people.
pub(super) fn json_document<T: Serialize>(document: &T) -> serde_json::Result<String> {
    serde_json::to_string_pretty(document).map(escaped)
}

/// Such characters are only ever inside of strings.
fn escaped(json: String) -> String {
    let obeyed = |character: char| matches!(character, '\u{7f}'..='\u{9f}');
    if !json.contains(obeyed) {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + 64);
    for character in json.chars() {
        if obeyed(character) {
            // Writing to a string never fails.
            let _ = write!(safe, "\\u{:04x}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_reads_back() {
        let text = "a\u{1b}[2J\u{9b}2J\u{7f}\u{e9}\n";
        let json = json_line(&text).unwrap();
        assert_eq!(json, "\"a\\u001b[2J\\u009b2J\\u007f\u{e9}\\n\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        assert_eq!(json_document(&[text]).unwrap(), format!("[\n  {json}\n]"));
    }
}
