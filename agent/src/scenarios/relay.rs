//! An image from another agent of the run: from a good one, and from every kind of bad one.

use std::net::SocketAddr;
use std::time::Duration;

use omsctl_proto::{
    Action, Consignment, Door, EventKind, FingerprintKey, ImageOrigin, MAX_SLICE, NodePlan, Peer, PeerAsk,
    PeerReply, read_frame, write_frame,
};
use tokio::io::AsyncWriteExt;

use super::setup::{PIECE, Setup, Talk, key, last};
use crate::delivery::Circle;
use crate::fakes::{FakeMachine, Judge, Network};
use crate::ports::{ByteStream, Host};

/// What the other agent does when it is asked.
#[derive(Debug, Clone, Copy)]
enum Other {
    SendsAll,
    SendsWrongBytes,
    /// After some bytes.
    FallsSilent,
    Hangs,
    HangsUp,
    HasNoSuchContent,
    HasAnotherKey,
    SendsHugeSlice,
    SpeaksNoTls,
}

const ADDRESS: [u8; 4] = [10, 0, 0, 2];

/// A machine with a door of its own, and another agent on its network.
struct Site {
    setup: Setup,
    peer: Peer,
    _other: FakeMachine,
}

fn site(other: Other) -> Site {
    let setup = Setup::new();
    let network = Network::default();
    let folder = std::env::temp_dir();
    let machine = FakeMachine::new("n2", ADDRESS.into(), &folder, &Judge::default());
    setup.machine.host.join(&network);
    machine.host.join(&network);
    let (door, mut incoming) = machine.host.listen(Door { address: ADDRESS.into(), port: 0 }).unwrap();
    let archive = setup.archive.clone();
    tokio::spawn(async move {
        while let Some(stream) = incoming.recv().await {
            tokio::spawn(answer(other, stream, archive.clone()));
        }
    });
    let peer = Peer { node: omsctl_proto::NodeName::new("n2").unwrap(), door };
    Site { setup, peer, _other: machine }
}

async fn answer(other: Other, mut stream: Box<dyn ByteStream>, mut archive: Vec<u8>) {
    if let Other::SpeaksNoTls = other {
        // Whoever asked may be gone already, here and below.
        let _ = stream.write_all(b"SSH-2.0-OpenSSH\r\n").await;
        return;
    }
    let key = if let Other::HasAnotherKey = other { FingerprintKey::new([9; 32]) } else { key() };
    let Ok(mut stream) = Circle::of(&key).unwrap().accept(stream).await else { return };
    let ask: PeerAsk = read_frame(&mut stream).await.unwrap().unwrap();
    let reply = if let Other::HasNoSuchContent = other { PeerReply::NotHere } else { PeerReply::Sending };
    write_frame(&mut stream, &reply).await.unwrap();
    let begin = usize::try_from(ask.offset).unwrap();
    let end = match other {
        Other::SendsAll | Other::SendsWrongBytes => archive.len(),
        Other::FallsSilent | Other::HangsUp => PIECE + 1000,
        _ => begin,
    };
    if let Other::SendsWrongBytes = other {
        archive[PIECE + 1] ^= 1;
    }
    for slice in archive[begin..end].chunks(MAX_SLICE as usize) {
        let length = u32::try_from(slice.len()).unwrap().to_be_bytes();
        if stream.write_all(&[&length[..], slice].concat()).await.is_err() {
            return;
        }
    }
    if let Other::SendsHugeSlice = other {
        let _ = stream.write_all(&(MAX_SLICE + 1).to_be_bytes()).await;
    }
    let _ = stream.flush().await;
    match other {
        Other::Hangs | Other::FallsSilent => std::future::pending().await,
        _ => {}
    }
    let _ = stream.shutdown().await;
}

fn with_door(mut plan: NodePlan) -> NodePlan {
    for step in &mut plan.steps {
        if let Action::LoadImage { origin: ImageOrigin::Archive { door, .. }, .. } = &mut step.action {
            *door = Some(Door { address: [10, 0, 0, 1].into(), port: 0 });
        }
    }
    plan
}

impl Site {
    /// Until the agent asks for the image; from which byte on, and where it lets others in.
    async fn asked(&self, talk: &mut Talk) -> (u64, SocketAddr) {
        let events = talk.until(|kind| matches!(kind, EventKind::ContentWanted { .. })).await;
        let EventKind::ContentWanted { offset, door: Some(door), .. } = last(&events) else {
            panic!("{events:?}")
        };
        (*offset, *door)
    }

