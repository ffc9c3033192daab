//! Against a real MySQL-protocol server, where `OMSCTL_TEST_MARIADB` names one; and against peers that are none.

use std::time::Duration;

use omsctl_proto::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::MySqlMetaDb;
use crate::adapters::test_server::TestServer;
use crate::ports::{
    ByteStream, ClusterRow, HeartbeatRow, HostRow, MetaDb, MetaDbChange, MetaDbError, MetaDbFacts,
    MetaDbNames, MetaDbTarget,
};

fn target(user: &str, password: &str) -> MetaDbTarget {
    MetaDbTarget {
        host: "meta.example".to_owned(),
        port: 2883,
        user: user.to_owned(),
        password: Secret::new(password),
    }
}

async fn dial(server: &TestServer) -> Box<dyn ByteStream> {
    Box::new(TcpStream::connect(server.address()).await.unwrap())
}

async fn read(server: &TestServer, names: &MetaDbNames) -> Result<MetaDbFacts, MetaDbError> {
    MySqlMetaDb.read(dial(server).await, &target("root", ""), names).await
}

/// Three databases of its own.
async fn cluster(server: &TestServer, name: &str) -> MetaDbNames {
    MetaDbNames {
        rm: server.fresh_database(&format!("{name}_rm")).await,
        cm: server.fresh_database(&format!("{name}_cm")).await,
        heartbeats: vec![
            server.fresh_database(&format!("{name}_hb`1")).await,
            server.fresh_database(&format!("{name}_hb2")).await,
        ],
    }
}

async fn drop_cluster(server: &TestServer, names: &MetaDbNames) {
    for name in [&names.rm, &names.cm].into_iter().chain(&names.heartbeats) {
        server.drop_database(name).await;
    }
}

fn in_database(name: &str, statements: &str) -> String {
    statements.replace("DB.", &format!("`{}`.", name.replace('`', "``")))
}

async fn fill(server: &TestServer, names: &MetaDbNames) {
    let rm = in_database(
        &names.rm,
        "CREATE TABLE DB.cluster_info (id INT, region VARCHAR(64), region_cn TEXT, cm_url VARCHAR(255), code BIGINT, is_default_cm BIT(1));
         INSERT INTO DB.cluster_info VALUES (1, 'default', '默认', 'http://10.0.0.9:8088', 0, 1), (2, 'west', '', 'http://10.1.0.9:8088', 7, 0);
         CREATE TABLE DB.oms_version (version VARCHAR(64));
         INSERT INTO DB.oms_version VALUES ('4.2.9'), ('4.2.10'), ('4.2.2');
         CREATE TABLE DB.oms_normal_config (cfg_name VARCHAR(128), cfg_value TEXT);
         INSERT INTO DB.oms_normal_config VALUES ('x', '{}'), ('ha.config', '{\"enable\": true, \"perceiveStoreClientCheckpoint\": false}')",
    );
    let cm = in_database(
        &names.cm,
        "CREATE TABLE DB.host (ip VARCHAR(64), host_status INT, resource_group_id VARCHAR(20));
         INSERT INTO DB.host VALUES ('10.0.0.2', 1, '7'), ('10.0.0.1', 0, NULL);
         CREATE TABLE DB.resource_group (id BIGINT UNSIGNED, name VARBINARY(64));
         INSERT INTO DB.resource_group VALUES (7, 'west')",
    );
    let heartbeat = in_database(
        &names.heartbeats[0],
        "CREATE TABLE DB.heart_beat (task_name VARCHAR(64), host_ip VARCHAR(64), gmt_modified DATETIME);
         INSERT INTO DB.heart_beat VALUES ('supervisor', '10.0.0.1', NOW() - INTERVAL 1000 SECOND), ('other', '10.0.0.2', NOW())",
    );
    for statements in [rm, cm, heartbeat] {
        server.run(&statements).await;
    }
}

