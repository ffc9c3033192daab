//! A `config.yaml` that lies on a host already.
#![no_main]

#[expect(dead_code, reason = "each target has one entrance")]
#[path = "../../hostile/entrances.rs"]
mod entrances;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entrances::existing_config(bytes);
});
