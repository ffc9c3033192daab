//! Columns of text under headings, as wide as their widest cell. What a terminal has no room for is left out whole.

use super::words;
use crate::out::{Paint, Style};

/// A cell with the colour that it means. Its text may be a host's: nothing in it moves a cursor or changes a colour.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    text: String,
    paint: Option<Paint>,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: words::clean(&text.into()), paint: None }
    }

    pub(super) fn painted(text: impl Into<String>, paint: Paint) -> Self {
        Self { text: words::clean(&text.into()), paint: Some(paint) }
    }
}

/// Headings and rows; two spaces between columns, none after the last.
pub(super) fn table(headings: &[&str], rows: &[Vec<Cell>], style: Style) -> String {
    draw(&lines(headings, rows), style)
}

/// As [`table`], within so many columns of the terminal: as many of the `expendable` headings as it takes are left out,
/// the first of them first. Answers the table and what is not in it.
pub(super) fn table_within<'a>(
    room: Option<usize>,
    headings: &[&'a str],
    expendable: &[&'a str],
    rows: &[Vec<Cell>],
    style: Style,
) -> (String, Vec<&'a str>) {
    let mut all = lines(headings, rows);
    let mut headings = headings.to_vec();
    let mut left_out = Vec::new();
    for heading in expendable {
        let needed: usize = widths(&all).iter().sum::<usize>() + 2 * headings.len().saturating_sub(1);
        if room.is_none_or(|room| needed <= room) {
            break;
        }
        if let Some(column) = headings.iter().position(|found| found == heading) {
            headings.remove(column);
            for line in &mut all {
                line.remove(column);
            }
            left_out.push(*heading);
        }
    }
    (draw(&all, style), left_out)
}

fn lines(headings: &[&str], rows: &[Vec<Cell>]) -> Vec<Vec<Cell>> {
    let heading = headings.iter().map(|text| Cell::painted(*text, Paint::Strong)).collect();
    std::iter::once(heading).chain(rows.iter().cloned()).collect()
}

/// The widest cell of each column of the heading.
fn widths(lines: &[Vec<Cell>]) -> Vec<usize> {
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| console::measure_text_width(&cell.text)).max().unwrap_or(0)
    };
    (0..lines.first().map_or(0, Vec::len)).map(width).collect()
}

fn draw(lines: &[Vec<Cell>], style: Style) -> String {
    let widths = widths(lines);
    let mut text = String::new();
    for row in lines {
        text.push_str(&line(row, &widths, style));
        text.push('\n');
    }
    text
}

fn line(row: &[Cell], widths: &[usize], style: Style) -> String {
    let mut line = String::new();
    for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
        let last = at + 1 == row.len();
        let gap = if last { 0 } else { (width + 2).saturating_sub(console::measure_text_width(&cell.text)) };
        line.push_str(&cell.paint.map_or_else(|| cell.text.clone(), |paint| style.paint(paint, &cell.text)));
        line.push_str(&" ".repeat(gap));
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec![Cell::new("node1"), Cell::painted("ready", Paint::Good), Cell::new("x")],
            vec![Cell::new("b"), Cell::new("é"), Cell::new("")],
        ];
        assert_eq!(
            table(&["HOST", "STATE", "NOTE"], &rows, Style::PLAIN),
            "HOST   STATE  NOTE\nnode1  ready  x\nb      é\n"
        );
        let colourful = table(&["HOST", "STATE", "NOTE"], &rows, Style { colour: true, unicode: false });
        assert!(colourful.contains("node1  \x1b[32mready\x1b[0m  x\n"), "{colourful:?}");
    }

    #[test]
    fn what_has_no_room_is_left_out_the_first_expendable_first() {
        let rows =
            [vec![Cell::new("node1"), Cell::new("10.0.0.11"), Cell::new("9a2b9a2b9a2b"), Cell::new("ok")]];
        let headings = ["HOST", "ADDRESS", "IMAGE", "NOTE"];
        let check = |room: Option<usize>, expected: &str, left_out: &[&str]| {
            let (text, missing) = table_within(room, &headings, &["IMAGE", "ADDRESS"], &rows, Style::PLAIN);
            assert_eq!((text.as_str(), missing.as_slice()), (expected, left_out), "{room:?}");
        };
        let whole = "HOST   ADDRESS    IMAGE         NOTE\nnode1  10.0.0.11  9a2b9a2b9a2b  ok\n";
        check(None, whole, &[]);
        check(Some(36), whole, &[]);
        check(Some(35), "HOST   ADDRESS    NOTE\nnode1  10.0.0.11  ok\n", &["IMAGE"]);
        let least = "HOST   NOTE\nnode1  ok\n";
        check(Some(21), least, &["IMAGE", "ADDRESS"]);
        check(Some(3), least, &["IMAGE", "ADDRESS"]);
    }
}
