//! The databases become files and come back, by the programs of OMS's image; and a container gets its name back.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use omsctl_proto::{
    Action, Digest, DumpFacts, DumpSpec, Event, EventKind, RunId, Secret, SecretName, ToAgent, WantedImage,
    WireSecret,
};

use super::setup::{CONTAINER, Setup, Talk, claim, key, last, names, operator, plan, step};
use crate::fakes::FakeDatabases;

const TABLES: [(&str, &[&str]); 3] =
    [("oms_cm", &["host"]), ("oms_hb", &["heart_beat", "heatbeat_sequence"]), ("oms_rm", &["cluster_info"])];

struct Story {
    setup: Setup,
    databases: Arc<Mutex<FakeDatabases>>,
}

impl Story {
    async fn begin() -> Self {
        let setup = Setup::new();
        let tables =
            TABLES.map(|(name, tables)| (name.to_owned(), tables.iter().map(|t| (*t).to_owned()).collect()));
        let databases = FakeDatabases { tables: tables.into(), ..FakeDatabases::default() };
        let databases = Arc::new(Mutex::new(databases));
        setup.machine.docker.shares_databases(&databases);
        setup.roll_out("r-1").await;
        Self { setup, databases }
    }

    async fn act(&self, run: &str, action: Action) -> Vec<Event> {
        let mut talk = Talk::open(&self.setup.machine).await;
        let options = WireSecret(Secret::new("[client]\npassword=\"canary-7f3a\"\n"));
        let secrets = BTreeMap::from([(login(), options)]);
        let plan = plan(run, vec![step(None, action)]);
        let operator = operator("ann@bastion");
        talk.say(ToAgent::Start { plan, key: key(), secrets, operator, claim: claim() }).await;
        self.setup.see_through(&mut talk).await
    }

    async fn dump(&self, run: &str) -> Vec<Event> {
        self.act(run, Action::DumpDatabases { dump: self.spec() }).await
    }

    async fn restore(&self, run: &str) -> Vec<Event> {
        let action = Action::RestoreDatabases { run: RunId::new("u-1").unwrap(), login: login() };
        self.act(run, action).await
    }

    fn spec(&self) -> DumpSpec {
        let image = self.setup.image().facts;
        let tables =
            |tables: &[&str]| tables.iter().map(|table| (*table).to_owned()).collect::<BTreeSet<_>>();
        DumpSpec {
            run: RunId::new("u-1").unwrap(),
            login: login(),
            programs: image.id.as_str().to_owned(),
            version: Some("4.2.2".to_owned()),
            next: WantedImage {
                reference: "oms:4.2.3".to_owned(),
                config: Some(Digest::of(b"next")),
                layers: Vec::new(),
                architecture: None,
            },
            databases: TABLES.map(|(name, of)| (name.to_owned(), tables(of))).into(),
            purge: BTreeSet::from(["oms_hb".to_owned()]),
        }
    }

    async fn dumps(&self) -> Vec<DumpFacts> {
        Talk::open(&self.setup.machine).await.facts().await.dumps
    }

    fn folder(&self) -> PathBuf {
        self.setup.machine.world().places.state.join("dumps/u-1")
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.databases.lock().unwrap().log)
    }
}

fn login() -> SecretName {
    SecretName::new("metadb-client").unwrap()
}

fn error(events: &[Event]) -> String {
    let EventKind::NodeFailed { error, .. } = last(events) else { panic!("{:?}", names(events)) };
    format!("{} {}", error.one_line(), error.hint.as_deref().unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn the_databases_are_dumped_once_proved_and_private() {
    let story = Story::begin().await;
    assert_eq!(story.dumps().await, []);
    let events = story.dump("r-2").await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert_eq!(story.log(), ["purge", "dump oms_cm", "dump oms_hb", "dump oms_rm"]);
    let dumps = story.dumps().await;
    let [dump] = &dumps[..] else { panic!("{dumps:?}") };
    assert_eq!((dump.restored.as_ref(), dump.version.as_deref()), (None, Some("4.2.2")));
    for database in &dump.databases {
        let path = story.folder().join(&database.file);
        let text = std::fs::read(&path).unwrap();
        assert_eq!((database.bytes, &database.sha256), (text.len() as u64, &Digest::of(&text)));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!story.setup.kept_text().contains("canary-7f3a"), "no password stays");
    let events = story.dump("r-3").await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: false });
    assert_eq!(story.log(), [""; 0], "what was proved is not made again");
}

#[tokio::test(start_paused = true)]
async fn a_dump_that_breaks_off_or_lacks_a_table_is_none() {
    let story = Story::begin().await;
    story.databases.lock().unwrap().breaks = Some("oms_hb".to_owned());
    let told = error(&story.dump("r-2").await);
    assert!(
        told.contains("oms_hb") && told.contains("Lost connection") && told.contains("omsctl start"),
        "{told}"
    );
    assert_eq!(story.dumps().await, []);
    assert!(!story.folder().exists(), "half a dump takes no room");
    let hidden = story.databases.lock().unwrap().tables.insert("oms_rm".to_owned(), Vec::new());
    let told = error(&story.dump("r-3").await);
    assert!(told.contains("lacks the tables cluster_info"), "{told}");
    assert_eq!(story.dumps().await, []);
    story.databases.lock().unwrap().tables.insert("oms_rm".to_owned(), hidden.unwrap());
    story.dump("r-4").await;
    assert_eq!(story.dumps().await.len(), 1, "another attempt begins anew");
}

#[tokio::test(start_paused = true)]
async fn the_databases_come_back_once_and_only_from_what_was_dumped() {
    let story = Story::begin().await;
    assert!(error(&story.restore("r-2").await).contains("was never proved"));
    story.dump("r-3").await;
    story.log();
    let file = story.folder().join(&story.dumps().await[0].databases[2].file);
    let text = std::fs::read(&file).unwrap();
    std::fs::write(&file, "by hand").unwrap();
    assert!(error(&story.restore("r-4").await).contains("was changed since the dump"));
    assert_eq!(story.log(), [""; 0], "no database was touched");
    std::fs::write(&file, text).unwrap();
    let events = story.restore("r-5").await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert_eq!(story.log(), ["restore oms_cm", "restore oms_hb", "restore oms_rm"]);
    assert!(story.dumps().await[0].restored.is_some());
    let events = story.restore("r-6").await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: false });
    assert_eq!(story.log(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_was_set_aside_gets_its_name_back() {
    let story = Story::begin().await;
    let id = |facts: omsctl_proto::Facts| facts.container.map(|container| (container.id, container.running));
    let look = async || id(Talk::open(&story.setup.machine).await.facts().await);
    let before = look().await.unwrap();
    let (name, aside) = (CONTAINER.to_owned(), "oms-u-1".to_owned());
    story.act("r-2", Action::StopContainer { name: name.clone(), set_aside: Some(aside.clone()) }).await;
    assert_eq!(look().await, None);
    let back = || Action::RestoreContainer { name: name.clone(), aside: aside.clone() };
    let events = story.act("r-3", back()).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert_eq!(look().await, Some(before.clone()));
    let events = story.act("r-4", back()).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: false });
    assert_eq!(look().await, Some(before));
}
