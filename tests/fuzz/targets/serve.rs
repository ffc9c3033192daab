//! An agent that asks another one for an image, past the encryption.
#![no_main]

#[expect(dead_code, reason = "each target has one entrance")]
#[path = "../../hostile/entrances.rs"]
mod entrances;
#[expect(dead_code, reason = "each target has one entrance")]
#[path = "../../hostile/relay.rs"]
mod relay;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = relay::serve(bytes);
});
