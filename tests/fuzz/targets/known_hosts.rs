//! A `known_hosts`, whoever wrote it.
#![no_main]

#[expect(dead_code, reason = "each target has one entrance")]
#[path = "../../hostile/ssh.rs"]
mod ssh;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = ssh::known_hosts(bytes);
});
