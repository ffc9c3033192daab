//! An `ssh_config`, whoever wrote it; none of its commands are run.
#![no_main]

#[expect(dead_code, reason = "each target has one entrance")]
#[path = "../../hostile/ssh.rs"]
mod ssh;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = ssh::ssh_config(bytes);
});