#[tokio::test]
async fn a_filled_metadb_is_read_whatever_the_types_of_its_columns() {
    let Some(server) = TestServer::from_environment() else { return };
    let names = cluster(&server, "filled").await;
    fill(&server, &names).await;
    let facts = read(&server, &names).await.unwrap();
    let host = |ip: &str, status: &str, group| HostRow {
        ip: ip.to_owned(),
        status: status.to_owned(),
        resource_group: group,
    };
    assert_eq!(facts.hosts, [host("10.0.0.1", "0", None), host("10.0.0.2", "1", Some(7))]);
    assert_eq!(facts.resource_groups.clone().into_iter().collect::<Vec<_>>(), [(7, "west".to_owned())]);
    let row = |region: &str, url: &str, code: &str, is_default| ClusterRow {
        region: region.to_owned(),
        cm_url: url.to_owned(),
        code: code.to_owned(),
        is_default,
    };
    assert_eq!(
        facts.clusters,
        [row("default", "http://10.0.0.9:8088", "0", true), row("west", "http://10.1.0.9:8088", "7", false)]
    );
    assert_eq!(facts.oms_version.as_deref(), Some("4.2.10"));
    assert_eq!(facts.ha_enabled, Some(true));
    let [HeartbeatRow { database, ip, age_s }] = &facts.heartbeats[..] else {
        panic!("{:?}", facts.heartbeats)
    };
    assert_eq!((database, ip.as_str()), (&names.heartbeats[0], "10.0.0.1"));
    assert!((1000..1100).contains(age_s), "{age_s}");
    assert_eq!(facts.databases.len(), 4);
    let own = facts.sessions.iter().filter(|session| session.client.parse::<std::net::IpAddr>().is_ok());
    assert!(own.count() > 0, "the session that asks is there: {:?}", facts.sessions);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(Duration::from_millis(facts.utc_ms).abs_diff(now) < Duration::from_mins(1), "{}", facts.utc_ms);
    assert!(!facts.server_version.is_empty() && !facts.time_zone.is_empty(), "{facts:?}");
    let contents = MySqlMetaDb.contents(dial(&server).await, &target("root", ""), &names).await.unwrap();
    let tables = |name: &String| contents[name].tables.iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(tables(&names.cm), ["host", "resource_group"]);
    assert_eq!(tables(&names.heartbeats[0]), ["heart_beat"]);
    assert_eq!(tables(&names.heartbeats[1]), [""; 0]);
    drop_cluster(&server, &names).await;
}

#[tokio::test]
async fn what_is_missing_is_empty() {
    let Some(server) = TestServer::from_environment() else { return };
    let mut names = cluster(&server, "missing").await;
    let nothing = read(&server, &names).await.unwrap();
    assert_eq!((nothing.hosts, nothing.clusters, nothing.heartbeats), (vec![], vec![], vec![]));
    assert_eq!((nothing.oms_version, nothing.ha_enabled), (None, None));

    let statements = "CREATE TABLE DB.host (ip VARCHAR(64), host_status VARCHAR(20));
        INSERT INTO DB.host VALUES ('10.0.0.1', 'ONLINE')";
    server.run(&in_database(&names.cm, statements)).await;
    let there = names.clone();
    names.rm = "omsctl_no_such_rm".to_owned();
    names.heartbeats = vec![];
    let facts = read(&server, &names).await.unwrap();
    let expected = HostRow { ip: "10.0.0.1".to_owned(), status: "ONLINE".to_owned(), resource_group: None };
    assert_eq!(facts.hosts, [expected], "a host is told even where a column is missing");
    assert_eq!(facts.databases.into_iter().collect::<Vec<_>>(), [names.cm]);
    drop_cluster(&server, &there).await;
}

#[tokio::test]
async fn a_refused_log_in_is_told_in_the_words_of_the_server() {
    let Some(server) = TestServer::from_environment() else { return };
    let user = format!("m{}", std::process::id());
    server.run(&format!("CREATE USER {user} IDENTIFIED BY 'can ary'")).await;
    let log_in =
        async |password: &str| MySqlMetaDb.log_in(dial(&server).await, &target(&user, password)).await;
    assert_eq!(log_in("can ary").await, Ok(()));
    for password in ["wrong canary", ""] {
        let error = log_in(password).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, MetaDbError::LogIn { .. }), "{error:?}");
        assert!(text.contains("meta.example:2883") && text.contains("Access denied"), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
    server.run(&format!("DROP USER IF EXISTS {user}")).await;
}

