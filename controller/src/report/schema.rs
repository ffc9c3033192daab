//! The JSON Schema of what others may read. Generated from the types; a difference to the kept file is a decision.

use omsctl_proto::Event;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// One line of `--format jsonl`.
pub fn events() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Event>().to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/events.json");

    /// After a decision: `OMSCTL_BLESS=1 cargo test -p omsctl-controller schema`.
    #[test]
    fn the_schema_is_the_kept_one() {
        let now = serde_json::to_string_pretty(&events()).unwrap() + "\n";
        if std::env::var_os("OMSCTL_BLESS").is_some() {
            std::fs::write(KEPT, &now).unwrap();
        }
        let kept = std::fs::read_to_string(KEPT).unwrap();
        assert_eq!(now, kept, "the events changed; when that is meant: OMSCTL_BLESS=1 cargo test schema");
    }

    #[test]
    fn every_kind_of_event_is_in_it() {
        let text = events().to_string();
        for kind in ["plan_accepted", "gate_waiting", "step_progress", "node_failed", "rollout_finished"] {
            assert!(text.contains(&format!("\"{kind}\"")), "{kind}");
        }
        assert!(text.contains("mono_ms"));
    }
}
