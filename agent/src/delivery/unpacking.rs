//! zstd frames into the tar that they are made of. However much comes out of few bytes, only one buffer of it is held.

use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

/// Of the frame that asks for most, as a power of two; the controller's need 1 MiB.
const LARGEST_WINDOW: u32 = 23;

/// As much as the pipe to Docker takes at once.
const BUFFER: usize = 64 * 1024;

/// Under way.
pub(crate) struct Unpacking {
    decoder: Decoder<'static>,
    buffer: Vec<u8>,
}

/// Why it does not go on.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The reader wants no more.
    Reader,
    /// The bytes are no zstd frames.
    Damaged(io::Error),
}

impl Unpacking {
    pub(crate) fn begin() -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(zstd::zstd_safe::DParameter::WindowLogMax(LARGEST_WINDOW))?;
        Ok(Self { decoder, buffer: vec![0; BUFFER] })
    }

    /// The next bytes of the frames, cut anywhere.
    pub(crate) async fn write(
        &mut self,
        bytes: &[u8],
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), Ended> {
        let mut input = InBuffer::around(bytes);
        loop {
            let mut output = OutBuffer::around(&mut self.buffer);
            self.decoder.run(&mut input, &mut output).map_err(Ended::Damaged)?;
            let came = output.pos();
            sink.write_all(&self.buffer[..came]).await.map_err(|_| Ended::Reader)?;
            // A full buffer may not have been all.
            if input.pos() == bytes.len() && came < BUFFER {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn unpacked(frames: &[u8], step: usize) -> Result<Vec<u8>, Ended> {
        let mut unpacking = Unpacking::begin().unwrap();
        let mut sink = Vec::new();
        for part in frames.chunks(step) {
            unpacking.write(part, &mut sink).await?;
        }
        Ok(sink)
    }

    #[tokio::test]
    async fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let parts = [vec![0; 3 << 20], b"some text".repeat(1000), vec![7; BUFFER], (0..=255).collect()];
        let frames: Vec<u8> = parts.iter().flat_map(|part| zstd::bulk::compress(part, 3).unwrap()).collect();
        for step in [1, 7, 100, frames.len()] {
            assert!(unpacked(&frames, step).await.unwrap() == parts.concat(), "{step}");
        }
    }

    #[tokio::test]
    async fn what_is_no_frame_is_told() {
        let ended = unpacked(&[b'x'; 100], 100).await.unwrap_err();
        assert!(matches!(ended, Ended::Damaged(_)), "{ended:?}");
    }

    #[tokio::test]
    async fn a_frame_that_asks_for_much_memory_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(27).unwrap();
        io::Write::write_all(&mut encoder, &[1; 100]).unwrap();
        let frame = encoder.finish().unwrap();
        assert!(matches!(unpacked(&frame, 100).await, Err(Ended::Damaged(_))));
    }
}
