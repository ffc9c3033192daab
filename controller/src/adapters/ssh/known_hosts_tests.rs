//! Tests of `known_hosts`: texts in, verdicts out.

use super::*;

const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
const TWO: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHBirolUY4z/3JLVaNqyM8Db8mKw2BwMZli/rdsTn1vv";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDlPm5BYW+DRBHw9voLX03zbfGf+YRfq+7x5KF/k7Bi/GO4ie7aT+RQkhGrT5Z6uxhk8lHh1TfMeHB79KOZnlVg=";

fn check(text: &str, name: &str, expected: &Verdict) {
    let known = KnownHosts::parse(Path::new("k"), text);
    let key: PublicKey = ONE.parse().unwrap();
    assert_eq!(judge(&[Arc::new(known)], name, key.key_data()), *expected, "{name} in {text}");
}

#[test]
fn what_the_file_says_about_a_key() {
    let changed = |line: usize| Verdict::Changed { known_at: format!("k:{line}") };
    check("", "h", &Verdict::Unknown);
    check(&format!("# c\n\nh,10.0.0.1 {ONE} comment"), "10.0.0.1", &Verdict::Known);
    check(&format!("h {ONE}"), "other", &Verdict::Unknown);
    check(&format!("H\t{ONE}"), "h", &Verdict::Known);
    check(&format!("x {ONE}\nh {TWO}"), "h", &changed(2));
    check(&format!("h {TWO}\nh {ONE}"), "h", &Verdict::Known);
    // Recorded with a key of another type only: not new.
    check(&format!("h {ECDSA}"), "h", &changed(1));
    check(&format!("[h]:2222 {ONE}"), "[h]:2222", &Verdict::Known);
    check(&format!("[h]:2222 {ONE}"), "h", &Verdict::Unknown);
    check(&format!("*.example.net,!bad.example.net {ONE}"), "n1.example.net", &Verdict::Known);
    check(&format!("*.example.net,!bad.example.net {ONE}"), "bad.example.net", &Verdict::Unknown);
    check(&format!("h {ONE}\n@revoked * {ONE}"), "h", &Verdict::Revoked { known_at: "k:2".to_owned() });
    check(&format!("@revoked * {TWO}\nh {ONE}"), "h", &Verdict::Known);
    check(&format!("@cert-authority * {TWO}"), "h", &Verdict::Unknown);
    for nonsense in ["h ssh-nonsense AAAA", "nonsense", "@revoked", "h ssh-rsa"] {
        check(nonsense, "h", &Verdict::Unknown);
    }
    check(&format!("h ssh-rsa{}", &ONE["ssh-ed25519".len()..]), "h", &Verdict::Unknown);
    check(
        &format!("@nonsense h {ONE}\n@revoked @revoked h {ONE}\n@revoked\th {ONE}"),
        "h",
        &Verdict::Unknown,
    );
    check(&format!("  h {ONE}\r\n"), "h", &Verdict::Known);
}

#[test]
fn hashed_names_are_recognised() {
    let name = hashed_name("[h]:2222").unwrap();
    check(&format!("{name} {ONE}"), "[h]:2222", &Verdict::Known);
    check(&format!("{name} {ONE}"), "h", &Verdict::Unknown);
    // Made by ssh-keygen -H of example.com.
    let real = "|1|RrOwvzdrvGJL+Sczq+PXsdo0GxE=|vo+kt7wIFrQh4o5EH24gtTJuKGk=";
    check(&format!("{real} {ONE}"), "example.com", &Verdict::Known);
}

#[test]
fn a_new_key_is_appended_on_a_line_of_its_own() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ssh/known_hosts");
    let key: PublicKey = ONE.parse().unwrap();
    append(&file, "[h]:22", false, &key).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(&file, "# no new line at the end").unwrap();
    append(&file, "h", false, &key).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("# no new line at the end\nh {ONE}\n"));
    assert_eq!(judge(&[Arc::new(KnownHosts::load(&file).unwrap())], "h", key.key_data()), Verdict::Known);
    append(&file, "hidden", true, &key).unwrap();
    assert_eq!(KnownHosts::load(&file).unwrap().lines_of("hidden"), [3]);
    assert!(!std::fs::read_to_string(&file).unwrap().contains("hidden"));
}

#[test]
fn authorities_and_revoked_keys_are_found_by_name() {
    let text = format!("@cert-authority *.example {ONE}\n@revoked n1.example {TWO}");
    let files = [Arc::new(KnownHosts::parse(Path::new("k"), &text))];
    let (one, two): (PublicKey, PublicKey) = (ONE.parse().unwrap(), TWO.parse().unwrap());
    assert!(
        is_authority(&files, "n1.example", one.key_data())
            && !is_authority(&files, "n1.example", two.key_data())
    );
    assert!(has_authority(&files, "n2.example") && !has_authority(&files, "other"));
    assert_eq!(revoked(&files, "n1.example", &[one.key_data(), two.key_data()]), Some("k:2".to_owned()));
    assert_eq!(revoked(&files, "n2.example", &[two.key_data()]), None);
    assert!(known_types(&files, "n1.example").is_empty());
}
