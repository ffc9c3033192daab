//! Story: wrong input. Everything that is wrong is told at once with its place; exit 2; nobody is contacted.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::TcpListener;

use system_tests::rig::OmsImage;

use super::operator::Operator;
use super::outcome::Outcome;
use super::stage::Stage;

/// A door where hosts should be: whoever contacts "the hosts" knocks here.
struct Door {
    listener: TcpListener,
}

impl Door {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener }
    }

    fn host(&self, name: &str) -> String {
        format!("{name} ansible_host=127.0.0.1 ansible_port={}", self.listener.local_addr().unwrap().port())
    }

    #[track_caller]
    fn nobody_came(&self) {
        let came = self.listener.accept().map(|(_, from)| from);
        assert_eq!(came.unwrap_err().kind(), ErrorKind::WouldBlock, "a host was contacted");
    }
}

const GOOD_CONFIG: &str = "oms_meta_host: 127.0.0.9\noms_meta_port: 2881\noms_meta_user: oms\noms_meta_password: 'x1'\n\
                           drc_rm_db: a\ndrc_cm_db: b\ndrc_cm_heartbeat_db: c\ncm_url: http://10.9.9.9:8088\n\
                           cm_location: 1\ncm_region: r\ncm_region_cn: r\ncm_is_default: true\n";

/// Every command that needs the files refuses them in the same way.
#[track_caller]
fn refused(operator: &Operator, door: &Door, words: &[&str]) {
    for command in ["check", "plan", "apply"] {
        let arguments: &[&str] = if command == "apply" { &["apply", "--yes"] } else { &[command] };
        operator.run(arguments).exits(2).within(5.0).tells(words);
    }
    door.nobody_came();
}

#[test]
fn no_inventory() {
    let (operator, door) = (Operator::without_files(), Door::new());
    operator.write("config.yaml", GOOD_CONFIG);
    refused(&operator, &door, &["inventory.ini", "omsctl init"]);
    operator.run(&["plan", "-i", "elsewhere.ini"]).exits(2).tells(&["elsewhere.ini"]);
}

#[test]
fn every_error_of_both_files_is_told_at_once() {
    let (operator, door) = (Operator::without_files(), Door::new());
    operator.write("oms.tar", "x");
    let inventory = format!(
        "[oms]\n{}\n{}\n\n[oms:vars]\noms_imagearchive=oms.tar\noms_init_by=nobody\noms_image_archive=oms.tar\n",
        door.host("n1"),
        door.host("n[1:x]"),
    );
    operator.write("inventory.ini", inventory);
    let config = GOOD_CONFIG
        .replace("oms_meta_port: 2881", "oms_meta_port: twenty")
        .replace("cm_region: r\n", "cm_regiom: r\n")
        .replace("cm_location: 1", "cm_location: 0123");
    operator.write("config.yaml", config);
    let told = [
        "inventory.ini:3:",
        "inventory.ini:6:",
        "oms_image_archive",
        "inventory.ini:7:",
        "nobody",
        "script",
        "config.yaml:2:",
        "twenty",
        "config.yaml:10:1",
        "cm_regiom",
        "cm_region",
        "config.yaml:9:",
        "0123",
    ];
    refused(&operator, &door, &told);
}

#[test]
fn a_variable_without_a_value_is_named() {
    let (operator, door) = (Operator::without_files(), Door::new());
    operator.write("oms.tar", "x");
    operator.write(
        "inventory.ini",
        format!("[oms]\n{}\n[oms:vars]\noms_image_archive=oms.tar\n", door.host("n1")),
    );
    operator.write("config.yaml", GOOD_CONFIG.replace("'x1'", "${META_SECRET}"));
    refused(&operator, &door, &["config.yaml:4:", "META_SECRET"]);
}

/// The usual files with another archive; the hosts are a door.
fn with_archive(name: &str, content: &[u8], words: &[&str]) -> Outcome {
    let (operator, door) = (Operator::without_files(), Door::new());
    operator.write(name, content);
    operator.write(
        "inventory.ini",
        format!("[oms]\n{}\n[oms:vars]\noms_image_archive={name}\n", door.host("n1")),
    );
    operator.write("config.yaml", GOOD_CONFIG);
    refused(&operator, &door, words);
    operator.run(&["apply", "--yes", "--format", "json"]).exits(2)
}

#[test]
fn an_archive_that_is_no_image() {
    with_archive("notes.tar.gz", b"this is a text and no archive, whatever its name says", &["notes.tar.gz"]);
}

#[test]
fn an_archive_that_is_truncated() {
    let stage = Stage::empty();
    let whole = stage.archive(OmsImage::Script).unwrap();
    let length = fs::metadata(&whole).unwrap().len();
    let mut half = Vec::new();
    fs::File::open(&whole).unwrap().take(length / 2).read_to_end(&mut half).unwrap();
    drop(stage);
    with_archive("half.tar", &half, &["half.tar", "truncated"]);
}
