//! The places of a template that are still to be filled in: masks of asterisks, `<…>`, `xxx.xxx.xxx.xxx`, the word
//! `VIP`. The manual's samples have them all (research/oms.md 2.1 to 2.3).

use super::document::Style;
use super::keys::{Key, Kind};

/// `key: ********` is no YAML, since `*` refers to an anchor. Turns such masks into `<******>`, which is as long and
/// just as open.
pub(super) fn quote_masks(text: &str) -> String {
    text.split_inclusive('\n').map(|line| masked_line(line).unwrap_or_else(|| line.to_owned())).collect()
}

fn masked_line(line: &str) -> Option<String> {
    let start = line.find("**")?;
    let before = line[..start].trim_end();
    let opens = before.ends_with(':') || before.trim_start() == "-";
    let width = line[start..].bytes().take_while(|b| *b == b'*').count();
    let after = &line[start + width..];
    let ends =
        after.trim().is_empty() || (after.trim_start().starts_with('#') && after.starts_with([' ', '\t']));
    (opens && ends).then(|| format!("{}<{}>{after}", &line[..start], "*".repeat(width - 2)))
}

/// Whether a value is an open place of a template.
pub(super) fn is_placeholder(key: &Key, text: &str, style: Style) -> bool {
    let text = text.trim();
    // `root@oms****`: half of it is still there. Who has such a password takes it from the environment.
    if text.ends_with("****") || (text.len() >= 3 && text.bytes().all(|b| b == b'*')) {
        return true;
    }
    let angled = text.len() >= 2 && text.starts_with('<') && text.ends_with('>');
    // A password may really look like this; who means it puts it in quotation marks.
    if angled && !(key.secret && style == Style::Text) {
        return true;
    }
    if style == Style::Plain && ["your_", "your-", "YOUR_"].iter().any(|begin| text.starts_with(begin)) {
        return true;
    }
    if matches!(key.kind, Kind::Port | Kind::Location) {
        return text.len() >= 2 && text.bytes().all(|b| matches!(b, b'x' | b'X'));
    }
    if !matches!(key.kind, Kind::HostName | Kind::Nodes | Kind::Url | Kind::TsdbUrl) {
        return false;
    }
    let host = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let angled = host.starts_with('<') && host.ends_with('>');
    angled || host == "VIP" || host.split('.').any(is_crossed_out) || is_address_with_x(host)
}

/// `10.10.10.x`.
fn is_address_with_x(host: &str) -> bool {
    let parts: Vec<&str> = host.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 4
        && parts.iter().any(|part| matches!(*part, "x" | "X"))
        && parts.iter().all(|part| matches!(*part, "x" | "X") || number(part))
}

/// `xxx`, `xx1`.
fn is_crossed_out(part: &str) -> bool {
    let rest = part.trim_start_matches(['x', 'X']);
    part.len() - rest.len() >= 2 && rest.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::keys::key;
    use super::*;

    #[test]
    fn masks_of_asterisks_become_readable() {
        let text = "a: ******** # mask\n  - ***\nb: '**'\nc: *anchor\nd: 2 ** 3\n";
        assert_eq!(quote_masks(text), "a: <******> # mask\n  - <*>\nb: '**'\nc: *anchor\nd: 2 ** 3\n");
    }

    #[test]
    fn open_places_are_told_from_values() {
        let cases = [
            ("oms_meta_password", "<******>", Style::Plain, true),
            ("oms_meta_password", "<x>", Style::Text, false),
            ("oms_meta_password", "********", Style::Text, true),
            ("oms_meta_password", "xxx", Style::Plain, false),
            ("oms_meta_host", "xxx.xxx.xxx.1", Style::Plain, true),
            ("oms_meta_host", "xx1.example.com", Style::Plain, true),
            ("oms_meta_host", "10.0.0.1", Style::Plain, false),
            ("oms_meta_host", "10.10.10.x", Style::Plain, true),
            ("oms_meta_host", "x.example.com", Style::Plain, false),
            ("oms_meta_port", "xxxxx", Style::Plain, true),
            ("oms_meta_port", "2881", Style::Plain, false),
            ("oms_meta_user", "root@oms****", Style::Plain, true),
            ("oms_meta_user", "your_user", Style::Plain, true),
            ("oms_meta_user", "your_user", Style::Text, false),
            ("drc_password", "Ocean****", Style::Text, true),
            ("tsdb_url", "xxx.xxx.xxx.4:8086", Style::Text, true),
            ("tsdb_url", "10.0.0.9:8086", Style::Text, false),
            ("cm_url", "http://VIP:8088", Style::Plain, true),
            ("cm_url", "http://<address>:8088", Style::Text, true),
            ("cm_url", "http://vip.example.com:8088", Style::Plain, false),
        ];
        for (name, text, style, expected) in cases {
            assert_eq!(is_placeholder(key(name).unwrap(), text, style), expected, "{name} {text}");
        }
    }
}
