//! How the same setting may be written: case, separators, quotation marks, comments.

use fastrand::Rng;

/// One of them.
pub(crate) fn one_of<'a>(rng: &mut Rng, choices: &[&'a str]) -> &'a str {
    choices[rng.usize(..choices.len())]
}

/// `times` in 100.
pub(crate) fn often(rng: &mut Rng, times: u32) -> bool {
    rng.u32(..100) < times
}

/// A keyword in some case, and what may stand before and after it.
pub(crate) fn keyword(rng: &mut Rng, name: &str) -> String {
    let cased: String = match rng.u8(..4) {
        0 => name.to_ascii_lowercase(),
        1 => name.to_ascii_uppercase(),
        _ => name.to_owned(),
    };
    if often(rng, 3) {
        return format!("\"{cased}\" ");
    }
    let before = one_of(rng, &["", "", "", " ", "\t", "    ", "  \t "]);
    let separator = one_of(rng, &[" ", " ", " ", " ", "=", " = ", "\t", "   ", " =", "= "]);
    format!("{before}{cased}{separator}")
}

/// A word, now and then in quotation marks or with escapes; always when it needs them.
pub(crate) fn word(rng: &mut Rng, text: &str) -> String {
    let needs = text.is_empty() || text.contains([' ', '\t', '#']);
    let escaped = text.replace('\\', "\\\\");
    match rng.u8(..if needs { 2 } else { 12 }) {
        1 if !text.contains('\'') => format!("'{escaped}'"),
        0 | 1 => format!("\"{}\"", escaped.replace('"', "\\\"")),
        2 if text.len() > 2 && text.is_ascii() && !text.contains(['"', '\'', '\\']) => {
            let (before, after) = text.split_at(1 + rng.usize(..text.len() - 1));
            format!("{before}\"{after}\"")
        }
        _ => text.replace('"', "\\\"").replace('\'', "\\'"),
    }
}

/// What may stand at the end of a line.
pub(crate) fn ending(rng: &mut Rng) -> &'static str {
    match rng.u8(..16) {
        0 => " ",
        1 => " # comment",
        2 => "\t#",
        3 => "\r",
        4 => "  # it's \"nothing\"",
        5 => " \u{c}",
        _ => "",
    }
}

/// A line that says nothing.
pub(crate) fn nothing(rng: &mut Rng) -> &'static str {
    ["", "# comment", "   ", "\t# Host *", "#Port 1", "\r", " \u{c}"][rng.usize(..7)]
}