/// An account without any privilege sets its own password, whatever is in it, and both ways.
#[tokio::test]
async fn an_account_gets_another_password_by_its_own_log_in() {
    let Some(server) = TestServer::from_environment() else { return };
    let user = format!("p{}", std::process::id());
    let former = "canary one";
    server.run(&format!("CREATE USER {user} IDENTIFIED BY '{former}'")).await;
    let log_in =
        async |password: &str| MySqlMetaDb.log_in(dial(&server).await, &target(&user, password)).await;
    let set = async |by: &str, password: &str| {
        let names = MetaDbNames { rm: String::new(), cm: String::new(), heartbeats: Vec::new() };
        let change = MetaDbChange::SetPassword { password: Secret::new(password) };
        MySqlMetaDb.change(dial(&server).await, &target(&user, by), &names, &change).await
    };
    let mut has = former;
    for next in [r#"canary'x"\y#;-- `%_ é"#, r"\' canary", " canary ", former] {
        set(has, next).await.unwrap();
        assert_eq!(log_in(next).await, Ok(()), "{next}");
        assert!(matches!(log_in(has).await, Err(MetaDbError::LogIn { .. })), "{has} still works");
        has = next;
    }
    let error = set("wrong canary", "canary two").await.unwrap_err();
    assert!(matches!(error, MetaDbError::LogIn { .. }) && !error.to_string().contains("canary"), "{error}");
    server.run(&format!("DROP USER IF EXISTS {user}")).await;
}

/// What a server says first, with TLS among what it offers.
fn greeting() -> Vec<u8> {
    let mut payload = b"\x0a5.7.44\0\x01\0\0\0saltsalt\0".to_vec();
    // Protocol 4.1, TLS, secure connection; utf8mb4; autocommit; plugin names.
    payload.extend([0x00, 0x8a, 45, 2, 0, 0x08, 0, 21]);
    payload.extend([0; 10]);
    payload.extend(b"saltsaltsalt\0mysql_native_password\0");
    let length = u8::try_from(payload.len()).unwrap();
    [vec![length, 0, 0, 0], payload].concat()
}

#[tokio::test]
async fn tls_that_cannot_be_used_is_told_as_such() {
    let (ours, mut theirs) = tokio::io::duplex(4096);
    let peer = async {
        theirs.write_all(&greeting()).await.unwrap();
        // The wish for TLS has 36 bytes with its header.
        theirs.read_exact(&mut [0; 36]).await.unwrap();
        theirs.write_all(b"this is no TLS, and will never be").await.unwrap();
    };
    let target = target("root", "");
    let (result, ()) = tokio::join!(MySqlMetaDb.log_in(Box::new(ours), &target), peer);
    let error = result.unwrap_err();
    let MetaDbError::Unreachable { reason, .. } = error else { panic!("{error:?}") };
    assert!(reason.contains("its TLS cannot be used"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_no_database_is_unreachable() {
    let log_in = async |prepare: &[u8], hang_up: bool| {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        theirs.write_all(prepare).await.unwrap();
        let peer = (!hang_up).then_some(theirs);
        let error = MySqlMetaDb.log_in(Box::new(ours), &target("root", "")).await.unwrap_err();
        drop(peer);
        let MetaDbError::Unreachable { address, reason } = error else { panic!("{error:?}") };
        assert_eq!(address, "meta.example:2883");
        reason
    };
    assert_eq!(log_in(b"", true).await, "it ended the connection before the log-in");
    for silent in [b"".as_slice(), b"SSH-2.0-OpenSSH_9.2\r\n"] {
        let reason = log_in(silent, false).await;
        assert!(reason.contains("says nothing within 10 s"), "{reason}");
    }
    assert!(!log_in(b"\x04\x00\x00\x00HTTP", true).await.is_empty());
}
