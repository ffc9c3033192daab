//! Columns of text under headings, as wide as their widest cell.

use crate::out::{Paint, Style};

/// A cell with the colour that it means.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    text: String,
    paint: Option<Paint>,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), paint: None }
    }

    pub(super) fn painted(text: impl Into<String>, paint: Paint) -> Self {
        Self { text: text.into(), paint: Some(paint) }
    }
}

/// Headings and rows; two spaces between columns, none after the last.
pub(super) fn table(headings: &[&str], rows: &[Vec<Cell>], style: Style) -> String {
    let heading: Vec<Cell> = headings.iter().map(|text| Cell::painted(*text, Paint::Strong)).collect();
    let all: Vec<&Vec<Cell>> = std::iter::once(&heading).chain(rows).collect();
    let width = |column: usize| {
        all.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| console::measure_text_width(&cell.text))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    for row in all {
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
}
