//! What is there when all is over, as text under a name: containers, files, services, rows. Two rollouts that ended in
//! the same state have equal texts; what differs in every run (ids, times) is left out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::SweepError;
use super::bastion::Bastion;
use crate::rig::{Node, Rig, RigError};

/// The container's usual name.
pub(super) const CONTAINER: &str = "oms";

/// On a host, beside the container itself.
const LOOK: [(&str, &str); 3] = [
    // One that was replaced is set aside under the name of the run.
    ("containers", "docker ps --all --format '{{.Names}} {{.Image}}' | sed 's/^oms-[^ ]*/oms-RUN/' | sort"),
    (
        "files",
        "find /data -maxdepth 3 ! -path '*/oms_logs/*' ! -path '*/oms_run/*' ! -path '*/oms_store/*' -printf '%p %m %u %y\\n' | sort
find /data -maxdepth 2 -type f -exec sha256sum {} + | sort",
    ),
    ("omsctl", "ls /var/lib/omsctl /var/lib/omsctl/bin /run/omsctl"),
];

/// Inside the container.
const INSIDE: &str =
    "supervisorctl status | awk '{ print $1, $2 }' | sort; test -s /root/init_flag.txt && echo initialised";

/// Rows of the MetaDB that OMS's hosts are known by, without times and numbers.
const ROWS: [(&str, &str); 4] = [
    (
        "hosts",
        "SELECT h.ip, h.host_status, g.name, h.location FROM oms_cm.host h
         LEFT JOIN oms_cm.resource_group g ON g.id = h.resource_group_id ORDER BY h.ip",
    ),
    (
        "clusters",
        "SELECT region, region_cn, cm_url, code, is_default_cm FROM oms_rm.cluster_info ORDER BY code",
    ),
    ("versions", "SELECT version FROM oms_rm.oms_version ORDER BY id"),
    ("beats", "SELECT DISTINCT task_name, host_ip FROM oms_cm_hb.heart_beat ORDER BY host_ip, task_name"),
];

/// A state by its parts.
pub(super) type State = BTreeMap<String, String>;

/// Looks at everything.
pub(super) fn observe(rig: &Rig, hosts: &[Node], bastion: &Bastion) -> Result<State, SweepError> {
    let mut state = State::new();
    let looks: Vec<Result<State, RigError>> = std::thread::scope(|scope| {
        let looking: Vec<_> = hosts.iter().map(|host| scope.spawn(|| of_host(host))).collect();
        let joined = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| Err(RigError::Usage("a look panicked".to_owned())))
        };
        looking.into_iter().map(joined).collect()
    });
    for look in looks {
        state.extend(look?);
    }
    for (name, statement) in ROWS {
        let rows = rig.metadb_query(statement)?;
        let lines: Vec<String> = rows
            .into_iter()
            .map(|row| {
                row.into_iter().map(|field| field.unwrap_or_else(|| "NULL".to_owned())).collect::<Vec<_>>()
            })
            .map(|row| row.join(" "))
            .collect();
        state.insert(format!("MetaDB, {name}"), lines.join("\n"));
    }
    state.insert("bastion, files".to_owned(), bastion.files()?.join("\n"));
    state.insert("bastion, processes".to_owned(), bastion.processes().join("\n"));
    Ok(state)
}

fn of_host(host: &Node) -> Result<State, RigError> {
    let mut state = State::new();
    let mut put = |name: &str, text: String| state.insert(format!("{}, {name}", host.name()), text);
    for (name, script) in LOOK {
        put(name, host.exec(["sh", "-c", script])?.stdout);
    }
    put("container", container(&host.docker(["container", "inspect", CONTAINER])?.stdout));
    put("inside", host.docker_exec(CONTAINER, ["sh", "-c", INSIDE])?.stdout);
    let url = format!("https://{}:8089/oms/health", host.address());
    let health = host.exec(["curl", "--silent", "--insecure", "--max-time", "5", &url])?.stdout;
    let health: Value = serde_json::from_str(&health).unwrap_or_default();
    put("health", health["data"]["healthy"].to_string());
    Ok(state)
}

/// `docker inspect` without what belongs to this container alone.
fn container(inspected: &str) -> String {
    let inspected: Value = serde_json::from_str(inspected).unwrap_or_default();
    let of = &inspected[0];
    let mut arguments = of["HostConfig"].clone();
    if let Some(binds) = arguments["Binds"].as_array_mut() {
        binds.sort_by_key(ToString::to_string);
    }
    json!({
        "image": of["Image"], "config": of["Config"], "arguments": arguments, "name": of["Name"],
        "running": of["State"]["Running"],
    })
    .to_string()
}

/// What differs, a line for each part.
pub(super) fn differences(expected: &State, found: &State) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    names
        .into_iter()
        .filter(|name| expected.get(*name) != found.get(*name))
        .map(|name| {
            let text = |state: &State| state.get(name).cloned().unwrap_or_else(|| "nothing".to_owned());
            format!("another end: {name}: `{}` instead of `{}`", text(found), text(expected))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_but_for_the_order_of_binds() {
        let of = |binds: [&str; 2], id: &str| {
            let value = json!([{"Id": id, "Image": "i", "Name": "/oms", "HostConfig": {"Binds": binds}}]);
            container(&value.to_string())
        };
        assert_eq!(of(["/a:/a", "/b:/b"], "1"), of(["/b:/b", "/a:/a"], "2"));
        assert_ne!(of(["/a:/a", "/b:/b"], "1"), of(["/a:/a", "/c:/c"], "1"));
    }

    #[test]
    fn a_difference_names_its_part() {
        let of = |pairs: &[(&str, &str)]| -> State {
            pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let expected = of(&[("n1, health", "true"), ("n2, health", "true")]);
        assert_eq!(differences(&expected, &expected), Vec::<String>::new());
        let found = differences(&expected, &of(&[("n1, health", "false"), ("n2, health", "true")]));
        assert_eq!(found, ["another end: n1, health: `false` instead of `true`"]);
        assert_eq!(differences(&expected, &of(&[("n1, health", "true")])).len(), 1);
    }
}
