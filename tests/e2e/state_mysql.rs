//! Story: several bastions share one history in a database of the MySQL family.

use system_tests::rig::{META_PASSWORD, META_USER};

use super::operator::Operator;
use super::secrets::{Watch, files_with};
use super::stage::Stage;

#[test]
fn the_history_lies_in_mariadb() {
    let (stage, operator) = Stage::cluster();
    let server = stage.mariadb().unwrap().expect("a rig with `--mariadb`");
    server.reset().unwrap();
    server.query("CREATE DATABASE omsctl_history DEFAULT CHARACTER SET utf8mb4").unwrap();
    let url = format!("mysql://{META_USER}@{}:{}/omsctl_history", server.address(), server.port());
    let file = operator.write("password", format!("{META_PASSWORD}\n"));
    let environment = [("OMSCTL_STATE_PASSWORD_FILE", file.as_str())];

    let watch = Watch::begin(&[super::secrets::CANARY]);
    let applied =
        operator.run_with(&["apply", "--yes", "--format", "json", "--state", &url], &environment).exits(0);
    watch.saw_no_secret();

    let run = applied.json()["run"].as_str().unwrap().to_owned();
    // Another bastion: another home, the same database.
    let other = Operator::new(&stage);
    let file = other.write("password", META_PASSWORD);
    let environment = [("OMSCTL_STATE_PASSWORD_FILE", file.as_str())];
    let history = other.run_with(&["history", "--format", "json", "--state", &url], &environment).exits(0);
    assert_eq!(history.json()["runs"][0]["run"], run.as_str(), "{}", history.stdout);
    other.run_with(&["show", &run, "--state", &url], &environment).exits(0).tells(&["node1"]);
    let here = operator.run(&["history", "--format", "json"]).exits(0);
    let local = here.json()["runs"].as_array().cloned().unwrap_or_default();
    assert!(!local.iter().any(|entry| entry["run"] == run.as_str()), "it is in one place: {}", here.stdout);
    let tables = server.query("SHOW TABLES IN omsctl_history").unwrap();
    assert!(tables.len() >= 2, "{tables:?}");
    assert_eq!(files_with(super::secrets::CANARY, &operator.home()), Vec::<String>::new());

    let open = format!("mysql://{META_USER}:open-secret@{}/omsctl_history", server.address());
    let refused =
        operator.run(&["history", "--state", &open]).exits(2).tells(&["OMSCTL_STATE_PASSWORD_FILE"]);
    assert!(!refused.stderr.contains("open-secret"), "{}", refused.stderr);
}