    /// Says that the other agent has the image, for as long as the future is not dropped.
    async fn refer(&self) {
        let head = Consignment { pieces: self.setup.pieces(), offset: 0, from: Some(self.peer.clone()) };
        let (mut near, far) = tokio::io::duplex(64 * 1024);
        write_frame(&mut near, &head).await.unwrap();
        let (run, content) = (self.setup.plan("r-1").run, self.setup.content());
        let mut output = Vec::new();
        crate::receive(far, &mut output, &self.setup.machine.world(), &run, &content).await.unwrap();
        drop(near);
    }
}

#[tokio::test(start_paused = true)]
async fn the_image_comes_from_another_agent() {
    let site = site(Other::SendsAll);
    let mut talk = Talk::open(&site.setup.machine).await;
    talk.start(with_door(site.setup.plan("r-1"))).await;
    site.asked(&mut talk).await;
    let ((), events) =
        tokio::join!(site.refer(), talk.until(|kind| matches!(kind, EventKind::StepDone { .. })));
    assert!(events.iter().all(|event| !matches!(event.kind, EventKind::StepWarning { .. })), "{events:?}");
    assert_eq!(site.setup.machine.docker.calls()[0], "load archive");
}

#[tokio::test(start_paused = true)]
async fn a_bad_one_costs_a_new_question_and_no_right_byte() {
    for (other, offset, why) in [
        (Other::SendsWrongBytes, PIECE, "n2 sent wrong bytes"),
        (Other::FallsSilent, PIECE, "silent for 3 s"),
        (Other::HangsUp, PIECE, "n2 ended too early"),
        (Other::Hangs, 0, "silent for 3 s"),
        (Other::HasNoSuchContent, 0, "does not have these bytes"),
        (Other::HasAnotherKey, 0, "does not have the key of this run"),
        (Other::SendsHugeSlice, 0, "at most 262144 are allowed"),
        (Other::SpeaksNoTls, 0, "does not have the key of this run"),
    ] {
        let site = site(other);
        let mut talk = Talk::open(&site.setup.machine).await;
        talk.start(with_door(site.setup.plan("r-1"))).await;
        site.asked(&mut talk).await;
        let ((), events) = tokio::join!(site.refer(), async {
            talk.until(|kind| matches!(kind, EventKind::ContentWanted { .. })).await
        });
        let EventKind::ContentWanted { offset: asked, .. } = last(&events) else { panic!("{events:?}") };
        assert_eq!(usize::try_from(*asked).unwrap(), offset, "{other:?}");
        let warned = events.iter().find_map(|event| match &event.kind {
            EventKind::StepWarning { message, .. } => Some(message.as_str()),
            _ => None,
        });
        assert!(warned.unwrap().contains(why), "{other:?}: {warned:?}");
        // The controller brings the rest.
        site.setup.bring(&site.setup.plan("r-1").run, offset, &site.setup.archive[offset..]).await;
        talk.until(|kind| matches!(kind, EventKind::StepDone { .. })).await;
        assert_eq!(site.setup.machine.docker.calls()[0], "load archive", "{other:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_cannot_be_reached_costs_a_new_question() {
    let mut site = site(Other::SendsAll);
    site.peer.door.set_port(9);
    let mut talk = Talk::open(&site.setup.machine).await;
    talk.start(with_door(site.setup.plan("r-1"))).await;
    site.asked(&mut talk).await;
    let ((), (offset, _)) = tokio::join!(site.refer(), site.asked(&mut talk));
    assert_eq!(offset, 0);
}

#[tokio::test(start_paused = true)]
async fn the_controller_takes_a_host_away_from_its_source() {
    let site = site(Other::Hangs);
    let mut talk = Talk::open(&site.setup.machine).await;
    talk.start(with_door(site.setup.plan("r-1"))).await;
    site.asked(&mut talk).await;
    let begun = tokio::time::Instant::now();
    let taken = tokio::time::timeout(Duration::from_millis(500), site.refer()).await;
    assert!(taken.is_err(), "it waits for the other one");
    site.asked(&mut talk).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_new_run_goes_on_where_the_last_one_ended() {
    let setup = Setup::new();
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(setup.plan("r-1")).await;
    talk.until(|kind| matches!(kind, EventKind::ContentWanted { .. })).await;
    setup.bring(&setup.plan("r-1").run, 0, &setup.archive[..2 * PIECE + 7]).await;
    talk.until(|kind| matches!(kind, EventKind::ContentWanted { offset: 1_000_000, .. })).await;
    setup.machine.reboot();
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(setup.plan("r-2")).await;
    let events = talk.until(|kind| matches!(kind, EventKind::ContentWanted { .. })).await;
    assert!(matches!(last(&events), EventKind::ContentWanted { offset: 1_000_000, .. }), "{events:?}");
    setup.bring(&setup.plan("r-2").run, 2 * PIECE, &setup.archive[2 * PIECE..]).await;
    talk.until(|kind| matches!(kind, EventKind::StepDone { .. })).await;
    assert!(!setup.machine.world().places.state.join("content").exists());
}
