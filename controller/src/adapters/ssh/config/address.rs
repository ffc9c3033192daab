//! Numeric addresses, written anew as ssh writes them; names in lower case.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What is connected to when this is the host's name. `family` is `any`, `inet` or `inet6`.
pub(super) fn canonical(host: &str, family: &str) -> String {
    let fast = host.contains(['%', ':']) || host.chars().all(|c| c.is_ascii_digit() || c == '.');
    let four = if family == "inet6" { None } else { four(host).map(|address| address.to_string()) };
    let six = match host.parse::<Ipv6Addr>() {
        // glibc finds the address of IPv4 in it.
        Ok(address) if family == "inet" => address.to_ipv4_mapped().map(|address| address.to_string()),
        Ok(address) => Some(six(address)),
        Err(_) => None,
    };
    match four.or(six) {
        // As ssh: one that is only written in other letters stays, too.
        Some(address) if address.eq_ignore_ascii_case(host) => host.to_owned(),
        Some(address) => address,
        // What only an address can be, and is none, stays.
        None if fast => host.to_owned(),
        None => host.to_ascii_lowercase(),
    }
}

/// As `inet_aton(3)`: up to four parts, decimal, octal or hexadecimal, the last of which fills the rest.
fn four(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    let numbers = parts.iter().map(|part| part_of_four(part)).collect::<Option<Vec<u32>>>()?;
    let (last, before) = numbers.split_last()?;
    if before.len() > 3 || before.iter().any(|part| *part > 255) {
        return None;
    }
    let room = u64::from(u32::MAX) >> (8 * before.len());
    if u64::from(*last) > room {
        return None;
    }
    let high = before.iter().zip([24u32, 16, 8]).map(|(part, shift)| part << shift).sum::<u32>();
    Some(Ipv4Addr::from_bits(high | last))
}

fn part_of_four(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() }
}

/// As glibc writes it: `::1.2.3.4` for what is compatible with IPv4.
fn six(address: Ipv6Addr) -> String {
    let segments = address.segments();
    if segments[..6] == [0; 6] && segments[6] != 0 {
        let four = Ipv4Addr::from_bits(u32::from(segments[6]) << 16 | u32::from(segments[7]));
        return format!("::{four}");
    }
    address.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_anew_and_names_in_lower_case() {
        let check = |host: &str, family: &str, expected: &str| {
            assert_eq!(canonical(host, family), expected, "{host} {family}");
        };
        check("N1.Example", "any", "n1.example");
        check("127.1", "any", "127.0.0.1");
        check("0x7f.010.1", "any", "127.8.0.1");
        check("256", "any", "0.0.1.0");
        check("1.2.3.256", "any", "1.2.3.256");
        check("1.2.3.4.5", "any", "1.2.3.4.5");
        check("0XA.B", "any", "0xa.b");
        check("FE80::0001", "any", "fe80::1");
        check("FE80::A", "any", "FE80::A");
        check("::102:304", "any", "::1.2.3.4");
        check("::ffff:1.2.3.4", "any", "::ffff:1.2.3.4");
        check("FE80::1", "inet", "FE80::1");
        check("::ffff:10.0.0.1", "inet", "10.0.0.1");
        check("127.1", "inet6", "127.1");
    }
}
