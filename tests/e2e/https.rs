//! Story: a certificate is given, so OMS answers over HTTPS only, and the key is guarded like a password.

use super::evidence::{assert_lawful, is_healthy};
use super::operator::Operator;
use super::secrets::{Watch, files_on, files_with};
use super::stage::Stage;

#[test]
fn a_certificate_turns_https_on() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let node = stage.host(1);
    let make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=oms -keyout /tmp/k -out /tmp/c 2>/dev/null";
    node.exec(["sh", "-c", make]).unwrap().ok().unwrap();
    let key = node.read_file("/tmp/k").unwrap();
    operator.write("oms.crt", node.read_file("/tmp/c").unwrap());
    operator.write("oms.key", &key);
    node.exec(["rm", "/tmp/k", "/tmp/c"]).unwrap().ok().unwrap();
    // Paths in an inventory count from the inventory, as Ansible's do.
    let (certificate, private) = (operator.path("oms.crt"), operator.path("oms.key"));
    let variables =
        [("oms_https_cert", certificate.to_str().unwrap()), ("oms_https_key", private.to_str().unwrap())];
    operator.inventory(&stage, &stage.host_lines(1), &variables);
    // A line from the middle of the key.
    let canary = key.lines().nth(5).unwrap();

    let watch = Watch::begin(&[canary]);
    operator.apply().exits(0);
    watch.saw_no_secret();

    assert!(is_healthy(node, "https"), "no health over HTTPS");
    assert!(!is_healthy(node, "http"), "HTTPS only");
    let mode = node.exec(["stat", "-c", "%a", "/data/oms/https_key"]).unwrap().stdout;
    assert_eq!(mode.trim(), "600");
    assert_eq!(node.read_file("/data/oms/https_key").unwrap(), key);
    assert_eq!(files_with(canary, &operator.home()), Vec::<String>::new());
    assert_eq!(files_on(node, canary), "");
    operator.plan().exits(0);
    let status = operator.run(&["status", "--format", "json"]).exits(0);
    assert_eq!(status.json()["healthy"], true, "{}", status.stdout);
    assert_lawful(&stage);
}
