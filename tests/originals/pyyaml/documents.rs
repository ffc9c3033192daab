//! Whole config.yaml files in the wildest forms that somebody may write: every case from one seed.

use crate::maker::Maker;
use crate::scalars::scalar;
use crate::tally::Tally;
use std::fmt::Write as _;

pub(crate) const KEYS: [&str; 30] = [
    "oms_meta_host",
    "oms_meta_port",
    "oms_meta_user",
    "oms_meta_password",
    "drc_rm_db",
    "drc_cm_db",
    "drc_cm_heartbeat_db",
    "drc_user",
    "drc_password",
    "cm_url",
    "cm_location",
    "cm_region",
    "cm_region_cn",
    "cm_is_default",
    "cm_nodes",
    "tsdb_service",
    "tsdb_enabled",
    "tsdb_url",
    "tsdb_username",
    "tsdb_password",
    "ghana_server_port",
    "nginx_server_port",
    "cm_server_port",
    "supervisor_server_port",
    "sshd_server_port",
    "apsara_audit_sls_access_key",
    "apsara_audit_sls_access_secret",
    "apsara_audit_sls_endpoint",
    "apsara_audit_sls_ops_site_topic",
    "apsara_audit_sls_user_site_topic",
];

/// The text of the case.
pub(crate) fn document(seed: u64, tally: &mut Tally) -> String {
    let make = &mut Maker::new(seed, tally);
    let mut text = String::new();
    prologue(make, &mut text);
    let indentation = if make.once_in(8) { make.below(4) } else { 0 };
    let mut anchors = 0;
    for _ in 0..=make.below(7) {
        entry(make, &mut text, indentation, &mut anchors);
    }
    epilogue(make, &mut text);
    if make.once_in(6) {
        make.count("CRLF");
        text = text.replace('\n', "\r\n");
    }
    if make.is_wild() && make.once_in(2) {
        make.count("one character changed");
        change(make, &mut text);
    }
    text
}

fn add(make: &mut Maker<'_>, text: &mut String, what: &'static str, valid: &[&str], invalid: &[&str]) {
    make.count(what);
    text.push_str(make.choose(valid, invalid));
}

