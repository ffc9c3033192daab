//! Inventories, `config.yaml` and a file of variables.
#![no_main]

#[expect(dead_code, reason = "each target has one entrance")]
#[path = "../../hostile/entrances.rs"]
mod entrances;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entrances::operators_files(bytes);
});
