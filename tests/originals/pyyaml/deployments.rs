//! Files of an operator that omsctl must accept, one region or several, with what every key is meant to be.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::maker::Maker;
use crate::scalars::surprise;
use crate::tally::Tally;

/// The files of one case.
pub(crate) struct Files {
    pub(crate) config: String,
    pub(crate) inventory: String,
    /// `group_vars/NAME.yml` of each region but the first, when there are several.
    pub(crate) group_vars: Vec<(String, String)>,
    /// Region by region what OMS shall see.
    pub(crate) meant: BTreeMap<String, BTreeMap<&'static str, Value>>,
    /// The problem that was put in, by its code.
    pub(crate) flaw: Option<&'static str>,
}

/// A key's text in the file and its meaning.
struct Written {
    key: &'static str,
    text: String,
    meant: Value,
}

/// The files of the case.
pub(crate) fn files(seed: u64, tally: &mut Tally) -> Files {
    let make = &mut Maker::new(seed, tally);
    let regions = [1, 1, 2, 3][make.below(4)];
    let hosts = if regions == 1 { 1 + make.below(3) } else { 1 + make.below(2) };
    make.count(match (regions, hosts) {
        (1, 1) => "single node",
        (1, _) => "several nodes, one region",
        _ => "several regions",
    });
    let mut keys = base_keys(make);
    let flawed = make.once_in(12);
    // The flaw is put into this key.
    keys.retain(|key| !flawed || key.key != "drc_user");
    let several = regions > 1;
    let mut inventory = String::from("[oms:vars]\noms_image=registry.example.com/oms:feature_4.2.7_ce\n");
    let mut files = Files {
        config: String::new(),
        inventory: String::new(),
        group_vars: Vec::new(),
        meant: BTreeMap::new(),
        flaw: None,
    };
    let base: BTreeMap<&'static str, Value> = keys.iter().map(|key| (key.key, key.meant.clone())).collect();
    if several {
        inventory += "[oms:children]\n";
        (0..regions).for_each(|region| inventory += &format!("r{region}\n"));
    }
    for region in 0..regions {
        let name = if several { format!("r{region}") } else { "default".to_owned() };
        inventory += &if several { format!("[{name}]\n") } else { "[oms]\n".to_owned() };
        let addresses: Vec<String> =
            (0..hosts).map(|host| format!("192.0.2.{}", 1 + region * 10 + host)).collect();
        for (host, address) in addresses.iter().enumerate() {
            inventory += &format!("n{region}{host} ansible_host={address}\n");
        }
        let mut meant = base.clone();
        if several {
            let own = region_keys(make, region);
            files.group_vars.push((name.clone(), lines(make, own.iter())));
            meant.extend(own.into_iter().map(|key| (key.key, key.meant)));
        } else if make.once_in(2) {
            let listed = addresses[..1 + make.below(addresses.len())].to_vec();
            keys.push(Written { key: "cm_nodes", text: node_list(make, &listed), meant: Value::Null });
        }
        meant.insert(
            "cm_nodes",
            json!({ "list": addresses.iter().map(|a| json!({ "text": a })).collect::<Vec<_>>() }),
        );
        meant.entry("cm_is_default").or_insert(json!({ "bool": true }));
        files.meant.insert(name, meant);
    }
    make.rng.shuffle(&mut keys);
    files.config = lines(make, keys.iter());
    files.inventory = inventory;
    if flawed {
        flaw(make, &mut files);
    }
    if make.once_in(6) {
        make.count("CRLF");
        files.config = files.config.replace('\n', "\r\n");
    }
    files
}

/// One thing that omsctl refuses by name although PyYAML reads it, or makes something else of it.
fn flaw(make: &mut Maker<'_>, files: &mut Files) {
    let flaws = [
        ("CFG-103", "oms_meta_host: again\n"),
        ("CFG-201", "ssh_server_port: 2023\n"),
        ("CFG-201", "<<: {cm_region: x}\n"),
        ("CFG-204", "apsara_port"),
        ("CFG-205", "drc_user: ${NOT_SET}\n"),
        ("CFG-206", "drc_user: ********\n"),
        ("CFG-101", "drc_user: !vault x\n"),
        ("CFG-101", "drc_user:\tx\n"),
        ("CFG-101", "drc_user: =\n"),
    ];
    let (code, line) = flaws[make.below(flaws.len())];
    make.count("a flaw that is refused by name");
    files.flaw = Some(code);
    if code == "CFG-204" {
        let number = make.pick(&["0100", "010", "1_0", "0o17", "1:10", "08"]);
        let at = files.config.find("oms_meta_port").unwrap_or_default();
        let end = files.config[at..].find('\n').map_or(files.config.len(), |end| at + end);
        // The key may be quoted.
        let begin = files.config[..at].rfind('\n').map_or(0, |begin| begin + 1);
        files.config.replace_range(begin..end, &format!("oms_meta_port: {number}"));
    } else {
        files.config.push_str(line);
    }
}

