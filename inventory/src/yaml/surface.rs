//! Where PyYAML, a reader of YAML 1.1, stops and our parser, a reader of YAML 1.2, would go on: tabs between the parts of
//! a line, characters that it takes for control characters or for line breaks, anchors, directives, `?` and `:` in
//! brackets. Only for files that PyYAML reads; Ansible's inventories are read by libyaml.

use std::collections::HashSet;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::document::YamlError;

/// The first place at which PyYAML would stop, or would see other lines than an editor shows.
pub(crate) fn check_surface(text: &str) -> Result<(), YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    characters(text)?;
    let (scalars, reach) = scalars(text)?;
    between(text, &scalars, reach)
}

fn stop(line: usize, column: usize, why: &'static str) -> YamlError {
    YamlError::Surface { line, column, why }
}

/// Every character with its index, what begins with it, line and column; the latter two from 1.
fn places(text: &str) -> impl Iterator<Item = (usize, char, &str, usize, usize)> {
    let (mut line, mut column, mut before) = (1, 0, ' ');
    text.char_indices().enumerate().map(move |(index, (byte, c))| {
        if before == '\n' || (before == '\r' && c != '\n') {
            (line, column) = (line + 1, 0);
        }
        before = c;
        column += 1;
        (index, c, &text[byte..], line, column)
    })
}

fn characters(text: &str) -> Result<(), YamlError> {
    for (_, c, _, line, column) in places(text) {
        let message = match c {
            '\u{85}' | '\u{2028}' | '\u{2029}' => BREAK,
            '\u{feff}' => BYTE_ORDER_MARK,
            '\t' | '\n' | '\r' => continue,
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                "a control character; in double quotation marks write it as an escape such as \\x01"
            }
            _ => continue,
        };
        return Err(stop(line, column, message));
    }
    Ok(())
}

/// OMS's reader takes these for line breaks.
pub(super) const BREAK: &str = "U+0085, U+2028 and U+2029 are line breaks to OMS's reader; in double quotation marks write \\N, \\L and \\P";
/// Allowed by OMS's reader, and nothing that somebody typed.
pub(super) const BYTE_ORDER_MARK: &str =
    "an invisible U+FEFF; delete it, or write \\uFEFF in double quotation marks";

/// Where a scalar stands, in characters.
struct Extent {
    start: usize,
    end: usize,
    plain: bool,
}

/// The extents of all scalars that are written, in order, and how far the text was understood.
fn scalars(text: &str) -> Result<(Vec<Extent>, usize), YamlError> {
    let characters: Vec<char> = text.chars().collect();
    let (mut extents, mut brackets) = (Vec::new(), Vec::new());
    let mut reach = 0;
    for event in Parser::new_from_str(text) {
        // Where the parser itself stops is told by whoever reads the document.
        let Ok((event, span)) = event else { return Ok((in_order(extents), reach)) };
        reach = span.end.index();
        match event {
            Event::Scalar(value, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                let broken =
                    plain && (value.contains('?') || value.starts_with([':', '|', '>', '%', '@', '`']));
                if broken && brackets.last() == Some(&true) {
                    let message = "between brackets a value with `?` in it, or that begins with a mark, needs quotation marks";
                    return Err(stop(span.start.line(), span.start.col() + 1, message));
                }
                let nothing = value.is_empty()
                    && matches!(style, ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded);
                if !nothing {
                    extents.push(extent(&characters, span.start.index(), span.end.index(), style));
                }
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let opens = matches!(characters.get(span.start.index()), Some('[' | '{'));
                brackets.push(opens || brackets.last() == Some(&true));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                brackets.pop();
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::Alias(_) => {}
        }
    }
    Ok((in_order(extents), usize::MAX))
}

fn in_order(mut extents: Vec<Extent>) -> Vec<Extent> {
    extents.retain(|extent| extent.end > extent.start);
    extents.sort_by_key(|extent| extent.start);
    extents
}

/// The parser counts anchor and tag in, and the blanks behind a quoted text.
fn extent(characters: &[char], mut start: usize, mut end: usize, style: ScalarStyle) -> Extent {
    let is = |index: usize, test: fn(char) -> bool| characters.get(index).is_some_and(|c| test(*c));
    let skip = |start: &mut usize, test: fn(char) -> bool| {
        while *start < end && is(*start, test) {
            *start += 1;
        }
    };
    match style {
        ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
            while start < end && is(start, |c| matches!(c, '&' | '!')) {
                skip(&mut start, |c| !is_name_end(c));
                skip(&mut start, char::is_whitespace);
            }
        }
        ScalarStyle::Literal | ScalarStyle::Folded => {
            // Text begins its line, a header stands behind its key.
            let before = characters[..start.min(characters.len())].iter().rev();
            let begins_line = before.copied().find(|c| *c != ' ').is_none_or(|c| matches!(c, '\n' | '\r'));
            if !begins_line {
                skip(&mut start, |c| !matches!(c, '\n' | '\r'));
            }
        }
    }
    if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
        while start < end && !is(end - 1, |c| matches!(c, '\'' | '"')) {
            end -= 1;
        }
    }
    Extent { start, end, plain: style == ScalarStyle::Plain }
}

