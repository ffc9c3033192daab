//! Tests of `resolve`: texts in, settings out.

use std::path::Path;

use super::*;

struct Case {
    _home: tempfile::TempDir,
    local: LocalUser,
    files: ConfigFiles,
}

fn case(config: &str) -> Case {
    let home = tempfile::tempdir().unwrap();
    let local = LocalUser::for_tests(home.path());
    let file = home.path().join("config");
    std::fs::write(&file, config).unwrap();
    let files = ConfigFiles::load(Some(&file), &local).unwrap();
    Case { _home: home, local, files }
}

fn words(arguments: &str) -> Vec<String> {
    arguments.split_ascii_whitespace().map(str::to_owned).collect()
}

fn settings(case: &Case, host: &str, arguments: &str) -> HostSettings {
    let arguments = words(arguments);
    resolve(
        &Destination { host: host.to_owned(), arguments, ..Destination::default() },
        &case.files,
        &case.local,
    )
    .unwrap()
}

#[test]
fn the_first_value_wins() {
    let case = case(
        "Port 1\nHost n1\n Port 2\n User one\nHost n* !n9\n User two\n HostName %h.example.net\n ConnectTimeout 3\nHost *\n User three\n",
    );
    let check = |host: &str, arguments: &str, expected: (&str, u16, &str)| {
        let found = settings(&case, host, arguments);
        assert_eq!(
            (found.host_name.as_str(), found.port, found.user.as_str()),
            expected,
            "{host} {arguments}"
        );
    };
    check("n1", "", ("n1.example.net", 1, "one"));
    check("n2", "", ("n2.example.net", 1, "two"));
    // As ssh: patterns of Host look at what was typed, letter by letter.
    check("N2", "", ("n2", 1, "three"));
    check("n9", "", ("n9", 1, "three"));
    check("n1", "-p 7 -l boss -o User=late", ("n1.example.net", 7, "boss"));
    assert_eq!(settings(&case, "n2", "").connect_timeout, Some(Duration::from_secs(3)));
    assert_eq!(settings(&case, "other", "").connect_timeout, Some(Duration::from_secs(10)));
    assert_eq!(settings(&case, "other", "-oConnectTimeout=0").connect_timeout, None);
}

#[test]
fn the_inventory_goes_before_arguments_and_files() {
    let case = case("Host *\n Port 5\n User file\n IdentityFile ~/from_file\n");
    let destination = Destination {
        host: "h".to_owned(),
        port: Some(9),
        user: Some("inventory".to_owned()),
        identity_file: Some("/keys/%%n".into()),
        arguments: words("-p 7 -l args -i /etc/passwd"),
    };
    let found = resolve(&destination, &case.files, &case.local).unwrap();
    assert_eq!((found.port, found.user.as_str(), found.log_in.identity_first), (9, "inventory", true));
    let home = case.local.home.join("from_file");
    assert_eq!(found.log_in.identity_files, [Path::new("/keys/%n"), Path::new("/etc/passwd"), &home]);
}

#[test]
fn blocks_of_an_included_file_stay_in_it() {
    let home = tempfile::tempdir().unwrap();
    let included = home.path().join("more");
    std::fs::write(&included, "Host b\n User inner\nHost *\n").unwrap();
    let case = case(&format!("Host a\n Include {}\n Port 3\nHost b\n Port 4\n", included.display()));
    let a = settings(&case, "a", "");
    assert_eq!((a.port, a.user.as_str()), (3, "ann"));
    let b = settings(&case, "b", "");
    assert_eq!((b.port, b.user.as_str()), (4, "ann"));
}

#[test]
fn match_looks_at_what_is_known_so_far() {
    let case = case(
        "Host n1\n HostName 10.0.0.1\nMatch host 10.* user ann\n Port 8\nMatch originalhost n2 !user bob\n Port 9\nMatch exec false\n Port 10\nMatch all\n Port 11\n",
    );
    let check = |host: &str, port: u16| assert_eq!(settings(&case, host, "").port, port, "{host}");
    check("n1", 8);
    check("n2", 9);
    check("n3", 11);
}

#[test]
fn known_hosts_names_and_files() {
    let case = case("Host alias\n HostKeyAlias Real\nHost *\n UserKnownHostsFile /dev/null ~/k_%n\n");
    let check = |host: &str, arguments: &str, known_as: &str| {
        assert_eq!(settings(&case, host, arguments).host_key.known_as, known_as);
    };
    check("N1", "", "n1");
    check("n1", "-p 2200", "[n1]:2200");
    check("alias", "-p 2200", "real");
    let n1 = settings(&case, "n1", "-p 2200").host_key;
    assert_eq!((n1.without_port.as_deref(), n1.principal.as_str()), (Some("n1"), "n1"));
    let alias = settings(&case, "alias", "-p 2200").host_key;
    assert_eq!((alias.without_port, alias.principal.as_str()), (None, "real"));
    let files = n1.user_files;
    assert_eq!(files, [Path::new("/dev/null"), &case.local.home.join("k_n1")]);
}

#[test]
fn strict_host_key_checking_is_off_only_when_it_says_no() {
    let case = case("");
    let check = |arguments: &str, expected: HostKeyPolicy| {
        let found = settings(&case, "h", arguments);
        assert_eq!(found.host_key.policy, expected, "{arguments}");
        assert_eq!(found.warnings.is_empty(), expected == HostKeyPolicy::Strict);
    };
    check("", HostKeyPolicy::Strict);
    check("-o StrictHostKeyChecking=no", HostKeyPolicy::Off);
    check("-o StrictHostKeyChecking=accept-new", HostKeyPolicy::Strict);
    check("-o StrictHostKeyChecking=yes", HostKeyPolicy::Strict);
}

#[test]
fn jumps_and_proxy_commands() {
    let case = case(
        "Host direct\n ProxyJump none\nHost command\n ProxyCommand nc %h %p # %r\nHost *\n ProxyJump a,u@[::1]:2222\n",
    );
    assert_eq!(settings(&case, "direct", "").proxy, Proxy::None);
    assert_eq!(
        settings(&case, "command", "-p 7").proxy,
        Proxy::Command { shell: "/bin/sh".to_owned(), command: "nc command 7 # ann".to_owned() }
    );
    let hop = |host: &str, user: Option<&str>, port| Destination {
        host: host.to_owned(),
        user: user.map(str::to_owned),
        port,
        ..Destination::default()
    };
    assert_eq!(
        settings(&case, "n", "").proxy,
        Proxy::Jump(vec![hop("a", None, None), hop("::1", Some("u"), Some(2222))])
    );
    assert_eq!(settings(&case, "n", "-J b:22").proxy, Proxy::Jump(vec![hop("b", None, Some(22))]));
}

#[test]
fn an_error_names_file_and_line() {
    let check = |config: &str, expected: &str| {
        let case = case(config);
        let destination = Destination { host: "h".to_owned(), ..Destination::default() };
        let error = resolve(&destination, &case.files, &case.local).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("IdentityFile %Z", "config:1: %Z stands for nothing in \"%Z\"");
    check("UserKnownHostsFile ~nobody/x", "config:1: there is no user nobody");
    check("\nHostnam x", "config:2: there is no keyword \"hostnam\" (is it hostname?)");
    check("CanonicalizeHostname yes", "config:1: omsctl does not honour canonicalizehostname yes");
    check("ProxyJump h", "config:1: proxyjump leads through h to itself");
    check("ProxyCommand -", "config:1: omsctl does not honour proxycommand -");
}