fn lines<'key>(make: &mut Maker<'_>, keys: impl Iterator<Item = &'key Written>) -> String {
    let mut text = String::new();
    for key in keys {
        let name = match make.below(8) {
            0 => format!("\"{}\"", key.key),
            1 => format!("'{}'", key.key),
            _ => key.key.to_owned(),
        };
        let blanks = make.pick(&[" ", " ", " ", "   "]);
        let comment = if key.text.contains('\n') {
            ""
        } else {
            make.pick(&["", "", "", "  ", " # comment", "  # it's: \"x\""])
        };
        let above = make.pick(&["", "", "", "\n", "# 说明: x\n"]);
        text += &format!("{above}{name}:{blanks}{}{comment}\n", key.text);
    }
    text
}

fn base_keys(make: &mut Maker<'_>) -> Vec<Written> {
    let mut keys = vec![
        host(make, "oms_meta_host"),
        number(make, "oms_meta_port", 1, 65535),
        text(make, "oms_meta_user"),
        text(make, "oms_meta_password"),
        database(make, "drc_rm_db", "_rm"),
        database(make, "drc_cm_db", "_cm"),
        database(make, "drc_cm_heartbeat_db", "_hb"),
        url(make, "base"),
        number(make, "cm_location", 0, 127),
        text(make, "cm_region"),
        text(make, "cm_region_cn"),
    ];
    if make.once_in(2) {
        keys.push(boolean_that(make, "cm_is_default", true));
    }
    for key in ["drc_user", "drc_password", "apsara_audit_sls_access_key", "apsara_audit_sls_access_secret"] {
        if make.once_in(5) {
            keys.push(text(make, key));
        }
    }
    for key in
        ["apsara_audit_sls_endpoint", "apsara_audit_sls_ops_site_topic", "apsara_audit_sls_user_site_topic"]
    {
        if make.once_in(6) {
            keys.push(text(make, key));
        }
    }
    match make.below(4) {
        0 => keys.push(boolean_that(make, "tsdb_enabled", false)),
        1 => {
            keys.push(boolean_that(make, "tsdb_enabled", true));
            keys.push(Written {
                key: "tsdb_service",
                text: make.pick(&["INFLUXDB", "'INFLUXDB'"]).to_owned(),
                meant: json!({ "text": "INFLUXDB" }),
            });
            keys.push(Written {
                key: "tsdb_url",
                text: make.pick(&["192.0.2.99:8086", "'192.0.2.99:8086'"]).to_owned(),
                meant: json!({ "text": "192.0.2.99:8086" }),
            });
            keys.push(text(make, "tsdb_username"));
            keys.push(text(make, "tsdb_password"));
        }
        _ => {}
    }
    let ports = [
        ("ghana_server_port", 18090),
        ("nginx_server_port", 18089),
        ("cm_server_port", 8088),
        ("supervisor_server_port", 19000),
        ("sshd_server_port", 12023),
    ];
    for (key, port) in ports {
        if make.once_in(4) {
            keys.push(number(make, key, port, port));
        }
    }
    keys
}

/// What differs between regions.
fn region_keys(make: &mut Maker<'_>, region: usize) -> Vec<Written> {
    let mut keys = vec![
        number(make, "cm_location", region * 10, region * 10),
        database(make, "drc_cm_heartbeat_db", &format!("_hb{region}")),
        url(make, &format!("r{region}")),
        boolean_that(make, "cm_is_default", region == 0),
    ];
    // Ansible's reader has it first: what it takes for a number is a number.
    let name = format!("cn-{}", make.pick(&["jiangsu", "黑龙江", "a b", "x#y"]));
    let quoted = make.once_in(2);
    keys.push(Written {
        key: "cm_region",
        text: if quoted { format!("\"{name}\"") } else { name.clone() },
        meant: json!({ "text": name }),
    });
    keys
}

fn host(make: &mut Maker<'_>, key: &'static str) -> Written {
    let text = make.pick(&[
        "198.51.100.9",
        "metadb.example.com",
        "2001:db8::9",
        "no",
        "123",
        "1e3",
        "0x1F",
        "12:30",
    ]);
    // A name with a colon is no host, and null is none.
    let value = if text == "12:30" { "db_1" } else { text };
    Written { key, text: styled(make, value), meant: json!({ "text": value }) }
}

fn database(make: &mut Maker<'_>, key: &'static str, end: &str) -> Written {
    let begin = make.pick(&["oms", "o-m$s", "0123", "1_000", "X", "2024-01-01"]);
    let alone = make.pick(&["", "", "1e3", "0777", "12_3", "0x1F", "off", "2024-02-29"]);
    // At most one of the three, and another in each region.
    let value =
        if key == "drc_rm_db" && !alone.is_empty() { alone.to_owned() } else { format!("{begin}{end}") };
    Written { key, text: styled(make, &value), meant: json!({ "text": value }) }
}

fn url(make: &mut Maker<'_>, name: &str) -> Written {
    let scheme = make.pick(&["http", "https", "HTTP"]);
    let value = format!("{scheme}://oms-{name}.example.com:{}", make.pick(&["8088", "18088", "443"]));
    Written { key: "cm_url", text: styled(make, &value), meant: json!({ "text": value }) }
}

