//! An image archive on its way into Docker.

use omsctl_proto::{Consignment, Digest, ErrorCode, EventKind, Importance, MAX_PIECE, Piece, StepId};

use super::setup::{PIECE, Setup, Talk, last, names};

async fn at_the_hatch(setup: &Setup) -> Talk {
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(setup.plan("r-1")).await;
    let wanted = talk.until(|kind| matches!(kind, EventKind::ContentWanted { .. })).await;
    let EventKind::ContentWanted { content, offset, .. } = last(&wanted) else { panic!("wanted") };
    assert_eq!((content.as_str(), *offset), (setup.content().as_str(), 0));
    talk
}

#[tokio::test(start_paused = true)]
async fn damaged_bytes_fail_and_docker_never_gets_them() {
    let setup = Setup::new();
    let mut talk = at_the_hatch(&setup).await;
    let mut damaged = setup.archive.clone();
    damaged[1_000_000] ^= 1;
    let run = setup.plan("r-1").run;
    setup.bring(&run, 0, &damaged).await;
    let events = talk.until(|kind| kind.importance() == Importance::Terminal).await;
    let EventKind::NodeFailed { step, error } = last(&events) else { panic!("failed") };
    assert_eq!((*step, error.code), (StepId::LoadImage, ErrorCode::Image));
    assert!(error.causes[0].contains("500000 bytes from byte 1000000 on"), "{error:?}");
    assert_eq!(setup.machine.docker.calls(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_announcement_of_something_else_fails() {
    let setup = Setup::new();
    let run = setup.plan("r-1").run;
    let all = setup.archive.chunks(PIECE).map(Piece::of).collect::<Vec<_>>();
    let huge = vec![Piece { size: MAX_PIECE + 1, digest: Digest::of(b"huge") }];
    let empty = [&all[..], &[Piece::of(b"")]].concat();
    for (number, (pieces, offset)) in
        [(all[..2].to_vec(), 0), (all, 500_000), (huge, 0), (empty, 0), (Vec::new(), 0)]
            .into_iter()
            .enumerate()
    {
        let setup = Setup::new();
        let mut talk = at_the_hatch(&setup).await;
        setup.announce(&run, &Consignment { pieces, offset, from: None }, &setup.archive).await;
        let events = talk.until(|kind| kind.importance() == Importance::Terminal).await;
        let EventKind::NodeFailed { error, .. } = last(&events) else { panic!("failed") };
        assert_eq!(error.code, ErrorCode::Image, "{number}");
        assert_eq!(setup.machine.docker.calls(), Vec::<String>::new(), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_break_only_what_is_missing_is_asked_for() {
    let setup = Setup::new();
    let mut talk = at_the_hatch(&setup).await;
    let run = setup.plan("r-1").run;
    setup.bring(&run, 0, &setup.archive[..900_000]).await;
    let events = talk.until(|kind| matches!(kind, EventKind::ContentWanted { .. })).await;
    assert_eq!(names(&events), ["step_warning load_image", "content_wanted load_image"]);
    let EventKind::ContentWanted { offset, .. } = last(&events) else { panic!("wanted") };
    assert_eq!(*offset, 500_000);
    // The announcement alone is a break too.
    setup.bring(&run, PIECE, &[]).await;
    let events = talk.until(|kind| matches!(kind, EventKind::ContentWanted { .. })).await;
    assert!(matches!(last(&events), EventKind::ContentWanted { offset: 500_000, .. }));
    setup.bring(&run, PIECE, &setup.archive[PIECE..]).await;
    let events = talk.until(|kind| matches!(kind, EventKind::StepDone { .. })).await;
    assert_eq!(names(&events), ["step_done load_image changed"]);
    let calls = setup.machine.docker.calls();
    assert_eq!(calls.iter().filter(|call| *call == "load archive").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_nobody_waits_for_are_refused() {
    let setup = Setup::new();
    let _talk = at_the_hatch(&setup).await;
    let run = setup.plan("r-1").run;
    let reply = setup.offer(&run, &Digest::of(b"other"), b"other").await;
    assert!(String::from_utf8_lossy(&reply).contains("does not wait"));
}

#[tokio::test(start_paused = true)]
async fn an_image_under_another_name_is_only_named() {
    let setup = Setup::new();
    let mut image = setup.image();
    image.facts.references = vec!["somewhere/else:1".to_owned()];
    setup.machine.docker.add_image(image);
    let events = setup.roll_out("r-1").await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert!(!names(&events).contains(&"content_wanted load_image".to_owned()));
    assert_eq!(setup.machine.docker.calls()[0], "tag oms:4.2.2");
}

#[tokio::test(start_paused = true)]
async fn another_image_under_the_wanted_name_is_replaced_by_the_wanted_one() {
    let setup = Setup::new();
    let mut other = setup.image();
    other.facts.id = Digest::of(b"other");
    other.facts.layers = vec![Digest::of(b"other layer")];
    setup.machine.docker.add_image(other);
    let events = setup.roll_out("r-1").await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert_eq!(setup.machine.docker.calls()[0], "load archive");
}
