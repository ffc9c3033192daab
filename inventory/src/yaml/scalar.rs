//! What a plain scalar is: for YAML 1.1 as PyYAML resolves it (Ansible and OMS read with it), for YAML 1.2 as
//! `serde_yaml` reads it. research/oms.md 2.3 lists the surprises.

use super::timestamp::parse_timestamp;

/// What a reader makes of a plain scalar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading {
    Null,
    Bool(bool),
    Int(i128),
    /// An integer beyond 128 bits; as typed.
    HugeInt,
    Float(f64),
    Timestamp,
    /// Of a number's form and without a digit (`0x_`): PyYAML gives up.
    NoNumber,
    Text,
}

impl Reading {
    /// For messages: what it is, without showing a text that may be a secret.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Null => "nothing (null)".to_owned(),
            Self::Bool(value) => format!("the boolean {value}"),
            Self::Int(value) => format!("the number {value}"),
            Self::HugeInt => "a number".to_owned(),
            Self::Float(value) => format!("the number {value}"),
            Self::Timestamp => "a date".to_owned(),
            Self::NoNumber => "a number without digits".to_owned(),
            Self::Text => "text".to_owned(),
        }
    }
}

/// PyYAML's implicit resolver, rule by rule in its order.
pub(crate) fn read_yaml_1_1(text: &str) -> Reading {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Reading::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Reading::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Reading::Bool(false);
        }
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Reading::Text;
    }
    if let Some(float) = float_1_1(text) {
        return Reading::Float(float);
    }
    if let Some(int) = int_1_1(text) {
        return int;
    }
    if parse_timestamp(text).is_some() { Reading::Timestamp } else { Reading::Text }
}

/// What a YAML 1.2 reader, the maintained `serde_yaml`, makes of the same plain scalar. Digits after a leading zero,
/// which that one leaves as text, are a decimal number in the core schema.
pub(crate) fn read_yaml_1_2(text: &str) -> Reading {
    // No scalar that is more than text is longer.
    if text.len() > 128 {
        return Reading::Text;
    }
    let (negative, digits) = split_sign(text);
    if digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
        return digits
            .parse::<i128>()
            .map_or(Reading::HugeInt, |value| Reading::Int(if negative { -value } else { value }));
    }
    match serde_yaml::from_str::<serde_yaml::Value>(text) {
        Ok(serde_yaml::Value::Null) => Reading::Null,
        Ok(serde_yaml::Value::Bool(value)) => Reading::Bool(value),
        Ok(serde_yaml::Value::Number(number)) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(int), ..) => Reading::Int(int.into()),
            (None, Some(int), _) => Reading::Int(int.into()),
            (None, None, Some(float)) => Reading::Float(float),
            (None, None, None) => Reading::Text,
        },
        _ => Reading::Text,
    }
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// The digits of an integer, read.
#[derive(Clone, Copy)]
enum Magnitude {
    Number(i128),
    Huge,
    /// Underscores alone.
    Nothing,
}

fn int_1_1(text: &str) -> Option<Reading> {
    let (negative, digits) = split_sign(text);
    let magnitude = if let Some(binary) = digits.strip_prefix("0b") {
        radix(binary, 2)
    } else if let Some(hexadecimal) = digits.strip_prefix("0x") {
        radix(hexadecimal, 16)
    } else if digits == "0" {
        Some(Magnitude::Number(0))
    } else if digits.starts_with('0') {
        radix(digits, 8)
    } else if digits.contains(':') {
        sexagesimal(digits)
    } else if digits.starts_with(|c: char| c.is_ascii_digit()) {
        radix(digits, 10)
    } else {
        None
    }?;
    Some(match magnitude {
        Magnitude::Number(value) if negative => Reading::Int(-value),
        Magnitude::Number(value) => Reading::Int(value),
        Magnitude::Huge => Reading::HugeInt,
        Magnitude::Nothing => Reading::NoNumber,
    })
}

/// `None`: not of this form.
fn radix(digits: &str, base: u32) -> Option<Magnitude> {
    if digits.is_empty() || !digits.chars().all(|c| c == '_' || c.is_digit(base)) {
        return None;
    }
    let digits: String = digits.chars().filter(|c| *c != '_').collect();
    if digits.is_empty() {
        return Some(Magnitude::Nothing);
    }
    Some(i128::from_str_radix(&digits, base).map_or(Magnitude::Huge, Magnitude::Number))
}

/// `12:30` is 750: base 60, as for times of day.
fn sexagesimal(digits: &str) -> Option<Magnitude> {
    let mut parts = digits.split(':');
    let first = parts.next()?;
    if !first.starts_with(|c: char| ('1'..='9').contains(&c)) {
        return None;
    }
    let mut total = match radix(first, 10)? {
        Magnitude::Number(value) => Some(value),
        Magnitude::Huge | Magnitude::Nothing => None,
    };
    for part in parts {
        let value: i128 = sixtieth(part)?.into();
        total = total.and_then(|total| total.checked_mul(60)).and_then(|total| total.checked_add(value));
    }
    Some(total.map_or(Magnitude::Huge, Magnitude::Number))
}

