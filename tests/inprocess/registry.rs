//! An image that the hosts pull from a private registry: the log-in reaches Docker and nobody else.

use omsctl_agent::fakes::FakeImage;
use omsctl_controller::exit::Exit;

use crate::bastion::Bastion;
use crate::controllers::assert_nothing_left;
use crate::fleet::{Fleet, image_facts};

const REFERENCE: &str = "harbor.example.com/oceanbase/oms:feature_4.2.7_ce";
const SECRET: &str = "canary-9b2f";
/// Of `robot` and the secret.
const AUTH: &str = "cm9ib3Q6Y2FuYXJ5LTliMmY=";

/// Two hosts whose Docker reaches the registry.
fn fleet() -> Fleet {
    let fleet = Fleet::new(2);
    let config = format!(r#"{{"auths":{{"harbor.example.com":{{"auth":"{AUTH}"}}}}}}"#);
    for host in &fleet.hosts {
        let image = FakeImage { facts: image_facts(REFERENCE), initialises_itself: false };
        host.machine.docker.knows_private_registry(REFERENCE, image, &config);
    }
    fleet
}

fn bastion<'a>(fleet: &'a Fleet, login: &str) -> Bastion<'a> {
    let bastion = Bastion::new(fleet);
    let hosts = "[oms]\nn1 ansible_host=10.0.0.1\nn2 ansible_host=10.0.0.2\n";
    let text = format!("{hosts}[oms:vars]\noms_image={REFERENCE}\n{login}");
    std::fs::write(bastion.folder.path().join("inventory.ini"), text).unwrap();
    bastion
}

#[tokio::test(start_paused = true)]
async fn the_log_in_of_the_inventory_opens_it_and_is_told_nowhere() {
    let fleet = fleet();
    let ann = bastion(&fleet, &format!("oms_registry_user=robot\noms_registry_password={SECRET}\n"));
    let applied = ann.apply().await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    let mut told = serde_json::to_string(&applied.events).unwrap() + &applied.stderr;
    told += &applied.document.to_string();
    for host in &fleet.hosts {
        let run = host.journals().join(applied.run.as_str());
        for file in std::fs::read_dir(run).unwrap() {
            told += &String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap());
        }
    }
    assert!(told.contains(REFERENCE) && !told.contains(SECRET) && !told.contains(AUTH), "{told}");
    assert_nothing_left(&fleet).await;
    assert!(ann.plan().await.iter().all(|(_, steps)| steps.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn without_it_every_host_says_what_to_do() {
    let fleet = fleet();
    let applied = bastion(&fleet, "").apply().await;
    assert_eq!(applied.exit, Exit::Failed, "{}", applied.stderr);
    for node in ["n1", "n2"] {
        let error = applied.error(node);
        for word in ["unauthorized", "`oms_registry_password`", "`docker login harbor.example.com`"] {
            assert!(error.contains(word), "{word}: {error}");
        }
    }
    assert_nothing_left(&fleet).await;
}