fn number(make: &mut Maker<'_>, key: &'static str, least: usize, most: usize) -> Written {
    let value = least + make.below(most - least + 1);
    let text = match make.below(6) {
        0 => format!("\"{value}\""),
        1 => format!("'{value}'"),
        2 => format!("!!int \"{value}\""),
        3 => format!("!!str {value}"),
        _ => value.to_string(),
    };
    Written { key, text, meant: json!({ "int": value.to_string() }) }
}

fn boolean_that(make: &mut Maker<'_>, key: &'static str, value: bool) -> Written {
    let forms: [&str; 9] = if value {
        ["true", "True", "TRUE", "yes", "On", "\"true\"", "'true'", "!!bool \"true\"", "!!bool 'yes'"]
    } else {
        ["false", "False", "FALSE", "no", "Off", "\"false\"", "'false'", "!!bool \"false\"", "!!bool NO"]
    };
    Written { key, text: make.pick(&forms).to_owned(), meant: json!({ "bool": value }) }
}

/// Any text that an operator may have as a password or as a name.
fn text(make: &mut Maker<'_>, key: &'static str) -> Written {
    if make.once_in(4) {
        let value = surprise(make);
        // `1.5:30 ` would lose its blank.
        let value = value.trim_end().to_owned();
        if make.once_in(3) {
            return Written { key, text: styled(make, &value), meant: json!({ "text": value }) };
        }
        make.count("surprise as it was typed");
        return Written { key, text: value.clone(), meant: json!({ "text": value }) };
    }
    if make.once_in(8) {
        let word = make.pick(&[
            "yes",
            "no",
            "Off",
            "~",
            "null",
            "NULL",
            "true",
            "y",
            "none",
            "root@oms#obcluster",
            "p@ss#word",
        ]);
        make.count("surprise as it was typed");
        return Written { key, text: word.to_owned(), meant: json!({ "text": word }) };
    }
    let parts = [
        "oms",
        "0",
        "123",
        " ",
        "  ",
        "'",
        "\"",
        "\\",
        "#",
        " #",
        ": ",
        ":",
        "- ",
        "&",
        "%",
        "@",
        "`",
        "!",
        "|",
        ">",
        "{",
        "}",
        "[",
        "]",
        ",",
        "?",
        "~",
        "江",
        "ä",
        "😀",
        "\u{a0}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\t",
        "\n",
        "\r",
        "\u{1}",
        "\u{7f}",
        "\u{fffe}",
        "$",
        "*",
        "\\n",
        "true",
        "=",
        "<<",
        "\u{200b}",
        "\u{e000}",
        "\u{10ffff}",
    ];
    let mut value = String::new();
    for _ in 0..1 + make.below(8) {
        value.push_str(make.pick(&parts));
    }
    // An open place of a template, and a variable.
    let value = value.replace("****", "*").replace("${", "$ {");
    let angled = value.trim().starts_with('<') && value.trim().ends_with('>');
    let value = if angled || value.trim().bytes().all(|b| b == b'*') { "x".to_owned() } else { value };
    Written { key, text: styled(make, &value), meant: json!({ "text": value }) }
}

/// The value in a style that keeps it.
fn styled(make: &mut Maker<'_>, value: &str) -> String {
    let simple =
        value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '$' | ':'))
            && !value.ends_with(':')
            && !value.starts_with(['-', ':']);
    let printable =
        !value.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{feff}' | '\u{fffe}'));
    match make.below(5) {
        0 | 1 if simple => {
            make.count("plain");
            value.to_owned()
        }
        2 if printable => {
            make.count("single quotation marks");
            format!("'{}'", value.replace('\'', "''"))
        }
        3 if printable && !value.starts_with(' ') && !value.is_empty() => {
            make.count("block");
            format!("|-\n  {value}")
        }
        4 if simple => {
            make.count("tagged as text");
            format!("!!str {value}")
        }
        _ => {
            make.count("double quotation marks");
            double_quoted(make, value)
        }
    }
}

fn double_quoted(make: &mut Maker<'_>, value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        let code = u32::from(c);
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            ' '..='~' if !make.once_in(20) => text.push(c),
            c if c.is_alphanumeric() && make.once_in(2) => text.push(c),
            _ if code < 0x100 => text += &format!("\\x{code:02x}"),
            _ if code < 0x1_0000 => text += &format!("\\u{code:04X}"),
            _ => text += &format!("\\U{code:08x}"),
        }
    }
    text.push('"');
    text
}

fn node_list(make: &mut Maker<'_>, addresses: &[String]) -> String {
    make.count("cm_nodes listed");
    let quote = make.pick(&["", "'", "\""]);
    let items: Vec<String> = addresses.iter().map(|address| format!("{quote}{address}{quote}")).collect();
    if make.once_in(3) {
        return format!("[{}]", items.join(", "));
    }
    let deep = " ".repeat(make.below(4));
    items.iter().fold(String::new(), |text, item| format!("{text}\n{deep}- {item}"))
}
