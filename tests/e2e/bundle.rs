//! Story: OMS's own logs on the terminal, and everything for support in one file, without a secret in it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use system_tests::rig::Node;

use super::evidence::{assert_lawful, assert_nothing_left, container_ids, inspect};
use super::operator::Operator;
use super::running::Signal;
use super::secrets::{CANARY, Watch, files_with};
use super::stage::{CONTAINER, Stage};

const PLANTED: &str = "canary-9b2e";
const LOGS: &str = "/data/oms/oms_logs";

fn append(node: &Node, log: &str, line: &str) {
    let script = "printf '%s\\n' \"$1\" >> \"$2\"";
    node.exec(["sh", "-c", script, "sh", line, &format!("{LOGS}/{log}")]).unwrap().ok().unwrap();
}

/// Everything that is in it, as files.
fn unpacked(operator: &Operator, bundle: &str) -> PathBuf {
    let folder = operator.path(&format!("{bundle}.unpacked"));
    std::fs::create_dir(&folder).unwrap();
    let tar = Command::new("tar").arg("-xzf").arg(operator.path(bundle)).arg("-C").arg(&folder).status();
    assert!(tar.unwrap().success());
    let mut inside: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(inside.len(), 1, "one folder");
    inside.remove(0)
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn everything_for_support_is_in_one_file_and_no_secret() {
    let (stage, operator) = Stage::cluster();
    // Something for omsctl's own story.
    operator.apply().exits(0);
    let ids = container_ids(stage.usual());
    let node = stage.host(1);
    // Of a story that failed before.
    node.docker(["rm", "--force", "oms-old"]).unwrap();
    // As OMS's own logs do: the password whole and in other dresses, and one that omsctl does not know.
    append(node, "cm/log/service.log", "connected as oms with Oms#0123'x\"\\y to the MetaDB");
    append(node, "cm/log/service.log", r#"{"jdbc": {"password": "Oms#0123'x\"\\y", "user": "oms"}}"#);
    append(node, "ghana/Ghana/common-error.log", &format!("url=jdbc:x?token={PLANTED}&user=oms"));
    append(node, "supervisor/routine.log", &format!("mysql -h x --password={PLANTED}"));
    let image = inspect(node, CONTAINER)["Image"].as_str().unwrap().to_owned();
    let mut create: Vec<String> =
        ["create", "--name", "oms-old", "-e", &format!("DB={PLANTED}")].map(str::to_owned).into();
    for bind in inspect(node, CONTAINER)["HostConfig"]["Binds"].as_array().unwrap() {
        create.extend(["-v".to_owned(), bind.as_str().unwrap().to_owned()]);
    }
    create.push(image);
    node.docker(create.iter().map(String::as_str)).unwrap().ok().unwrap();

    let watch = Watch::begin(&[CANARY]);
    let bundle = operator.path("b.tar.gz");
    let told = operator.run(&["bundle", "--output", "b.tar.gz"]).exits(0);
    watch.saw_no_secret();
    assert!(told.stdout.trim_end().lines().last().unwrap().starts_with("done: "), "{}", told.stdout);
    assert_eq!(std::fs::metadata(&bundle).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&bundle).unwrap();
    operator.run(&["bundle", "--output", "b.tar.gz"]).exits(2).tells(&["something is there already"]);
    assert_eq!(std::fs::read(&bundle).unwrap(), before);

    let folder = unpacked(&operator, "b.tar.gz");
    for canary in [CANARY, PLANTED, "%230123", "T21zIzAxMjM"] {
        assert_eq!(files_with(canary, &folder), Vec::<String>::new(), "{canary}");
    }
    let service = read(&folder, &format!("node1/logs/{LOGS}/cm/log/service.log"));
    assert!(service.contains("connected as oms with [removed] to the MetaDB"), "{service}");
    assert!(read(&folder, "node1/containers/oms-old/inspect.json").contains("DB=[removed]"));
    assert!(read(&folder, "node1/containers/oms/inspect.json").contains("OMS_HOST_IP="));
    assert!(read(&folder, "node2/facts.json").contains("\"host_id\""));
    assert!(read(&folder, "README.txt").contains("node3: "));
    let events = std::fs::read_dir(folder.join("events")).unwrap().count();
    assert!(events > 0, "omsctl's own story is in it");
    // Nothing else is left beside it, and nothing was changed.
    let beside = operator.path("b.tar.gz").parent().unwrap().read_dir().unwrap();
    assert!(!beside.flatten().any(|entry| entry.file_name().to_string_lossy().ends_with(".part")));
    assert_eq!(container_ids(stage.usual()), ids);
    node.docker(["rm", "oms-old"]).unwrap();
    assert_lawful(&stage);
    assert_nothing_left(stage.nodes());
}

#[test]
fn a_dead_host_is_told_in_the_bundle_and_limits_are_kept() {
    let (stage, operator) = Stage::cluster();
    stage.host(3).cut().unwrap();
    let filler = "for i in $(seq 1 4000); do echo \"line $i of a long log\"; done > \"$1\"";
    let long = format!("{LOGS}/cm/log/cm-web.log");
    stage.host(1).exec(["sh", "-c", filler, "sh", &long]).unwrap().ok().unwrap();
    let told = operator.run(&["bundle", "-o", "lost.tar.gz", "--file-limit", "8KiB"]).exits(4);
    let last = told.stdout.trim_end().lines().last().unwrap_or_default().to_owned();
    assert!(last.starts_with("not whole: ") && last.contains("lacks node3"), "{last}");
    stage.host(3).heal().unwrap();
    let folder = unpacked(&operator, "lost.tar.gz");
    assert!(!read(&folder, "node3/not-reached.txt").is_empty());
    assert!(read(&folder, "README.txt").contains("node3: not reached"));
    let end = read(&folder, &format!("node1/logs/{long}"));
    assert!(
        end.len() <= 8192 && end.starts_with("line ") && end.ends_with("line 4000 of a long log\n"),
        "{end}"
    );
    stage.host(1).exec(["rm", &long]).unwrap();
    assert_nothing_left(stage.nodes());
}

#[test]
fn logs_are_shown_and_followed() {
    let (stage, operator) = Stage::cluster();
    let node = stage.host(2);
    append(node, "cm/log/service.log", "password=Oms#0123'x\"\\y\x1b[2J");
    let shown =
        operator.run(&["logs", "node2", "cm"]).exits(0).tells(&["cm/log/service.log <==", "[removed]"]);
    assert!(!shown.stdout.contains(CANARY) && !shown.stdout.contains('\x1b'), "{}", shown.stdout);
    operator.run(&["logs", "node2", "init"]).exits(0).tells(&["docker_init.log"]);
    operator.run(&["logs", "node9"]).exits(2).tells(&["no OMS host node9"]);

    let mut following = operator.start(&["logs", "node2", "console", "-f"]);
    following.until_told("common-default.log <==");
    append(node, "ghana/Ghana/common-default.log", "what comes later");
    following.until_told("what comes later");
    following.signal(Signal::Interrupt);
    following.end().exits(130);
    assert_nothing_left(stage.nodes());
}
