//! Seeded mutations: the same ones at every run, so that what fails once fails again.

/// What parsers trip over.
const TOKENS: [&[u8]; 14] = [
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\"",
    b"{",
    b"[[[[",
    b"18446744073709551615",
    b"-1",
    b"1e999",
    b"\\ud800",
    b"\\u001b[2J",
    b"null",
    b"\x80",
    b"&a *a",
    b"\n",
];

/// Xorshift; good enough to vary, and never anything else.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % limit.max(1)
    }
}

/// So many mutations, going round the samples; each sample comes first as it is.
pub(crate) fn mutations(samples: &[Vec<u8>], number: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut chance = Chance(0x6f6d_7363_746c);
    let mutated = (samples.len()..number).map(move |at| {
        let mut bytes = samples[at % samples.len()].clone();
        for _ in 0..=chance.below(2) {
            mutate(&mut bytes, &mut chance, samples);
        }
        bytes
    });
    samples.iter().cloned().chain(mutated)
}

/// As [`mutations`], of frames that follow each other: mostly within one of them, whose length is mended, since else
/// nearly everything would be refused for its length alone.
pub(crate) fn mutations_of_frames(samples: &[Vec<u8>], number: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut chance = Chance(0x616d_7363_746c);
    let mutated = (samples.len()..number).map(move |at| {
        let mut bodies = bodies(&samples[at % samples.len()]);
        let one = chance.below(bodies.len());
        mutate(&mut bodies[one], &mut chance, samples);
        let mut bytes = bodies.iter().flat_map(|body| super::frame(body)).collect();
        if chance.below(8) == 0 {
            mutate(&mut bytes, &mut chance, samples);
        }
        bytes
    });
    samples.iter().cloned().chain(mutated)
}

fn bodies(mut frames: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    while let Some((prefix, rest)) = frames.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(0);
        let (body, rest) = rest.split_at(length);
        bodies.push(body.to_vec());
        frames = rest;
    }
    bodies
}

fn mutate(bytes: &mut Vec<u8>, chance: &mut Chance, samples: &[Vec<u8>]) {
    let at = chance.below(bytes.len() + 1);
    let end = bytes.len().min(at + chance.below(24));
    match chance.below(8) {
        0 | 6 | 7 if at < bytes.len() => bytes[at] ^= 1 << chance.below(4),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
        }
        3 => bytes.truncate(at),
        4 => {
            let other = &samples[chance.below(samples.len())];
            bytes.splice(at..end, other[chance.below(other.len())..].iter().copied());
        }
        _ => drop(bytes.splice(at..end, TOKENS[chance.below(TOKENS.len())].iter().copied())),
    }
}
