//! What `ha.config` says and what follows from it, for people.

use super::table::{Cell, table};
use super::words;
use crate::out::{Paint, Style};
use crate::plan::HighAvailability;

/// The text of `ha status`.
pub fn ha_text(seen: &HighAvailability, style: Style) -> String {
    let fields = seen.fields.iter().map(|field| {
        let value = words::clean(&field.value);
        let value = if field.is_default { Cell::new(value) } else { Cell::painted(value, Paint::Strong) };
        vec![Cell::new(field.name), value, Cell::new(field.meaning)]
    });
    let mut text = table(&["HA.CONFIG", "VALUE", "MEANING"], &fields.collect::<Vec<_>>(), style);
    text.push('\n');
    let hosts = seen.hosts.iter().map(|host| {
        let status = host.status.as_deref().unwrap_or("not listed");
        let beat = host.heartbeat_age_s.map_or_else(|| "-".to_owned(), |age| format!("{age} s ago"));
        let beat = if host.down { Cell::painted(beat, Paint::Bad) } else { Cell::new(beat) };
        vec![
            Cell::new(host.node.as_str()),
            Cell::new(host.address.as_str()),
            Cell::new(words::clean(status)),
            beat,
        ]
    });
    text.push_str(&table(&["HOST", "ADDRESS", "METADB", "HEARTBEAT"], &hosts.collect::<Vec<_>>(), style));
    text.push('\n');
    for advice in &seen.advice {
        words::add_line(&mut text, &words::clean(advice));
    }
    if !seen.advice.is_empty() {
        text.push('\n');
    }
    let (paint, line) = match seen.enabled {
        Some(true) => (Paint::Good, "HA is on"),
        Some(false) => (Paint::Warning, "HA is off; to turn it on: omsctl ha enable"),
        None => (Paint::Warning, "whether HA is on is not known"),
    };
    text.push_str(&style.paint(paint, line));
    text.push('\n');
    text
}
