//! One value of config.yaml in every form in which somebody may write it.

use fastrand::Rng;

use crate::tally::Tally;

/// One of these.
pub(crate) fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

const WORDS: [&str; 14] = [
    "oms", "10.0.0.9", "root@oms#obcluster", "http://oms.example.com:8088", "cn-jiangsu", "江苏", "pässwörd", "a b  c",
    "x#y", "p:q", "😀", "-10.0.0.1", "a,b", "$x{y}[z]",
];
const BOOLEANS: [&str; 20] = [
    "true", "True", "TRUE", "tRue", "false", "False", "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "off", "OFF", "y",
    "Y", "n", "N",
];
const NULLS: [&str; 6] = ["~", "null", "Null", "NULL", "", "none"];
const SIGNS: [&str; 4] = ["", "", "-", "+"];

/// A plain scalar that YAML 1.1 takes for something else than text, or nearly.
pub(crate) fn surprise(rng: &mut Rng, tally: &mut Tally) -> String {
    let digits = |rng: &mut Rng, from: &str, most: usize| -> String {
        let from: Vec<char> = from.chars().collect();
        (0..rng.usize(1..=most)).map(|_| from[rng.usize(..from.len())]).collect()
    };
    let sign = pick(rng, &SIGNS);
    let (what, text) = match rng.u8(..14) {
        0 => ("decimal integer", digits(rng, "0123456789", 6)),
        1 => ("octal integer", format!("0{}", digits(rng, "01234567_8", 5))),
        2 => ("hexadecimal integer", format!("0x{}", digits(rng, "0123456789abcDEF_", 4))),
        3 => ("binary integer", format!("0b{}", digits(rng, "01_", 5))),
        4 => ("YAML 1.2 octal", format!("0o{}", digits(rng, "01234567", 3))),
        5 => ("underscored integer", format!("1{}", digits(rng, "0123456789_", 7))),
        6 => ("sexagesimal", format!("{}:{}", rng.u8(..30), rng.u8(..70))),
        7 => ("sexagesimal", format!("{}:{:02}:{:02}", rng.u16(..300), rng.u8(..62), rng.u8(..62))),
        8 => ("float", format!("{}.{}", digits(rng, "0123456789_", 3), digits(rng, "0123456789_", 3))),
        9 => ("float", format!("{}{}e{}{}", rng.u8(..), pick(rng, &[".", "", ".5"]), pick(rng, &SIGNS), rng.u8(..30))),
        10 => ("infinity", pick(rng, &[".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", ".iNF", "inf", ".5", "._5"]).to_owned()),
        11 => ("huge integer", digits(rng, "123456789", 60)),
        12 => ("float", format!("{}:{}.{}", rng.u8(..70), rng.u8(..70), digits(rng, "0123456789_", 2))),
        _ => return date(rng, tally),
    };
    tally.count(what);
    format!("{sign}{text}")
}

fn date(rng: &mut Rng, tally: &mut Tally) -> String {
    tally.count("timestamp");
    let (year, month, day) = (pick(rng, &["2024", "2023", "1999", "0001", "0000", "24"]), rng.u8(..14), rng.u8(..33));
    let date = if rng.u8(..4) > 0 { format!("{year}-{month:02}-{day:02}") } else { format!("{year}-{month}-{day}") };
    if rng.bool() {
        return date;
    }
    let zone = pick(rng, &["", "Z", "z", "+8", "-05:30", " Z", " +01:00", "+24:00", "-0", "+1:75", " "]);
    let fraction = pick(rng, &["", "", ".5", ".", ".1234567", ".000"]);
    let separator = pick(rng, &["T", "t", " ", "  "]);
    let (hour, minute, second) = (rng.u8(..26), rng.u8(..62), rng.u8(..62));
    format!("{date}{separator}{hour}:{minute:02}:{second:02}{fraction}{zone}")
}

/// A scalar in any style. `indentation` is that of its key.
pub(crate) fn scalar(rng: &mut Rng, indentation: usize, tally: &mut Tally) -> String {
    match rng.u8(..20) {
        0..4 => plain(rng, tally),
        4..8 => surprise(rng, tally),
        8 => count(tally, "boolean", pick(rng, &BOOLEANS)),
        9 => count(tally, "null", pick(rng, &NULLS)),
        10..12 => single_quoted(rng, indentation, tally),
        12..15 => double_quoted(rng, indentation, tally),
        15..17 => tagged(rng, tally),
        17 => block(rng, indentation, tally),
        18 => multi_line_plain(rng, indentation, tally),
        _ => count(tally, "mask", pick(rng, &["********", "<password>", "xxx.xxx.xxx.1", "123****", "${NAME}", "'${NAME}'", "*anchor"])),
    }
}

fn count(tally: &mut Tally, what: &'static str, text: &str) -> String {
    tally.count(what);
    text.to_owned()
}