/// `[0-5]?[0-9]`.
fn sixtieth(part: &str) -> Option<u8> {
    let valid = match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [tens, digit] => (b'0'..=b'5').contains(tens) && digit.is_ascii_digit(),
        _ => false,
    };
    valid.then(|| part.parse().ok()).flatten()
}

/// What `!!float` makes of a text: the forms of a plain float, and those that Python's `float` takes besides.
pub(crate) fn float_of(text: &str) -> Option<f64> {
    let plain = || text.replace('_', "").parse().ok().filter(|_| text.is_ascii());
    float_1_1(&text.to_lowercase()).or_else(plain)
}

fn float_1_1(text: &str) -> Option<f64> {
    let (negative, body) = split_sign(text);
    let sign = if negative { -1.0 } else { 1.0 };
    match body {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if body.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(position) => (&body[..position], Some(&body[position + 1..])),
        None => (body, None),
    };
    let (whole, fraction) = mantissa.split_once('.')?;
    let digits = |text: &str| text.chars().all(|c| c == '_' || c.is_ascii_digit());
    if let Some(exponent) = exponent {
        // PyYAML wants the sign of an exponent: `1.5e3` is text.
        let number = exponent.strip_prefix(['-', '+'])?;
        if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
    }
    if whole.contains(':') {
        return if exponent.is_none() && digits(fraction) {
            sexagesimal_float(whole, fraction, sign)
        } else {
            None
        };
    }
    if !digits(whole) || !digits(fraction) || whole.starts_with('_') {
        return None;
    }
    // PyYAML takes `.5` and not `-.5`.
    if whole.is_empty() && (body.len() < text.len() || !fraction.starts_with(|c: char| c.is_ascii_digit())) {
        return None;
    }
    let plain: String = body.chars().filter(|c| *c != '_').collect();
    plain.parse::<f64>().ok().map(|value| sign * value)
}

fn sexagesimal_float(whole: &str, fraction: &str, sign: f64) -> Option<f64> {
    let mut parts = whole.split(':');
    let first = parts.next()?;
    if !first.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    // In PyYAML's order, from the last part to the first: the sum of floats depends on it.
    let mut values: Vec<f64> = vec![first.replace('_', "").parse().ok()?];
    for part in parts {
        values.push(f64::from(sixtieth(part)?));
    }
    let last = values.pop()?;
    let mut total: f64 = format!("{last}.{}", fraction.replace('_', "")).parse().ok()?;
    let mut base = 60.0;
    for value in values.iter().rev() {
        total += value * base;
        base *= 60.0;
    }
    Some(sign * total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_1_1_reads_as_pyyaml() {
        let cases = [
            ("123456", Reading::Int(123_456)),
            ("0123456", Reading::Int(42798)),
            ("123_456", Reading::Int(123_456)),
            ("12:30", Reading::Int(750)),
            ("0x1F", Reading::Int(31)),
            ("0100", Reading::Int(64)),
            ("0b11", Reading::Int(3)),
            ("-7", Reading::Int(-7)),
            ("0", Reading::Int(0)),
            ("08", Reading::Text),
            ("0o17", Reading::Text),
            ("1e5", Reading::Text),
            ("1.5e3", Reading::Text),
            ("1.5e+3", Reading::Float(1500.0)),
            ("1.", Reading::Float(1.0)),
            (".5", Reading::Float(0.5)),
            ("-.5", Reading::Text),
            (".", Reading::Text),
            ("10.0.0.1", Reading::Text),
            ("yes", Reading::Bool(true)),
            ("off", Reading::Bool(false)),
            ("y", Reading::Text),
            ("~", Reading::Null),
            ("2023-01-01", Reading::Timestamp),
            ("2023-1-1", Reading::Text),
            ("2023-01-01 10:11:12.5 +08:00", Reading::Timestamp),
            ("root@oms", Reading::Text),
            ("123456789012345678901234567890123456789012", Reading::HugeInt),
        ];
        for (text, expected) in cases {
            assert_eq!(read_yaml_1_1(text), expected, "{text}");
        }
    }

    #[test]
    fn yaml_1_2_reads_as_serde_yaml() {
        let cases = [
            ("0o17", Reading::Int(15)),
            ("0100", Reading::Int(100)),
            ("08", Reading::Int(8)),
            ("0x1F", Reading::Int(31)),
            ("1e5", Reading::Float(100_000.0)),
            ("yes", Reading::Text),
            ("12:30", Reading::Text),
        ];
        for (text, expected) in cases {
            assert_eq!(read_yaml_1_2(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = (read_yaml_1_1(&text), read_yaml_1_2(&text));
        }
    }
}