fn prologue(make: &mut Maker<'_>, text: &mut String) {
    if make.once_in(12) {
        make.count("BOM");
        text.push('\u{feff}');
    }
    match make.below(16) {
        0 => add(
            make,
            text,
            "directive",
            &["%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "%TAG !x! tag:x,1:\n---\n", "%FOO\n---\n"],
            &["%YAML 2.0\n---\n", "%YAML 1.1\n"],
        ),
        1 => add(
            make,
            text,
            "document start",
            &["---\n", "--- # c\n"],
            &["---\n---\n", "--- {a: b}\n", "---a\n"],
        ),
        2 => add(
            make,
            text,
            "comment before",
            &["# OMS\n\n", "\n\n#\n", "# 配置\n"],
            &["\t# c\n", "#\u{85}\n"],
        ),
        _ => {}
    }
}

fn epilogue(make: &mut Maker<'_>, text: &mut String) {
    match make.below(20) {
        0 => add(make, text, "document end", &["...\n", "... # c\n", "...\n# c\n"], &["...\n...\n"]),
        1 => {
            text.truncate(text.trim_end_matches('\n').len());
            make.count("no last line break");
        }
        _ => {}
    }
    if make.slip(6) {
        make.count("rubbish at the end");
        let rubbish = [
            "}\n",
            "- a\n",
            "  b: c\n",
            "\t\n",
            "x\n",
            "\u{0}\n",
            "\u{85}\n",
            "---\n",
            "---\na: b\n",
            "...\n---\n",
            "--- x\n",
        ];
        text.push_str(make.pick(&rubbish));
    }
}

fn entry(make: &mut Maker<'_>, text: &mut String, indentation: usize, anchors: &mut usize) {
    let mut indentation = indentation;
    if make.slip(20) {
        make.count("odd indentation");
        indentation += 1;
    }
    if make.once_in(12) {
        add(
            make,
            text,
            "comment line",
            &["# c\n", "#c: d\n", " # c\t\n", "\n", "  \n"],
            &["\t# c\n", "\t\n"],
        );
    }
    text.push_str(&" ".repeat(indentation));
    match make.below(40) {
        0 => {
            return add(
                make,
                text,
                "explicit key",
                &["? x\n", "? k\n", "? \"x\"\n"],
                &["? [a]\n", "? {a: b}\n", "? - a\n"],
            );
        }
        1 => return anchored(make, text, anchors),
        2 if *anchors > 0 => {
            return add(
                make,
                text,
                "merge key",
                &["<<: *a0\n"],
                &["<<: *a1\n", "<<: [*a0, *a0]\n", "<<: x\n"],
            );
        }
        3 => {
            return add(
                make,
                text,
                "merge key",
                &["<<: {cm_url: y}\n", "'<<': x\n"],
                &["<<: [{cm_url: y}, {cm_url: z}]\n", "<<: [x]\n"],
            );
        }
        _ => {}
    }
    let name = key(make);
    let colon = make.choose(&[": ", ": ", ": ", ":   ", " : "], &[":", ":\t", " :\t"]);
    let _ = write!(text, "{name}{colon}");
    value(make, text, indentation, *anchors);
    match make.below(12) {
        0 => add(make, text, "comment after", &[" # c", " #c", "  # c: d", " #\t"], &["# c", "\t# c"]),
        1 => add(make, text, "blanks after", &[" ", "   "], &["\t", " \t"]),
        _ => {}
    }
    text.push('\n');
}

fn anchored(make: &mut Maker<'_>, text: &mut String, anchors: &mut usize) {
    make.count("anchored mapping");
    let anchor = if make.slip(4) { "a0".to_owned() } else { format!("a{anchors}") };
    *anchors += 1;
    let _ = writeln!(text, "base{anchors}: &{anchor} {{cm_url: x, cm_location: 010}}");
}

fn key(make: &mut Maker<'_>) -> String {
    let name = make.pick(&KEYS);
    match make.below(16) {
        0 | 1 => {
            make.count("quoted key");
            let mark = make.pick(&["'", "\""]);
            format!("{mark}{name}{mark}")
        }
        2 => {
            make.count("strange key");
            let strange = [
                "ssh_server_port",
                "1",
                "010",
                "yes",
                "~",
                "=",
                "a b",
                "!!str k",
                "江",
                "null",
                "2024-01-01",
                "1.5",
            ];
            make.choose(&strange, &["? k", "", "k,", "<<", "-", "&k", "!x k", "[a]", "!!int x"]).to_owned()
        }
        _ => name.to_owned(),
    }
}

fn value(make: &mut Maker<'_>, text: &mut String, indentation: usize, anchors: usize) {
    match make.below(20) {
        0 | 1 => block_list(make, text, indentation),
        2 | 3 => flow_list(make, text, indentation),
        4 => flow_mapping(make, text, indentation),
        5 => {
            make.count("block mapping");
            let deep = indentation + 1 + make.below(3);
            let inner = scalar(make, deep, false);
            let deep = " ".repeat(deep);
            let _ = write!(text, "\n{deep}a: {inner}\n{deep}b: x");
        }
        6 if anchors > 0 => add(make, text, "alias", &["*a0"], &["*nobody", "*a0 x"]),
        7 => {
            make.count("value on the next line");
            let deep =
                if make.slip(4) { make.below(indentation + 1) } else { indentation + 1 + make.below(2) };
            let next = scalar(make, indentation, false);
            let _ = write!(text, "\n{}{next}", " ".repeat(deep));
        }
        8 if make.once_in(3) => {
            make.count("anchored scalar");
            let anchored = scalar(make, indentation, false);
            let anchor = make.choose(&["s-1", "s_2", "S"], &["s:1", "江", "", "s.1"]);
            let _ = write!(text, "&{anchor} {anchored}");
        }
        _ => text.push_str(&scalar(make, indentation, false)),
    }
}

fn block_list(make: &mut Maker<'_>, text: &mut String, indentation: usize) {
    make.count("block list");
    let deep = " ".repeat(indentation + make.below(4));
    for _ in 0..=make.below(3) {
        let blanks = make.choose(&[" ", " ", " ", "  "], &["\t", ""]);
        let item = if make.once_in(2) { "10.0.0.1".to_owned() } else { scalar(make, deep.len(), false) };
        let _ = write!(text, "\n{deep}-{blanks}{item}");
    }
}

fn flow_list(make: &mut Maker<'_>, text: &mut String, indentation: usize) {
    make.count("flow list");
    let deep = " ".repeat(indentation + 1);
    let items: Vec<String> = (0..make.below(4)).map(|_| flow_item(make, indentation)).collect();
    let between = make.choose(&[", ", ",", " , ", ",\n", ", # c\n"], &[",,", ",\t", " "]);
    let end = make.choose(&["]", "]", " ]", "\n]"], &[",]", "", "}", ",,]"]);
    let body =
        items.join(between).replace(",\n", &format!(",\n{deep}")).replace("# c\n", &format!("# c\n{deep}"));
    let end = if make.slip(6) { end.to_owned() } else { end.replace('\n', &format!("\n{deep}")) };
    let _ = write!(text, "[{body}{end}");
}

fn flow_item(make: &mut Maker<'_>, indentation: usize) -> String {
    match make.below(6) {
        0 => "10.0.0.1".to_owned(),
        1 => {
            let items = ["a: b", "[a]", "{a: b}", "a:b", "\"a\": b", "http://x:1", "{}", "[]"];
            make.choose(&items, &["a?b", "? a", "\"a\":b", "a:", "-", "- a", "::", "[a]: b", ":a", "*a"])
                .to_owned()
        }
        _ => scalar(make, indentation + 1, true),
    }
}

fn flow_mapping(make: &mut Maker<'_>, text: &mut String, indentation: usize) {
    make.count("flow mapping");
    let mut entries = Vec::new();
    for key in ["a", "\"b\"", "c d"] {
        let key = if make.slip(8) { make.pick(&["{x: y}", "e:", "", "[a]", "1", "<<"]) } else { key };
        let colon = make.choose(&[": ", ": ", " : "], &[":", ":\t"]);
        if make.once_in(2) {
            entries.push(format!("{key}{colon}{}", flow_item(make, indentation)));
        }
    }
    let deep = format!(",\n{}", " ".repeat(indentation + 1));
    let between = make.pick(&[", ", ",", &deep]);
    let _ = write!(text, "{{{}{}", entries.join(between), make.choose(&["}", " }"], &[",}", "", "]", "\n}"]));
}

/// Takes one character out, or puts one of those in that mean something.
fn change(make: &mut Maker<'_>, text: &mut String) {
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
    let place = places[make.below(places.len())];
    if make.once_in(2) {
        text.remove(place);
        return;
    }
    let strange = [
        "\t", " ", "\n", ":", "-", "#", "'", "\"", "[", "]", "{", "}", ",", "&", "*", "!", "|", ">", "%",
        "@", "`", "?", "\\", "\u{0}", "\u{7f}", "\u{85}", "\u{2028}", "\u{feff}", "\u{a0}", "\r", "\u{b}",
        "\u{fffe}",
    ];
    text.insert_str(place, make.pick(&strange));
}
