//! One value of config.yaml in every form in which somebody may write it.

use crate::maker::Maker;
use std::fmt::Write as _;

const WORDS: [&str; 13] = [
    "oms",
    "10.0.0.9",
    "root@oms#obcluster",
    "http://oms.example.com:8088",
    "cn-jiangsu",
    "江苏",
    "pässwörd",
    "a b  c",
    "x#y",
    "p:q",
    "😀",
    "-10.0.0.1",
    "$x-y",
];
const BOOLEANS: [&str; 20] = [
    "true", "True", "TRUE", "tRue", "false", "False", "yes", "Yes", "YES", "no", "No", "NO", "on", "On",
    "off", "OFF", "y", "Y", "n", "N",
];
const NULLS: [&str; 6] = ["~", "null", "Null", "NULL", "", "none"];
const SIGNS: [&str; 4] = ["", "", "-", "+"];

/// A scalar in any style. `indentation` is that of its key; between brackets no blocks are possible.
pub(crate) fn scalar(make: &mut Maker<'_>, indentation: usize, brackets: bool) -> String {
    match make.below(20) {
        0..4 => plain(make, brackets),
        4..8 => surprise(make),
        8 => counted(make, "boolean", &BOOLEANS),
        9 => counted(make, "null", &NULLS),
        10..12 => single_quoted(make, indentation),
        12..15 => double_quoted(make, indentation),
        15..17 => tagged(make),
        17 if !brackets => block(make, indentation),
        18 if !brackets => over_several_lines(make, indentation),
        _ => {
            make.count("mask");
            make.choose(&["<password>", "xxx.xxx.xxx.1", "123****"], &["********", "*anchor", "${NAME}"])
                .to_owned()
        }
    }
}

fn counted(make: &mut Maker<'_>, what: &'static str, from: &[&str]) -> String {
    make.count(what);
    make.pick(from).to_owned()
}

