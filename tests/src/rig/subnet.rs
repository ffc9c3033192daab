//! Chooses a network that nothing on this machine uses, so that several rigs live side by side. Pure.

use std::net::Ipv4Addr;

/// Where rigs look for a free /24, first choice first.
const CANDIDATES: [[u8; 2]; 3] = [[10, 77], [172, 29], [192, 168]];

/// An address range, as `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    start: u32,
    bits: u32,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
        let address: Ipv4Addr = address.parse().ok()?;
        let bits = bits.parse().ok().filter(|bits| *bits <= 32)?;
        Some(Self { start: address.to_bits(), bits })
    }

    fn overlaps(self, other: Self) -> bool {
        let bits = self.bits.min(other.bits);
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        self.start & mask == other.start & mask
    }
}

/// The first three octets of a free /24, as `10.77.20`. `used` is any text that names ranges in use, one a word (routes,
/// Docker's networks); `seed` spreads instances over the candidates.
pub(super) fn choose(used: &str, seed: u8) -> Option<String> {
    let taken: Vec<Range> = used.split_whitespace().filter_map(Range::parse).collect();
    let octets =
        || (0..=u8::MAX).map(move |step| seed.wrapping_add(step)).filter(|octet| (1..=250).contains(octet));
    CANDIDATES
        .iter()
        .flat_map(|[first, second]| octets().map(move |third| [*first, *second, third]))
        .find(|[first, second, third]| {
            let wanted = Range { start: Ipv4Addr::new(*first, *second, *third, 0).to_bits(), bits: 24 };
            !taken.iter().any(|range| range.overlaps(wanted))
        })
        .map(|[first, second, third]| format!("{first}.{second}.{third}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn avoids_what_is_in_use() {
        let check = |used: &str, seed: u8, expected: &str| {
            assert_eq!(choose(used, seed).as_deref(), Some(expected), "{used}");
        };
        check("", 20, "10.77.20");
        check("default via 10.9.9.1 dev eth0\n10.77.20.0/24 dev br-1", 20, "10.77.21");
        check("10.77.20.7", 20, "10.77.21");
        check("10.0.0.0/8", 20, "172.29.20");
        check("10.77.250.0/24", 250, "10.77.1");
    }

    #[test]
    fn says_when_nothing_is_free() {
        assert_eq!(choose("0.0.0.0/0", 20), None);
    }
}
