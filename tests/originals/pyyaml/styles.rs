//! Any text, in every style of YAML that keeps it.

use std::fmt::Write as _;

use serde_json::json;

use crate::keys::Written;
use crate::maker::Maker;
use crate::scalars::surprise;

/// What texts are made of.
const PARTS: &[&str] = &[
    "oms",
    "0",
    "123",
    " ",
    "  ",
    "'",
    "\"",
    "\\",
    "#",
    " #",
    ": ",
    ":",
    "- ",
    "&",
    "%",
    "@",
    "`",
    "!",
    "|",
    ">",
    "{",
    "}",
    "[",
    "]",
    ",",
    "?",
    "~",
    "江",
    "ä",
    "😀",
    "\u{a0}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\t",
    "\n",
    "\r",
    "\u{1}",
    "\u{7f}",
    "\u{fffe}",
    "$",
    "*",
    "\\n",
    "true",
    "=",
    "<<",
    "\u{200b}",
    "\u{e000}",
    "\u{10ffff}",
];

/// Any text that an operator may have as a password or as a name.
pub(crate) fn text(make: &mut Maker<'_>, key: &'static str) -> Written {
    if make.once_in(4) {
        let value = surprise(make);
        // `1.5:30 ` would lose its blank.
        let value = value.trim_end().to_owned();
        if make.once_in(3) {
            return Written { key, text: styled(make, &value), meant: json!({ "text": value }) };
        }
        make.count("surprise as it was typed");
        return Written { key, text: value.clone(), meant: json!({ "text": value }) };
    }
    if make.once_in(8) {
        let word = make.pick(&[
            "yes",
            "no",
            "Off",
            "~",
            "null",
            "NULL",
            "true",
            "y",
            "none",
            "root@oms#obcluster",
            "p@ss#word",
        ]);
        make.count("surprise as it was typed");
        return Written { key, text: word.to_owned(), meant: json!({ "text": word }) };
    }
    let mut value = String::new();
    for _ in 0..=make.below(8) {
        value.push_str(make.pick(PARTS));
    }
    // An open place of a template, and a variable.
    let value = value.replace("****", "*").replace("${", "$ {");
    let angled = value.trim().starts_with('<') && value.trim().ends_with('>');
    let value = if angled || value.trim().bytes().all(|b| b == b'*') { "x".to_owned() } else { value };
    Written { key, text: styled(make, &value), meant: json!({ "text": value }) }
}

/// The value in a style that keeps it.
pub(crate) fn styled(make: &mut Maker<'_>, value: &str) -> String {
    let simple =
        value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '$' | ':'))
            && !value.ends_with(':')
            && !value.starts_with(['-', ':']);
    let printable =
        !value.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{feff}' | '\u{fffe}'));
    match make.below(5) {
        0 | 1 if simple => {
            make.count("plain");
            value.to_owned()
        }
        2 if printable => {
            make.count("single quotation marks");
            format!("'{}'", value.replace('\'', "''"))
        }
        3 if printable && !value.starts_with(' ') && !value.is_empty() => {
            make.count("block");
            format!("|-\n  {value}")
        }
        4 if simple => {
            make.count("tagged as text");
            format!("!!str {value}")
        }
        _ => {
            make.count("double quotation marks");
            double_quoted(make, value)
        }
    }
}

fn double_quoted(make: &mut Maker<'_>, value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        let code = u32::from(c);
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            ' '..='~' if !make.once_in(20) => text.push(c),
            c if c.is_alphanumeric() && make.once_in(2) => text.push(c),
            _ => {
                let _ = match code {
                    ..0x100 => write!(text, "\\x{code:02x}"),
                    0x100..0x1_0000 => write!(text, "\\u{code:04X}"),
                    0x1_0000.. => write!(text, "\\U{code:08x}"),
                };
            }
        }
    }
    text.push('"');
    text
}
