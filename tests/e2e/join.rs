//! Story: `--join-metadb`, when a second region shares the databases of the first on purpose.

use super::evidence::{assert_lawful, container_ids, is_healthy, rows};
use super::stage::Stage;

#[test]
fn a_second_region_joins_only_when_told() {
    let (stage, operator) = Stage::cluster();
    let ids = container_ids(stage.usual());
    operator.inventory(&stage, &stage.host_lines(4)[3..], &[]);
    let url = format!("http://{}:8088", stage.host(4).address());
    let region = [
        ("cm_location", "2"),
        ("cm_region", "cn-second"),
        ("cm_is_default", "false"),
        ("cm_url", url.as_str()),
    ];
    operator.config(&stage, &region);
    operator.apply().exits(3).tells(&["--join-metadb"]);

    operator.run(&["apply", "--yes", "--join-metadb", "--format", "json"]).exits(0);

    assert!(is_healthy(stage.host(4), "http"));
    assert_eq!(container_ids(stage.usual()), ids);
    let codes = rows(&stage, "SELECT code, is_default_cm FROM oms_rm.cluster_info ORDER BY code");
    assert_eq!(codes, [["1", "1"], ["2", "0"]]);
    assert_lawful(&stage);
}
