//! Whole config.yaml files in the wildest forms that somebody may write: every case from one seed.

use fastrand::Rng;

use crate::scalars::{pick, scalar};
use crate::tally::Tally;

pub(crate) const KEYS: [&str; 30] = [
    "oms_meta_host", "oms_meta_port", "oms_meta_user", "oms_meta_password", "drc_rm_db", "drc_cm_db", "drc_cm_heartbeat_db",
    "drc_user", "drc_password", "cm_url", "cm_location", "cm_region", "cm_region_cn", "cm_is_default", "cm_nodes",
    "tsdb_service", "tsdb_enabled", "tsdb_url", "tsdb_username", "tsdb_password", "ghana_server_port", "nginx_server_port",
    "cm_server_port", "supervisor_server_port", "sshd_server_port", "apsara_audit_sls_access_key",
    "apsara_audit_sls_access_secret", "apsara_audit_sls_endpoint", "apsara_audit_sls_ops_site_topic",
    "apsara_audit_sls_user_site_topic",
];

/// The text of the case.
pub(crate) fn document(seed: u64, tally: &mut Tally) -> String {
    let rng = &mut Rng::with_seed(seed);
    let mut text = String::new();
    prologue(rng, &mut text, tally);
    let indentation = if rng.u8(..8) == 0 { rng.usize(..4) } else { 0 };
    for _ in 0..rng.usize(1..8) {
        entry(rng, &mut text, indentation, tally);
    }
    epilogue(rng, &mut text, tally);
    if rng.u8(..6) == 0 {
        tally.count("CRLF");
        text = text.replace('\n', "\r\n");
    }
    if rng.u8(..5) == 0 {
        tally.count("one character changed");
        change(rng, &mut text);
    }
    text
}

