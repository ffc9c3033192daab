//! Python's numbers: reading them, and writing them as Python does. Part of `literal_eval`.

use serde_json::{Number, Value};

/// Python's own limit on the digits of an integer.
const MAX_DIGITS: usize = 4300;

/// A number of a Python literal.
#[derive(Debug, Clone)]
pub(super) enum PythonNumber {
    Int(i128),
    /// An integer beyond 128 bits, and its decimal digits.
    Huge(f64, String),
    Float(f64),
    /// Real and imaginary part.
    Complex(f64, f64),
}

impl PythonNumber {
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Int(value) => Self::Int(-value),
            Self::Huge(value, digits) => Self::Huge(-value, format!("-{digits}")),
            Self::Float(value) => Self::Float(-value),
            Self::Complex(real, imaginary) => Self::Complex(-real, -imaginary),
        }
    }

    /// The sum or difference that `1 + 2j` is; `None` for any other two numbers.
    pub(super) fn with_imaginary(&self, other: &Self, minus: bool) -> Option<Self> {
        let Self::Complex(real, imaginary) = other else { return None };
        let left = match self {
            Self::Complex(..) => return None,
            Self::Int(_) | Self::Huge(..) | Self::Float(_) => self.real(),
        };
        Some(if minus {
            Self::Complex(left - real, -imaginary)
        } else {
            Self::Complex(left + real, *imaginary)
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "Python, too, compares and adds as floats here")]
    fn real(&self) -> f64 {
        match self {
            Self::Int(value) => *value as f64,
            Self::Huge(value, _) | Self::Float(value) | Self::Complex(value, _) => *value,
        }
    }

    /// Python's `==`, across the kinds.
    #[expect(clippy::float_cmp, reason = "that is what Python does")]
    pub(super) fn equals(&self, other: &Self) -> bool {
        let imaginary = |number: &Self| match number {
            Self::Complex(_, imaginary) => *imaginary,
            Self::Int(_) | Self::Huge(..) | Self::Float(_) => 0.0,
        };
        match (self, other) {
            (Self::Int(one), Self::Int(two)) => one == two,
            (Self::Huge(_, one), Self::Huge(_, two)) => one == two,
            _ => self.real() == other.real() && imaginary(self) == imaginary(other),
        }
    }

    /// As JSON: integers beyond 64 bits lose digits, as they do in every JSON reader; a complex number and an infinite one
    /// become text.
    pub(super) fn into_json(self) -> Value {
        match self {
            Self::Int(value) => crate::yaml::json_integer(value).map_or(Value::Null, Value::Number),
            Self::Huge(value, digits) => Number::from_f64(value).map_or(Value::String(digits), Value::Number),
            Self::Float(value) => {
                Number::from_f64(value).map_or_else(|| Value::String(json_float(value)), Value::Number)
            }
            Self::Complex(real, imaginary) => Value::String(complex(real, imaginary)),
        }
    }

    /// As a key in JSON; `None` where Python has none.
    pub(super) fn key(&self) -> Option<String> {
        match self {
            Self::Int(value) => Some(value.to_string()),
            Self::Huge(_, digits) => Some(digits.clone()),
            Self::Float(value) => Some(json_float(*value)),
            Self::Complex(..) => None,
        }
    }
}

/// `str()` of a complex number.
fn complex(real: f64, imaginary: f64) -> String {
    // Python shows a whole number here without its fraction.
    let part = |value: f64| {
        let text = float(value);
        text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
    };
    if real == 0.0 && real.is_sign_positive() {
        return format!("{}j", part(imaginary));
    }
    let sign = if imaginary.is_sign_negative() { "" } else { "+" };
    format!("({}{sign}{}j)", part(real), part(imaginary))
}

/// `json.dumps` of a float.
fn json_float(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        float(value)
    }
}

/// `repr()` of a float.
fn float(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{value:?}"),
    }
}

/// Reads an unsigned number; `None` when it is not valid.
pub(super) fn read(rest: &mut &str) -> Option<PythonNumber> {
    let (text, after) = rest.split_at(end(rest));
    *rest = after;
    let lower = text.to_ascii_lowercase();
    if let Some(imaginary) = lower.strip_suffix('j') {
        let value = if imaginary.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
            without_underscores(imaginary, 10)?.parse().ok()?
        } else {
            float_value(imaginary)?
        };
        return Some(PythonNumber::Complex(0.0, value));
    }
    let radix = match lower.get(..2) {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => 10,
    };
    if radix != 10 {
        // An underscore may follow the prefix directly.
        let digits = without_underscores(lower[2..].strip_prefix('_').unwrap_or(&lower[2..]), radix)?;
        return i128::from_str_radix(&digits, radix).ok().map(PythonNumber::Int);
    }
    if lower.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        let digits = without_underscores(&lower, 10)?;
        // `007` is an error, `000` is zero.
        let zeros = digits.bytes().all(|b| b == b'0');
        if (digits.starts_with('0') && !zeros) || digits.len() > MAX_DIGITS {
            return None;
        }
        return match digits.parse() {
            Ok(value) => Some(PythonNumber::Int(value)),
            Err(_) => Some(PythonNumber::Huge(digits.parse().ok()?, digits)),
        };
    }
    float_value(&lower).map(PythonNumber::Float)
}

fn float_value(lower: &str) -> Option<f64> {
    let (mantissa, exponent) = lower.split_once('e').map_or((lower, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let parts = [whole, fraction, exponent.map_or("0", |e| e.strip_prefix(['+', '-']).unwrap_or(e))];
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    for (index, part) in parts.into_iter().enumerate() {
        if !(part.is_empty() && index < 2) {
            without_underscores(part, 10)?;
        }
    }
    lower.replace('_', "").parse().ok()
}

/// `int()` of a text: white space around it, a sign, and underscores between digits are allowed.
pub(super) fn int(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (&text[..1], digits),
        None => ("", text),
    };
    format!("{sign}{}", without_underscores(digits, 10)?).parse().ok()
}

/// Digits of the base with single underscores between them.
fn without_underscores(text: &str, radix: u32) -> Option<String> {
    let mut parts = text.split('_');
    parts
        .all(|part| !part.is_empty() && part.chars().all(|c| c.is_digit(radix)))
        .then(|| text.replace('_', ""))
}

/// Where the token of a number ends, valid or not.
fn end(text: &str) -> usize {
    let mut before = '\0';
    let hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    for (position, c) in text.char_indices() {
        let sign_of_exponent = matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !hexadecimal;
        if !(c.is_alphanumeric() || c == '_' || c == '.' || sign_of_exponent) {
            return position;
        }
        before = c;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_does() {
        let cases = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"),
            (1e300, "1e+300"),
            (f64::INFINITY, "Infinity"),
        ];
        for (value, expected) in cases {
            assert_eq!(json_float(value), expected);
        }
        assert_eq!(complex(1.0, -2.5), "(1-2.5j)");
        assert_eq!(complex(0.0, 2.0), "2j");
        assert_eq!(complex(-0.0, 2.0), "(-0+2j)");
    }
}