fn plain(rng: &mut Rng, tally: &mut Tally) -> String {
    tally.count("plain text");
    let mut text = pick(rng, &WORDS).to_owned();
    if rng.u8(..4) == 0 {
        text += pick(rng, &[" word", "#word", ": x", ":x", "-", "'", "\"", "\\n", "!", "%", "@", "`", "|", "?", "\u{a0}", "\u{85}", "\u{2028}"]);
    }
    if rng.u8(..8) == 0 {
        tally.count("leading indicator");
        text.insert_str(0, pick(rng, &["- ", "-", "? ", "?", ": ", ":", "&", "*", "!", "@", "`", "%", "|", ">", "#", ",", "[", "}"]));
    }
    text
}

fn single_quoted(rng: &mut Rng, indentation: usize, tally: &mut Tally) -> String {
    tally.count("single-quoted");
    let inside = pick(rng, &["", "oms", "it''s", "0123456", "a # b", "a: b", "\\n", "江苏", "\t", " x ", "\"", "true", "''"]);
    let more = continuation(rng, indentation, tally);
    format!("'{inside}{more}'")
}

fn continuation(rng: &mut Rng, indentation: usize, tally: &mut Tally) -> String {
    if rng.u8(..8) > 0 {
        return String::new();
    }
    tally.count("quoted over several lines");
    let breaks = pick(rng, &["\n", "\n\n", " \n", "\n \n", "\r\n", "\r", "\u{85}", "\u{2028}", "\n\u{85}"]);
    let deep = " ".repeat(rng.usize(..3) + indentation);
    let rest = pick(rng, &["more", "# more", "a: b", "- x", "--- x", "...", "\tx"]);
    format!("{breaks}{deep}{rest}")
}

fn double_quoted(rng: &mut Rng, indentation: usize, tally: &mut Tally) -> String {
    tally.count("double-quoted");
    let escapes = [
        "\\n", "\\t", "\\\\", "\\\"", "\\x41", "\\u6c5f", "\\U0001F600", "\\e", "\\0", "\\a", "\\ ", "\\/", "\\N", "\\_", "\\L",
        "\\P", "\\v", "\\f", "\\b", "\\r", "\\q", "\\x4", "\\ud800", "\\'", "\\\t", "\\\n", "\\\n  ", "\\U00110000",
    ];
    let mut inside = String::new();
    for _ in 0..rng.usize(..4) {
        if rng.u8(..3) > 0 {
            inside += pick(rng, &["oms", "0123", " ", "'", "#", " # ", ": ", "江", "\t", "${X}", "{", "😀", "\u{7f}", "\u{1}", "\u{feff}"]);
        } else {
            tally.count("escape");
            inside += pick(rng, &escapes);
        }
    }
    let more = continuation(rng, indentation, tally);
    format!("\"{inside}{more}\"")
}

fn tagged(rng: &mut Rng, tally: &mut Tally) -> String {
    let tags = [
        ("!!bool", "tag !!bool"), ("!!str", "tag !!str"), ("!!int", "tag !!int"), ("!!float", "tag !!float"),
        ("!!null", "tag !!null"), ("!!timestamp", "tag !!timestamp"), ("!!binary", "tag !!binary"), ("!vault", "local tag"),
        ("!", "lone tag"), ("!<tag:yaml.org,2002:int>", "verbatim tag"), ("!<!x>", "verbatim tag"), ("!!seq", "tag of a collection"),
        ("!!map", "tag of a collection"), ("!!set", "tag of a collection"), ("!!python/none", "local tag"), ("!x!y", "local tag"),
    ];
    let (tag, what) = tags[rng.usize(..tags.len())];
    tally.count(what);
    let value = match rng.u8(..6) {
        0 => "\"true\"".to_owned(),
        1 => pick(rng, &BOOLEANS).to_owned(),
        2 => format!("\"{}\"", pick(rng, &["12", "0123", "1.5", "x", "", "2024-01-01", "no", "1e3", "-.inf", " 7", "1_0", "0x_"])),
        3 => "oms".to_owned(),
        4 => String::new(),
        _ => surprise(rng, tally),
    };
    format!("{tag} {value}")
}

fn block(rng: &mut Rng, indentation: usize, tally: &mut Tally) -> String {
    tally.count("block scalar");
    let header = pick(rng, &["|", ">", "|-", ">-", "|+", ">+", "|2", ">1-", "|-2", "| # c", "|x", "|0", "|#c"]);
    let mut text = header.to_owned();
    for _ in 0..rng.usize(..4) {
        let deep = " ".repeat(indentation + rng.usize(..4));
        let line = pick(rng, &["oms", "- a", "a: b", "# c", "", " x", "\tx", "last", "x\t", "---"]);
        text += &format!("\n{deep}{line}");
    }
    text
}

fn multi_line_plain(rng: &mut Rng, indentation: usize, tally: &mut Tally) -> String {
    tally.count("plain over several lines");
    let deep = " ".repeat(indentation + rng.usize(..3));
    let breaks = pick(rng, &["\n", "\n\n", " \n", "\n\n\n"]);
    let rest = pick(rng, &["more", "# more", "x: y", "- x", "\tx", "'x'"]);
    format!("{}{breaks}{deep}{rest}", pick(rng, &WORDS))
}
