//! One value of config.yaml: filled, checked for open places, and read as the kind that its key has. A refusal never
//! shows a secret.

use std::net::IpAddr;

use super::document::{Entry, Given, GivenScalar, Style};
use super::environment::Environment;
use super::keys::{Key, Kind};
use super::placeholder::is_placeholder;
use crate::problem::{Place, Problem, ProblemCode, Problems};
use crate::yaml::{PythonValue, Reading, read_yaml_1_1, read_yaml_1_2};

/// Reads entries and gathers what is wrong with them.
pub(super) struct ValueReader<'run> {
    pub(super) environment: &'run Environment,
    pub(super) problems: &'run mut Problems,
}

impl ValueReader<'_> {
    fn refuse(key: &Key, place: &Place, text: &str, allowed: &str) -> Problem {
        let problem = Problem::error(
            ProblemCode::ConfigValue,
            format!("`{}` has a value that OMS cannot use", key.name),
        )
        .at(place)
        .key(key.name)
        .allowed(allowed);
        if key.secret { problem } else { problem.found(text) }
    }

    pub(super) fn report(&mut self, key: &Key, place: &Place, text: &str, allowed: &str) {
        let problem = Self::refuse(key, place, text, allowed);
        self.problems.push(problem);
    }

    /// The scalar with its variables filled; `None` when it is open, empty or no scalar (told unless it is empty).
    fn scalar(&mut self, key: &Key, entry: &Entry) -> Option<GivenScalar> {
        match &entry.given {
            Given::Scalar(scalar) => self.filled(key, scalar, &entry.place),
            Given::List(_) | Given::Nested => {
                let problem = Self::refuse(key, &entry.place, "a list or a mapping", "a single value");
                self.problems.push(problem);
                None
            }
        }
    }

    fn filled(&mut self, key: &Key, scalar: &GivenScalar, place: &Place) -> Option<GivenScalar> {
        let nothing = scalar.seen == Some(PythonValue::None);
        if nothing && (scalar.text.is_empty() || key.kind != Kind::Text) {
            return None;
        }
        if is_placeholder(key, &scalar.text, scalar.style) {
            self.problems.push(
                Problem::error(ProblemCode::OpenPlace, format!("`{}` is still to be filled in", key.name))
                    .at(place)
                    .key(key.name)
                    .found(as_typed(&scalar.text))
                    .hint(if key.name.contains("password") {
                        "write the real value, or take it from the environment: \"${NAME}\""
                    } else {
                        "write the real value"
                    }),
            );
            return None;
        }
        match self.environment.fill(&scalar.text, key.name, place) {
            Ok(text) if text == scalar.text => Some(scalar.clone()),
            Ok(text) => Some(GivenScalar { text, style: Style::Text, seen: None }),
            Err(open) => {
                self.problems.0.extend(open);
                None
            }
        }
    }

    /// Text as typed. A plain scalar that OMS would read as something else is told of and kept.
    pub(super) fn text(&mut self, key: &Key, entry: &Entry) -> Option<String> {
        let scalar = self.scalar(key, entry)?;
        if let Some(seen) = &scalar.seen {
            let (how, remedy) = match scalar.style {
                Style::Tagged => ("with a tag", "delete the tag"),
                Style::Plain | Style::Text | Style::Inventory => {
                    ("without quotation marks", "put them here too")
                }
            };
            // The value itself would tell the secret.
            let seen_as = if key.secret { seen.type_name().to_owned() } else { seen.describe() };
            let mut hint = format!("omsctl writes it to the hosts as typed, in quotation marks; {remedy}");
            if *seen == PythonValue::None {
                hint += ", or delete the line when the key shall have no value";
            }
            let message = format!("`{}` is written {how}, and OMS would have seen {seen_as}", key.name);
            let problem = Problem::warning(ProblemCode::ReadDifferently, message);
            let problem = problem.at(&entry.place).key(key.name).hint(hint);
            self.problems.push(if key.secret { problem } else { problem.found(&scalar.text) });
        }
        if scalar.text.contains('\0') {
            let problem = Self::refuse(key, &entry.place, "a NUL character", "text without NUL");
            self.problems.push(problem);
            return None;
        }
        Some(scalar.text)
    }

    /// A whole number within the range.
    pub(super) fn number(
        &mut self,
        key: &Key,
        entry: &Entry,
        range: std::ops::RangeInclusive<u16>,
    ) -> Option<u16> {
        let scalar = self.scalar(key, entry)?;
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        let read = match scalar.style {
            Style::Tagged if !matches!(scalar.seen, Some(PythonValue::Int(_))) => None,
            Style::Plain | Style::Inventory | Style::Tagged => match both_readings(&scalar.text) {
                Ok(number) => number,
                Err((old, new)) => {
                    self.problems.push(ambiguous(key, &entry.place, &scalar.text, &old, &new));
                    return None;
                }
            },
            Style::Text => {
                scalar.text.bytes().all(|b| b.is_ascii_digit()).then(|| scalar.text.parse().ok()).flatten()
            }
        };
        let number =
            read.and_then(|number| u16::try_from(number).ok()).filter(|number| range.contains(number));
        if number.is_none() {
            self.report(key, &entry.place, &scalar.text, &allowed);
        }
        number
    }

    pub(super) fn boolean(&mut self, key: &Key, entry: &Entry) -> Option<bool> {
        let scalar = self.scalar(key, entry)?;
        let value = match (&scalar.seen, scalar.style) {
            (Some(PythonValue::Bool(value)), _) => Some(*value),
            // Text to OMS, and true whatever it says.
            (Some(_), _) | (None, Style::Plain | Style::Tagged) => None,
            (None, Style::Text | Style::Inventory) => match scalar.text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Some(true),
                "false" | "no" | "off" => Some(false),
                _ => None,
            },
        };
        if value.is_none() {
            self.report(key, &entry.place, &scalar.text, "true or false");
        }
        value
    }

    /// A list of addresses, each once.
    pub(super) fn nodes(&mut self, key: &Key, entry: &Entry) -> Option<Vec<IpAddr>> {
        let items = match &entry.given {
            Given::List(items) => items.clone(),
            Given::Scalar(scalar) => {
                let scalar = self.filled(key, scalar, &entry.place)?;
                let problem = Self::refuse(key, &entry.place, &scalar.text, "a list, one `- address` a line");
                self.problems.push(problem.hint("a blank after the dash, each address on its own line; or leave the key out: the inventory has the hosts"));
                return None;
            }
            Given::Nested => {
                self.report(key, &entry.place, "a mapping", "a list, one `- address` a line");
                return None;
            }
        };
        let mut addresses: Vec<IpAddr> = Vec::new();
        for (scalar, place) in &items {
            let Some(scalar) = self.filled(key, scalar, place) else { continue };
            match scalar.text.trim().parse::<IpAddr>() {
                Ok(address) if addresses.contains(&address) => {
                    self.report(key, place, &scalar.text, "each address once");
                }
                Ok(address) => addresses.push(address),
                Err(_) => self.report(key, place, &scalar.text, "the IP address of an OMS host"),
            }
        }
        Some(addresses)
    }
}