fn prologue(rng: &mut Rng, text: &mut String, tally: &mut Tally) {
    if rng.u8(..12) == 0 {
        tally.count("BOM");
        text.push('\u{feff}');
    }
    match rng.u8(..24) {
        0 => add(text, tally, "directive", pick(rng, &["%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "%YAML 2.0\n---\n", "%TAG !x! tag:x,1:\n---\n", "%FOO\n---\n", "%YAML 1.1\n"])),
        1 => add(text, tally, "document start", pick(rng, &["---\n", "--- # c\n", "---\n---\n", "--- {a: b}\n", "---a\n"])),
        2 => add(text, tally, "comment before", "# OMS\n\n"),
        _ => {}
    }
}

fn epilogue(rng: &mut Rng, text: &mut String, tally: &mut Tally) {
    match rng.u8(..24) {
        0 => add(text, tally, "second document", pick(rng, &["---\n", "---\na: b\n", "...\n---\n", "--- x\n"])),
        1 => add(text, tally, "document end", pick(rng, &["...\n", "... # c\n", "...\n# c\n", "...\n...\n"])),
        2 => {
            text.truncate(text.trim_end_matches('\n').len());
            tally.count("no last line break");
        }
        3 => add(text, tally, "rubbish at the end", pick(rng, &["}\n", "- a\n", "  b: c\n", "\t\n", "x\n", "\u{0}\n", "\u{85}\n"])),
        _ => {}
    }
}

fn add(text: &mut String, tally: &mut Tally, what: &'static str, more: &str) {
    tally.count(what);
    text.push_str(more);
}

fn entry(rng: &mut Rng, text: &mut String, indentation: usize, tally: &mut Tally) {
    let mut indentation = indentation;
    if rng.u8(..40) == 0 {
        tally.count("odd indentation");
        indentation += 1;
    }
    text.push_str(&" ".repeat(indentation));
    match rng.u8(..40) {
        0 => return add(text, tally, "explicit key", pick(rng, &["? cm_url\n: x\n", "? [a]\n: b\n", "? cm_url\n"])),
        1 => {
            let anchor = pick(rng, &["&a ", "&a ", "&b "]);
            return add(text, tally, "anchored mapping", &format!("base: {anchor}{{cm_url: x, cm_location: 010}}\n"));
        }
        2 => return add(text, tally, "merge key", pick(rng, &["<<: *a\n", "<<: {cm_url: y}\n", "<<: [{cm_url: y}, {cm_url: z, p: 1}]\n", "<<: x\n", "'<<': x\n", "<<: [x]\n"])),
        3 => return add(text, tally, "comment line", pick(rng, &["# c\n", "#c: d\n", " # c\n", "\t# c\n", "\n"])),
        _ => {}
    }
    let name = key(rng, tally);
    let colon = match rng.u8(..40) {
        0 => "",
        1 => "\t",
        2 => "   ",
        _ => " ",
    };
    if colon == "\t" {
        tally.count("tab after the colon");
    }
    text.push_str(&format!("{name}:{colon}"));
    value(rng, text, indentation, tally);
    match rng.u8(..20) {
        0 => add(text, tally, "comment after", pick(rng, &[" # c", " #c", "  # c: d", "# c", "\t# c"])),
        1 => add(text, tally, "blanks after", pick(rng, &[" ", "   ", "\t", " \t"])),
        _ => {}
    }
    text.push('\n');
}

fn key(rng: &mut Rng, tally: &mut Tally) -> String {
    let name = pick(rng, &KEYS);
    match rng.u8(..16) {
        0 => quoted(tally, format!("\"{name}\"")),
        1 => quoted(tally, format!("'{name}'")),
        2 => {
            tally.count("strange key");
            pick(rng, &["ssh_server_port", "1", "010", "yes", "~", "=", "a b", "!!str k", "&k key", "江", "k ", "null", "2024-01-01", "1.5", "? k"]).to_owned()
        }
        _ => name.to_owned(),
    }
}

fn quoted(tally: &mut Tally, name: String) -> String {
    tally.count("quoted key");
    name
}

fn value(rng: &mut Rng, text: &mut String, indentation: usize, tally: &mut Tally) {
    match rng.u8(..24) {
        0..2 => block_list(rng, text, indentation, tally),
        2 => flow_list(rng, text, indentation, tally),
        3 => flow_mapping(rng, text, indentation, tally),
        4 => {
            let deep = " ".repeat(indentation + 2);
            let inner = scalar(rng, indentation + 2, tally);
            add(text, tally, "block mapping", &format!("\n{deep}a: {inner}\n{deep}b: x"));
        }
        5 => {
            let anchored = scalar(rng, indentation, tally);
            add(text, tally, "anchor", &format!("{} {anchored}", pick(rng, &["&a", "&b", "&c-d", "&c:d"])));
        }
        6 => add(text, tally, "alias", pick(rng, &["*a", "*b", "*nobody"])),
        7 => {
            let next = scalar(rng, indentation, tally);
            add(text, tally, "value on the next line", &format!("\n{}{next}", " ".repeat(indentation + rng.usize(..3))));
        }
        _ => text.push_str(&scalar(rng, indentation, tally)),
    }
}

fn block_list(rng: &mut Rng, text: &mut String, indentation: usize, tally: &mut Tally) {
    tally.count("block list");
    let deep = " ".repeat(indentation + rng.usize(..4));
    for _ in 0..rng.usize(1..4) {
        let blanks = pick(rng, &[" ", " ", " ", "  ", "\t", ""]);
        let item = if rng.bool() { "10.0.0.1".to_owned() } else { scalar(rng, indentation + 2, tally) };
        text.push_str(&format!("\n{deep}-{blanks}{item}"));
    }
}

fn flow_list(rng: &mut Rng, text: &mut String, indentation: usize, tally: &mut Tally) {
    tally.count("flow list");
    let items: Vec<String> = (0..rng.usize(..4)).map(|_| flow_item(rng, indentation, tally)).collect();
    let between = pick(rng, &[", ", ",", " , ", ",\n  ", ",\n", ", # c\n ", ",,"]);
    let end = pick(rng, &["]", "]", "]", ",]", " ]", "\n]", "", "}"]);
    text.push_str(&format!("[{}{end}", items.join(between)));
}

fn flow_item(rng: &mut Rng, indentation: usize, tally: &mut Tally) -> String {
    match rng.u8(..6) {
        0 => "10.0.0.1".to_owned(),
        1 => pick(rng, &["a: b", "[a]", "{a: b}", "a:b", "? a", "\"a\":b", "*a", "a?b", "http://x:1", "a:", "-", "- a", "::", "[a]: b"]).to_owned(),
        _ => scalar(rng, indentation + 2, tally),
    }
}

fn flow_mapping(rng: &mut Rng, text: &mut String, indentation: usize, tally: &mut Tally) {
    tally.count("flow mapping");
    let mut entries = Vec::new();
    for _ in 0..rng.usize(..4) {
        let key = pick(rng, &["a", "\"b\"", "c d", "1", "<<", "{x: y}", "e:", "", "'f'", "g"]);
        let colon = pick(rng, &[": ", ": ", ":", " : ", ":\n "]);
        entries.push(format!("{key}{colon}{}", flow_item(rng, indentation, tally)));
    }
    text.push_str(&format!("{{{}{}", entries.join(pick(rng, &[", ", ",", ",\n  "])), pick(rng, &["}", "}", "}", ",}", "\n}", "]"])));
}

/// Takes one character out, or puts one of those in that mean something.
fn change(rng: &mut Rng, text: &mut String) {
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
    if places.is_empty() {
        return;
    }
    let place = places[rng.usize(..places.len())];
    if rng.bool() {
        text.remove(place);
    } else {
        let strange = [
            "\t", " ", "\n", ":", "-", "#", "'", "\"", "[", "]", "{", "}", ",", "&", "*", "!", "|", ">", "%", "@", "`", "?", "\\",
            "\u{0}", "\u{7f}", "\u{85}", "\u{2028}", "\u{feff}", "\u{a0}", "\r", "\u{b}", "\u{fffe}",
        ];
        text.insert_str(place, pick(rng, &strange));
    }
}
