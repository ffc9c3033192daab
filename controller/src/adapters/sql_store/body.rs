//! An event as the text that is kept, within a limit that every database takes.

use omsctl_proto::{Event, NodeName};
use serde_json::Value;

use super::StoreProblem;

/// Bytes of one kept event. A run's last event names every host with its error, so this is above 64 KiB; it is below
/// the smallest packet that a MySQL-protocol server takes by default (4 MiB).
pub(super) const MAX_BODY: usize = 1024 * 1024;

/// Characters left of a text in an event that is too large, tried in this order.
const SHORTENED: [usize; 2] = [2000, 200];

/// The JSON of the event. One that is too large keeps its shape and loses the ends of its long texts.
pub(super) fn body(event: &Event) -> Result<String, StoreProblem> {
    let node = || event.node.as_ref().map_or("the controller", NodeName::as_str).to_owned();
    let failed = |source| StoreProblem::EventText { node: node(), seq: event.seq, source };
    let text = serde_json::to_string(event).map_err(failed)?;
    if text.len() <= MAX_BODY {
        return Ok(text);
    }
    let mut value = serde_json::to_value(event).map_err(failed)?;
    for limit in SHORTENED {
        shorten(&mut value, limit);
        let shorter = value.to_string();
        if shorter.len() <= MAX_BODY {
            return Ok(shorter);
        }
    }
    Err(StoreProblem::EventTooLarge { node: node(), seq: event.seq, size: text.len(), limit: MAX_BODY })
}

fn shorten(value: &mut Value, limit: usize) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(limit) {
                text.truncate(end);
                text.push('…');
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shorten(item, limit)),
        Value::Object(fields) => fields.values_mut().for_each(|field| shorten(field, limit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