/// What stands between scalars: a tab is nothing there, anchors have names, directives ask for a version.
fn between(text: &str, scalars: &[Extent], reach: usize) -> Result<(), YamlError> {
    let mut scalars = scalars.iter().peekable();
    let mut anchors: HashSet<&str> = HashSet::new();
    let mut part = Part::Structure;
    let mut before = '\n';
    for (index, c, rest, line, column) in places(text).take(reach) {
        while scalars.next_if(|scalar| scalar.end <= index).is_some() {}
        let inside = scalars.peek().filter(|scalar| scalar.start <= index);
        let ends_line = matches!(c, '\n' | '\r');
        part = match (part, inside) {
            (_, Some(scalar)) if c == '\t' && scalar.plain => return Err(stop(line, column, TAB)),
            (Part::Rest, None) if !ends_line => Part::Rest,
            (Part::Name, None) if !is_name_end(c) => Part::Name,
            (_, None) if c == '\t' => return Err(stop(line, column, TAB)),
            (_, None) if c == '#' && matches!(before, ' ' | '\n' | '\r') => Part::Rest,
            (_, None) if c == '%' && column == 1 => {
                directive(rest).map_or(Ok(Part::Rest), |message| Err(stop(line, column, message)))?
            }
            (_, None) if matches!(c, '&' | '*') => {
                let name = rest[1..].split(is_name_end).next().unwrap_or_default();
                if let Some(message) = anchor(c, name, &mut anchors) {
                    return Err(stop(line, column, message));
                }
                Part::Name
            }
            (_, None) if c == '!' => Part::Name,
            (_, Some(_) | None) => Part::Structure,
        };
        before = c;
    }
    Ok(())
}

/// What a character between scalars belongs to.
#[derive(Clone, Copy)]
enum Part {
    Structure,
    /// A comment or a directive, up to the end of the line.
    Rest,
    /// An anchor, an alias or a tag.
    Name,
}

/// A `:` in it ends the name for OMS's reader.
pub(super) const ANCHOR: &str =
    "the name of an anchor is letters, digits, `-` and `_`, and a blank must follow";
const TAB: &str = "a tab; OMS's reader wants blanks here";

fn is_name_end(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ']' | '}')
}

fn directive(line: &str) -> Option<&'static str> {
    let (name, rest) = line[1..].split_once(char::is_whitespace).unwrap_or((&line[1..], ""));
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
        return Some("the name of a directive is letters, digits, `-` and `_`");
    }
    (name == "YAML" && !rest.trim_start().starts_with("1."))
        .then_some("the directive asks for another YAML than 1.x")
}

fn anchor<'text>(kind: char, name: &'text str, anchors: &mut HashSet<&'text str>) -> Option<&'static str> {
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
        return Some(ANCHOR);
    }
    (kind == '&' && !anchors.insert(name)).then_some("the same anchor twice")
}

#[cfg(test)]
mod tests {
    use super::super::parse_document;
    use super::*;

    fn stops_at(text: &str) -> Option<(usize, usize)> {
        check_surface(text).and_then(|()| parse_document(text)).err().map(|error| error.position())
    }

    #[test]
    fn pyyaml_stops_where_it_was_seen_to_stop() {
        for (text, place) in [
            ("a:\tb", Some((1, 4))),
            ("a: 1 \t", Some((1, 6))),
            ("a: b\t", Some((1, 5))),
            ("a: '\t' # \t", None),
            ("a: |\n  x\ty\nb: &c \"\t\" \t", Some((3, 11))),
            ("\u{feff}a: b", None),
            ("a: \u{1}", Some((1, 4))),
            ("a: x\u{2028}y", Some((1, 5))),
            ("a: &x 1\nb: &x 2", Some((2, 4))),
            ("%YAML 2.0\n---\na: b", Some((1, 1))),
            ("a: [b?c]", Some((1, 5))),
            ("a: [|c]", Some((1, 5))),
            ("a: b?c", None),
        ] {
            assert_eq!(stops_at(text), place, "{text:?}");
        }
    }

    /// Each takes minutes where something is looked for once for each line, and less than a second where not.
    #[test]
    fn long_files_take_no_time() {
        let begun = std::time::Instant::now();
        for line in ["a: &b\n", "#\t\n", "a: [x, 'y', \"z\"]\n", "drc_user: x #y\n"] {
            let _ = check_surface(&line.repeat(100_000));
        }
        assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[-a:#&*!|>%'\"\\[\\]{}?,\t\r\n \u{85}]{0,60}") {
            let _ = check_surface(&text);
        }
    }
}
