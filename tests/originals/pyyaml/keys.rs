//! The keys of an operator's config.yaml, each with a valid value in one of its forms.

use serde_json::{Value, json};

use crate::maker::Maker;
use crate::styles::{styled, text};

/// A key's text in the file and its meaning.
pub(crate) struct Written {
    pub(crate) key: &'static str,
    pub(crate) text: String,
    pub(crate) meant: Value,
}

pub(crate) fn base_keys(make: &mut Maker<'_>) -> Vec<Written> {
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
pub(crate) fn region_keys(make: &mut Maker<'_>, region: usize) -> Vec<Written> {
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

pub(crate) fn node_list(make: &mut Maker<'_>, addresses: &[String]) -> String {
    make.count("cm_nodes listed");
    let quote = make.pick(&["", "'", "\""]);
    let items: Vec<String> = addresses.iter().map(|address| format!("{quote}{address}{quote}")).collect();
    if make.once_in(3) {
        return format!("[{}]", items.join(", "));
    }
    let deep = " ".repeat(make.below(4));
    items.iter().fold(String::new(), |text, item| format!("{text}\n{deep}- {item}"))
}