/// A plain scalar that YAML 1.1 takes for something else than text, or nearly.
pub(crate) fn surprise(make: &mut Maker<'_>) -> String {
    let sign = make.pick(&SIGNS);
    let (what, text) = match make.below(14) {
        0 => ("decimal integer", digits(make, "0123456789", 6)),
        1 => ("octal integer", format!("0{}", digits(make, "01234567_8", 5))),
        2 => ("hexadecimal integer", format!("0x{}", digits(make, "0123456789abcDEF_", 4))),
        3 => ("binary integer", format!("0b{}", digits(make, "01_", 5))),
        4 => ("YAML 1.2 octal", format!("0o{}", digits(make, "01234567", 3))),
        5 => ("underscored integer", format!("1{}", digits(make, "0123456789_", 7))),
        6 => ("sexagesimal", format!("{}:{}", make.below(30), make.below(70))),
        7 => ("sexagesimal", format!("{}:{:02}:{:02}", make.below(300), make.below(62), make.below(62))),
        8 => ("float", format!("{}.{}", digits(make, "0123456789_", 3), digits(make, "0123456789_", 3))),
        9 => {
            let (point, sign) = (make.pick(&[".", "", ".5"]), make.pick(&SIGNS));
            ("float", format!("{}{point}e{sign}{}", make.below(256), make.below(30)))
        }
        10 => {
            let forms = [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", ".iNF", "inf", ".5", "._5"];
            ("infinity", make.pick(&forms).to_owned())
        }
        11 => ("huge integer", digits(make, "123456789", 60)),
        12 => ("float", format!("{}:{}.{}", make.below(70), make.below(70), digits(make, "0123456789_", 2))),
        _ => return date(make),
    };
    make.count(what);
    format!("{sign}{text}")
}

fn digits(make: &mut Maker<'_>, from: &str, most: usize) -> String {
    let length = 1 + make.below(most);
    let from: Vec<char> = from.chars().collect();
    (0..length).map(|_| from[make.below(from.len())]).collect()
}

fn date(make: &mut Maker<'_>) -> String {
    make.count("timestamp");
    let year = make.choose(&["2024", "2023", "1999", "0001"], &["0000", "24"]);
    let past = usize::from(make.slip(8));
    let (month, day) = (1 + make.below(12 + past), 1 + make.below(28 + 5 * past));
    let padded = !make.once_in(4);
    let date = if padded { format!("{year}-{month:02}-{day:02}") } else { format!("{year}-{month}-{day}") };
    if make.once_in(2) {
        return date;
    }
    let zone = make
        .choose(&["", "Z", "+8", "-05:30", " Z", " +01:00", "-0", "+1:75", " "], &["z", "+24:00", "+1:5"]);
    let fraction = make.pick(&["", "", ".5", ".", ".1234567", ".000"]);
    let separator = make.pick(&["T", "t", " ", "  "]);
    let (hour, minute, second) =
        (make.below(24 + 2 * past), make.below(60 + 2 * past), make.below(60 + 2 * past));
    format!("{date}{separator}{hour}:{minute:02}:{second:02}{fraction}{zone}")
}

fn plain(make: &mut Maker<'_>, brackets: bool) -> String {
    make.count("plain text");
    let mut text = make.pick(&WORDS).to_owned();
    if make.once_in(4) {
        text += make.choose(
            &[
                " word", "#word", ":x", "-", "'", "\"", "\\n", "!", "%", "@", "`", "|", "\u{a0}", "*", "&",
                "=", "<<",
            ],
            &[": x", "\u{85}", "\u{2028}", "\t", "?"],
        );
    }
    if !brackets && make.once_in(6) {
        text += make.pick(&[",x", "[a]", "{b}", "?x"]);
    }
    if make.slip(6) {
        make.count("leading indicator");
        let indicators = [
            "- ", "-", "? ", "?", ": ", ":", "&", "*", "!", "@", "`", "%", "|", ">", "#", ",", "[", "}", "=",
            "\u{feff}",
        ];
        let indicator = make.pick(&indicators);
        // Between brackets PyYAML takes `?x` for a mapping; nobody writes that.
        if !(brackets && indicator.starts_with('?')) {
            text.insert_str(0, indicator);
        }
    }
    text
}

/// What a quoted value goes on with in the next line, mostly nothing.
fn continuation(make: &mut Maker<'_>, indentation: usize) -> String {
    if !make.once_in(8) {
        return String::new();
    }
    make.count("quoted over several lines");
    let breaks =
        make.choose(&["\n", "\n\n", " \n", "\n \n", "\r\n", "\r"], &["\u{85}", "\u{2028}", "\n\u{85}"]);
    let deep = if make.slip(8) { make.below(indentation + 1) } else { indentation + 1 + make.below(3) };
    let rest = make.choose(&["more", "# more", "a: b", "- x"], &["\tx", "--- x", "..."]);
    format!("{breaks}{}{rest}", " ".repeat(deep))
}

fn single_quoted(make: &mut Maker<'_>, indentation: usize) -> String {
    make.count("single-quoted");
    let inside = make.choose(
        &[
            "", "oms", "it''s", "0123456", "a # b", "a: b", "\\n", "江苏", "\t", " x ", "\"", "true", "''",
            "{", "a: {b",
        ],
        &["'", "it's", "\u{1}"],
    );
    let more = continuation(make, indentation);
    format!("'{inside}{more}'")
}

fn double_quoted(make: &mut Maker<'_>, indentation: usize) -> String {
    make.count("double-quoted");
    let escapes = [
        "\\n",
        "\\t",
        "\\\\",
        "\\\"",
        "\\x41",
        "\\u6c5f",
        "\\U0001F600",
        "\\e",
        "\\0",
        "\\a",
        "\\ ",
        "\\/",
        "\\N",
        "\\_",
        "\\L",
        "\\P",
        "\\v",
        "\\f",
        "\\b",
        "\\r",
        "\\\t",
        "\\\n  ",
    ];
    let wrong = ["\\q", "\\x4", "\\ud800", "\\'", "\\U00110000", "\\", "\""];
    let mut inside = String::new();
    for _ in 0..make.below(4) {
        if make.once_in(3) {
            make.count("escape");
            inside += make.choose(&escapes, &wrong);
        } else {
            let texts = ["oms", "0123", " ", "'", "#", " # ", ": ", "江", "\t", "x}", "{", "😀"];
            inside += make.choose(&texts, &["\u{7f}", "\u{1}", "\u{feff}"]);
        }
    }
    let more = continuation(make, indentation);
    format!("\"{inside}{more}\"")
}

fn tagged(make: &mut Maker<'_>) -> String {
    let plain = surprise(make);
    let mut fitting: Vec<(&'static str, &str, String)> = vec![
        ("tag !!str", "!!str", plain.clone()),
        ("tag !!str", "!!str", "\"x\"".to_owned()),
        ("tag !!null", "!!null", make.pick(&["", "x", "~"]).to_owned()),
        ("lone tag", "!", plain.clone()),
        ("lone tag", "!", "\"12\"".to_owned()),
        ("verbatim tag", "!<tag:yaml.org,2002:str>", "12".to_owned()),
    ];
    let boolean = make.pick(&["true", "\"true\"", "'no'", "Off", "YES", "\"oN\""]).to_owned();
    fitting.push(("tag !!bool", "!!bool", boolean));
    fitting.push((
        "tag !!int",
        "!!int",
        make.pick(&["12", "\"12\"", "'0123'", "\"1_0\"", "-0x1F", "1:30"]).to_owned(),
    ));
    fitting.push((
        "tag !!float",
        "!!float",
        make.pick(&["1.5", "\"1e3\"", "12", "'-.inf'", "1_0.5"]).to_owned(),
    ));
    fitting.push((
        "tag !!timestamp",
        "!!timestamp",
        make.pick(&["2024-01-01", "\"2024-01-01T10:00:00Z\""]).to_owned(),
    ));
    if make.slip(3) {
        let tags = [
            "!!bool",
            "!!int",
            "!!float",
            "!!timestamp",
            "!!binary",
            "!vault",
            "!<!x>",
            "!!seq",
            "!!map",
            "!!set",
            "!x!y",
            "!!python/none",
            "!!omap",
        ];
        make.count("tag that does not fit");
        let value = make.pick(&["\"x\"", "\"\"", "", "\" 7\"", "\"0x_\"", "[a]", "{a: b}"]);
        return format!("{} {value}", make.pick(&tags));
    }
    let (what, tag, value) = fitting.swap_remove(make.below(fitting.len()));
    make.count(what);
    format!("{tag} {value}")
}

fn block(make: &mut Maker<'_>, indentation: usize) -> String {
    make.count("block scalar");
    let header = make.choose(
        &["|", ">", "|-", ">-", "|+", ">+", "| # c"],
        &["|2", ">1-", "|-2", "|x", "|0", "|#c", "|\t"],
    );
    let mut text = header.to_owned();
    let deep = indentation + 1 + make.below(3);
    for _ in 0..make.below(4) {
        let off = if make.slip(8) { make.below(deep + 2) } else { deep };
        let line = make.choose(
            &["oms", "- a", "a: b", "# c", "", "last", "x\t", "---", "\"", "x y"],
            &["\tx", " more", "..."],
        );
        let _ = write!(text, "\n{}{line}", " ".repeat(off));
    }
    text
}

fn over_several_lines(make: &mut Maker<'_>, indentation: usize) -> String {
    make.count("plain over several lines");
    let first = make.pick(&WORDS);
    let breaks = make.pick(&["\n", "\n\n", " \n", "\n\n\n"]);
    let deep = if make.slip(8) { make.below(indentation + 1) } else { indentation + 1 + make.below(3) };
    let rest = make.choose(&["more", "'x'", "-y", "x #c"], &["# more", "x: y", "- x", "\tx"]);
    format!("{first}{breaks}{}{rest}", " ".repeat(deep))
}
