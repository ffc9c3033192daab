//! Dates of YAML 1.1 as PyYAML reads them and as Python writes them again (`isoformat`).

/// The parts of a date as typed.
pub(super) struct Timestamp<'text> {
    date: [&'text str; 3],
    /// Hour, minute, second and fraction.
    time: Option<([&'text str; 3], &'text str)>,
    zone: Zone<'text>,
}

enum Zone<'text> {
    None,
    Utc,
    /// Sign, hours, minutes.
    Offset(char, &'text str, &'text str),
}

/// `2023-01-01`, or with a time of day and a zone behind it.
pub(super) fn parse_timestamp(text: &str) -> Option<Timestamp<'_>> {
    let (year, rest) = text.split_once('-')?;
    let (month, rest) = rest.split_once('-')?;
    let day_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (day, rest) = rest.split_at(day_end);
    if !digits(year, 4, 4) {
        return None;
    }
    let date = [year, month, day];
    if rest.is_empty() {
        return (digits(month, 2, 2) && digits(day, 2, 2)).then_some(Timestamp {
            date,
            time: None,
            zone: Zone::None,
        });
    }
    if !digits(month, 1, 2) || !digits(day, 1, 2) {
        return None;
    }
    let blank = [' ', '\t'];
    let rest = rest
        .strip_prefix(['T', 't'])
        .or_else(|| rest.strip_prefix(blank).map(|r| r.trim_start_matches(blank)))?;
    let (hour, rest) = rest.split_once(':')?;
    let (minute, rest) = rest.split_once(':')?;
    let second_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (second, rest) = rest.split_at(second_end);
    if !digits(hour, 1, 2) || !digits(minute, 2, 2) || !digits(second, 2, 2) {
        return None;
    }
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
        None => ("", rest),
    };
    let zone = zone(rest.trim_start_matches(blank))?;
    Some(Timestamp { date, time: Some(([hour, minute, second], fraction)), zone })
}

fn zone(text: &str) -> Option<Zone<'_>> {
    let mut characters = text.chars();
    match characters.next() {
        None => Some(Zone::None),
        Some('Z') if text.len() == 1 => Some(Zone::Utc),
        Some(sign @ ('+' | '-')) => {
            let (hours, minutes) = characters.as_str().split_once(':').unwrap_or((characters.as_str(), "00"));
            (digits(hours, 1, 2) && digits(minutes, 2, 2)).then_some(Zone::Offset(sign, hours, minutes))
        }
        Some(_) => None,
    }
}

fn digits(text: &str, shortest: usize, longest: usize) -> bool {
    (shortest..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Python's form of it; `None` when it is no timestamp, or when there is no such day or time.
pub(super) fn iso_format(text: &str) -> Option<String> {
    let Timestamp { date: [year, month, day], time, zone } = parse_timestamp(text)?;
    if !is_in_calendar(number(year)?, number(month)?, number(day)?) {
        return None;
    }
    let date = format!("{year}-{month:0>2}-{day:0>2}");
    let Some(([hour, minute, second], fraction)) = time else { return Some(date) };
    if number(hour)? > 23 || number(minute)? > 59 || number(second)? > 59 {
        return None;
    }
    let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let micros = if micros == "000000" { String::new() } else { format!(".{micros}") };
    let zone = match zone {
        Zone::None => String::new(),
        Zone::Utc => "+00:00".to_owned(),
        Zone::Offset(sign, hours, minutes) => {
            let total = number(hours)? * 60 + number(minutes)?;
            if total >= 24 * 60 {
                return None;
            }
            let sign = if total == 0 { '+' } else { sign };
            format!("{sign}{:02}:{:02}", total / 60, total % 60)
        }
    };
    Some(format!("{date}T{hour:0>2}:{minute}:{second}{micros}{zone}"))
}

fn number(digits: &str) -> Option<u32> {
    digits.parse().ok()
}

fn is_in_calendar(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    year > 0 && (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_python_does() {
        let cases = [
            ("2023-01-01", Some("2023-01-01")),
            ("2001-12-14t21:59:43.10-05:00", Some("2001-12-14T21:59:43.100000-05:00")),
            ("2001-12-14 1:59:43.0", Some("2001-12-14T01:59:43")),
            ("2001-12-15T02:59:43.1Z", Some("2001-12-15T02:59:43.100000+00:00")),
            ("2001-12-14 21:59:43 +8", Some("2001-12-14T21:59:43+08:00")),
            ("2001-12-14 21:59:43 -0", Some("2001-12-14T21:59:43+00:00")),
            ("2001-12-14 21:59:43 +1:75", Some("2001-12-14T21:59:43+02:15")),
            ("2001-12-14 21:59:43 +24", None),
            ("2001-12-14 24:59:43", None),
            ("2001-02-29", None),
            ("0000-02-02", None),
            ("2023-1-1", None),
            ("2023-01-01x", None),
            ("2001-12-14T21:59", None),
        ];
        for (text, expected) in cases {
            assert_eq!(iso_format(text).as_deref(), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[-0-9TtZ:.+ é]{0,30}") {
            let _ = iso_format(&text);
        }
    }
}
