//! A controller that says anything to an agent on a simulated host, plans that are begun among it.
#![no_main]

#[expect(dead_code, reason = "each target has one entrance")]
#[path = "../../hostile/entrances.rs"]
mod entrances;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = entrances::agent(bytes);
});
