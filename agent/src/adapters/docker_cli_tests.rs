//! The argument vector of the manual, and what real Docker printed.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use omsctl_proto::{Mount, WantedImage};

use super::*;

#[test]
fn docker_run_is_the_manuals() {
    let mount = |host: &str, container: &str| Mount { host: host.into(), container: container.into() };
    let image =
        WantedImage { reference: "oms:4.2.2".into(), config: None, layers: vec![], architecture: None };
    let spec = ContainerSpec {
        name: "oms".into(),
        image,
        mounts: vec![
            mount("/data/oms/config.yaml", "/home/admin/conf/config.yaml"),
            mount("/data/oms/oms_logs", "/home/admin/logs"),
        ],
        host_ip: [10, 0, 0, 1].into(),
        restart_policy: None,
        is_upgrade: false,
    };
    assert_eq!(
        run_arguments(&spec).join(" "),
        "run -dit --net host -v /data/oms/config.yaml:/home/admin/conf/config.yaml \
         -v /data/oms/oms_logs:/home/admin/logs -e OMS_HOST_IP=10.0.0.1 --privileged=true --pids-limit -1 \
         --ulimit nproc=65535:65535 --name oms oms:4.2.2"
    );
    let restarted = run_arguments(&ContainerSpec { restart_policy: Some("always".into()), ..spec });
    let position = restarted.iter().position(|argument| argument == "--restart").unwrap();
    assert_eq!(restarted[position..position + 4], ["--restart", "always", "--name", "oms"]);
}

#[test]
fn a_look_inside_is_taken_apart() {
    let text = "flag\nprocess\nservice nginx                            RUNNING   pid 12, uptime 0:00:10\n\
                service oms_console                      FATAL     Exited too quickly\n\
                service unix:///var/run/supervisor.sock no such file\n\
                config\na: 1\nservice x RUNNING\n";
    let inside = seen(text);
    assert!(inside.init_flag && inside.init_process);
    let services: Vec<_> = inside.services.iter().map(|(name, state)| format!("{name}={state}")).collect();
    assert_eq!(services, ["nginx=RUNNING", "oms_console=FATAL"]);
    assert_eq!(inside.config.unwrap().expose(), "a: 1\nservice x RUNNING\n");
    assert_eq!(seen(""), Inside::default());
}

#[test]
fn a_real_container_is_read_by_its_exact_name() {
    let text = include_str!("../samples/container_inspect.json");
    let container = docker_inspect::container(text, "agenttest_oms").unwrap().unwrap();
    let facts = container.facts;
    assert!(facts.running && facts.privileged && facts.tty && facts.open_stdin);
    assert_eq!(facts.ulimits, ["nproc=65535:65535"]);
    assert_eq!((facts.network_mode.as_str(), facts.restart_policy.as_str()), ("host", "no"));
    assert!(facts.environment.contains(&"OMS_HOST_IP=10.0.0.1".to_owned()));
    assert!(container.pid.is_some() && facts.exit_code.is_none());
    assert_eq!(docker_inspect::container(text, "agenttest").unwrap(), None);
}

#[test]
fn the_daemons_answer_is_told_from_its_silence() {
    let engine = |text: &str| docker_inspect::engine(text);
    let found = engine(
        r#"{"Driver":"overlayfs","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]],"DockerRootDir":"/var/lib/docker","ServerVersion":"28.0.1"}"#,
    );
    assert!(found.unwrap().unwrap().containerd_store);
    let found = engine(
        r#"{"Driver":"fuse-overlayfs","DriverStatus":null,"DockerRootDir":"/var/lib/docker","ServerVersion":"20.10.24+dfsg1"}"#,
    );
    assert_eq!(found.unwrap().unwrap().server_version, "20.10.24+dfsg1");
    let silent =
        engine(r#"{"ServerErrors":["Cannot connect to the Docker daemon at unix:///var/run/docker.sock."]}"#);
    assert!(matches!(silent, Some(Err(RuntimeError::Silent { .. }))));
    assert!(engine("").is_none());
    let output = |stderr: &str| ExecOutput { status: Some(1), stdout: String::new(), stderr: stderr.into() };
    let refused = failure("load".into(), &output("Error response from daemon: no space left on device\n"));
    assert_eq!(
        refused.to_string(),
        "`docker load` failed: Error response from daemon: no space left on device"
    );
}

#[test]
fn images_of_both_kinds_are_listed() {
    let line = |id: char, tags: &str| {
        format!(
            r#"{{"id":"sha256:{}","tags":{tags},"digests":["x@sha256:1"],"layers":["sha256:{}"],"architecture":"amd64"}}"#,
            id.to_string().repeat(64),
            "b".repeat(64)
        )
    };
    let text = format!("{}\n{}\n", line('a', r#"["oms:1","oms:2"]"#), line('c', "null"));
    let images = docker_inspect::images(&text).unwrap();
    assert_eq!(images[0].references, ["oms:1", "oms:2", "x@sha256:1"]);
    assert_eq!(images[1].references, ["x@sha256:1"]);
    assert!(docker_inspect::images("{\"id\":\"sha256:zz\"}\n").is_err());
}

#[test]
fn the_home_is_that_of_the_user_whatever_the_environment_says() {
    let passwd = "daemon:x:1:1::/usr/sbin:/bin/sh\nbroken\ndba:x:1000:1000:,,:/home/dba:/bin/bash\n\
                  root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/elsewhere:/bin/sh\nodd:x:7:7::relative:/bin/sh\n";
    assert_eq!(home_of(0, passwd), Some("/root".into()));
    assert_eq!(home_of(1000, passwd), Some("/home/dba".into()));
    assert_eq!((home_of(7, passwd), home_of(8, passwd)), (None, None));
}

#[tokio::test]
async fn a_pull_gets_its_own_configuration_and_every_call_the_home() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("docker");
    let script = "#!/bin/sh\necho \"$1 $HOME ${DOCKER_CONFIG-none}\" >&2\nexit 1\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, Permissions::from_mode(0o700)).unwrap();
    let docker = DockerCli { program: Some(program), home: Some("/root".into()) };
    let words = |error: RuntimeError| match error {
        RuntimeError::Failed { words, .. } => words,
        other => panic!("{other}"),
    };
    let config = Path::new("/run/omsctl/r-1/docker");
    let pulled = docker.pull("oms:1", Some(config)).await.unwrap_err();
    assert_eq!(words(pulled), "pull /root /run/omsctl/r-1/docker");
    let pulled = docker.pull("oms:1", None).await.unwrap_err();
    assert!(words(pulled).starts_with("pull /root "));
}
