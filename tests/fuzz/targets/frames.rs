//! Frames of both directions: a length, and JSON that is a message or is none.
#![no_main]

#[expect(dead_code, reason = "each target has one entrance")]
#[path = "../../hostile/entrances.rs"]
mod entrances;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entrances::frames::<omsctl_proto::ToAgent>(bytes);
    entrances::frames::<omsctl_proto::ToController>(bytes);
    entrances::frames::<omsctl_proto::Consignment>(bytes);
    entrances::frames::<omsctl_proto::PeerAsk>(bytes);
    entrances::frames::<omsctl_proto::PeerReply>(bytes);
});
