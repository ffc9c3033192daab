//! What travels: an archive that every Docker since 1.10 loads, whatever the operator's one is. The configuration, the
//! layers uncompressed, `manifest.json`; each file a section of its own, in frames. Pure: no file is read here.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use omsctl_proto::{Digest, Piece, content_size};

use super::frames::frame;
use super::layers::Packed;
use super::manifest::ImageRecord;
use crate::ports::Section;

/// Of a tar.
const BLOCK: usize = 512;

/// One image, ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) sections: Arc<[Section]>,
    pub(super) parts: Arc<[Part]>,
}

/// Some of its bytes in a row.
#[derive(Debug)]
pub(super) struct Part {
    /// Where in the package.
    pub(super) range: Range<u64>,
    pub(super) source: Source,
}

#[derive(Debug)]
pub(super) enum Source {
    /// A frame.
    Memory(Vec<u8>),
    Layer(LayerSource),
}

/// The frames of a layer.
#[derive(Debug, Clone)]
pub(super) struct LayerSource {
    pub(super) layer: Digest,
    pub(super) pieces: Vec<Piece>,
    /// The file of the operator's archive that it is made of.
    pub(super) member: String,
}

impl Package {
    pub(super) fn of(image: &ImageRecord) -> io::Result<Self> {
        let mut builder = Builder::default();
        let config = format!("{}.json", image.config.as_str());
        builder.file(&config, image.document.as_bytes())?;
        let mut files = Vec::new();
        for (number, layer) in image.layers.iter().enumerate() {
            let file = format!("{}.tar", layer.diff_id.as_str());
            let first = image.layers.iter().position(|other| other.diff_id == layer.diff_id);
            if first == Some(number) {
                let places = image.layers.iter().enumerate();
                let places = places.filter(|(_, other)| other.diff_id == layer.diff_id);
                let source = LayerSource {
                    layer: layer.diff_id.clone(),
                    pieces: layer.packed.pieces.clone(),
                    member: layer.member.clone(),
                };
                builder.layer(&file, &layer.packed, source, places.map(|(place, _)| place).collect())?;
            }
            files.push(file);
        }
        let references = Some(&image.references).filter(|references| !references.is_empty());
        let manifest = serde_json::json!([{ "Config": config, "RepoTags": references, "Layers": files }]);
        builder.file("manifest.json", &serde_json::to_vec(&manifest)?)?;
        builder.memory(&[0; 2 * BLOCK])?;
        builder.end_section(Vec::new());
        Ok(Self { sections: builder.sections.into(), parts: builder.parts.into() })
    }
}

#[derive(Default)]
struct Builder {
    position: u64,
    parts: Vec<Part>,
    sections: Vec<Section>,
    pieces: Vec<Piece>,
    unpacked: u64,
}

impl Builder {
    fn file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut bytes = header(name, content.len() as u64)?;
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        for chunk in bytes.chunks(super::frames::CHUNK) {
            self.memory(chunk)?;
        }
        self.end_section(Vec::new());
        Ok(())
    }

    fn layer(
        &mut self,
        name: &str,
        packed: &Packed,
        source: LayerSource,
        layers: Vec<usize>,
    ) -> io::Result<()> {
        self.memory(&header(name, packed.size)?)?;
        self.pieces.extend(packed.pieces.iter().cloned());
        self.unpacked += packed.size;
        self.part(content_size(&packed.pieces), Source::Layer(source));
        let behind = packed.size.next_multiple_of(BLOCK as u64) - packed.size;
        if behind > 0 {
            self.memory(&vec![0; usize::try_from(behind).unwrap_or(0)])?;
        }
        self.end_section(layers);
        Ok(())
    }

    fn memory(&mut self, bytes: &[u8]) -> io::Result<()> {
        let frame = frame(bytes)?;
        self.pieces.push(Piece::of(&frame));
        self.unpacked += bytes.len() as u64;
        self.part(frame.len() as u64, Source::Memory(frame));
        Ok(())
    }

    fn part(&mut self, size: u64, source: Source) {
        let end = self.position + size;
        self.parts.push(Part { range: self.position..end, source });
        self.position = end;
    }

    fn end_section(&mut self, layers: Vec<usize>) {
        let pieces = std::mem::take(&mut self.pieces);
        let unpacked = std::mem::take(&mut self.unpacked);
        self.sections.push(Section { pieces, unpacked, layers });
    }
}

/// Of a file that anybody may read; always the same for the same name and size.
fn header(name: &str, size: u64) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    Ok(header.as_bytes().to_vec())
}