/// Masks of asterisks were put in brackets for the parser's sake.
fn as_typed(text: &str) -> String {
    match text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some(inside) if inside.bytes().all(|b| b == b'*') => "*".repeat(text.len()),
        _ => text.to_owned(),
    }
}

/// The number, when YAML 1.1 and 1.2 agree on it or on there being none; else both readings.
fn both_readings(text: &str) -> Result<Option<i128>, (Reading, Reading)> {
    let (old, new) = (read_yaml_1_1(text), read_yaml_1_2(text));
    if integer(&old) == integer(&new) { Ok(integer(&old)) } else { Err((old, new)) }
}

fn integer(reading: &Reading) -> Option<i128> {
    match reading {
        Reading::Int(number) => Some(*number),
        Reading::Null
        | Reading::Bool(_)
        | Reading::HugeInt
        | Reading::Float(_)
        | Reading::Timestamp
        | Reading::NoNumber
        | Reading::Text => None,
    }
}

fn ambiguous(key: &Key, place: &Place, text: &str, old: &Reading, new: &Reading) -> Problem {
    Problem::error(ProblemCode::AmbiguousNumber, format!("`{}` can be read in two ways", key.name))
        .at(place)
        .key(key.name)
        .found(format!("{text}: YAML 1.1 (OMS) reads {}, YAML 1.2 reads {}", old.describe(), new.describe()))
        .hint("write the number in plain decimal digits, without leading zeros")
}
