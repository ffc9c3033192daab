//! An image archive that an operator gives, whoever made it.
#![no_main]

#[expect(dead_code, reason = "each target has one entrance")]
#[path = "../../hostile/archive.rs"]
mod archive;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = archive::image_archive(bytes);
});
