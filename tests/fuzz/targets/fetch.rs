//! An agent that sends an image to another one, past the encryption.
#![no_main]

#[expect(dead_code, reason = "each target has one entrance")]
#[path = "../../hostile/entrances.rs"]
mod entrances;
#[expect(dead_code, reason = "each target has one entrance")]
#[path = "../../hostile/relay.rs"]
mod relay;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = relay::fetch(bytes);
});
