//! An agent that says anything to a controller, up to the words and documents that an operator sees.
#![no_main]

#[expect(dead_code, reason = "each target has one entrance")]
#[path = "../../hostile/entrances.rs"]
mod entrances;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entrances::controller(bytes);
});
