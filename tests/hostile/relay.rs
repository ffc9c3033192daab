//! Where bytes of another agent of the run come in, past the encryption: it sends an image, or it asks for one. A broken
//! promise ends in a panic.

use omsctl_proto::{Digest, MAX_SLICE, PeerAsk, PeerReply, Piece, content_digest, read_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::entrances::run;

/// Of the content; a slice is less.
pub(crate) const SIZE: u64 = 6_000;
/// Where whoever asks is already.
pub(crate) const OFFSET: u64 = 1_000;

/// The content that is relayed.
pub(crate) fn bytes() -> Vec<u8> {
    (0..SIZE).map(|number| u8::try_from(number % 251).expect("small")).collect()
}

/// Its name.
pub(crate) fn content() -> Digest {
    content_digest(&[Piece::of(&bytes())])
}

/// What an agent takes from another one that says this, and why it is not all.
pub(crate) fn fetch(hostile: &[u8]) -> (Vec<u8>, Option<String>) {
    run(async {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let other = tokio::spawn(says(theirs, hostile.to_vec()));
        let (taken, why) = omsctl_agent::fakes::fetch(ours, &content(), OFFSET..SIZE).await;
        let asked = other.await.expect("the other agent's part");
        let asked: Option<PeerAsk> = read_frame(&mut asked.as_slice()).await.expect("a question");
        assert_eq!(asked, Some(PeerAsk { content: content(), offset: OFFSET }));
        let most = usize::try_from(SIZE - OFFSET).expect("small").min(hostile.len());
        assert!(taken.len() <= most, "{} bytes were taken where {most} were asked for or came", taken.len());
        assert!(why.as_deref() != Some(""));
        (taken, why)
    })
}

/// The bytes that an agent gives to another one that says this; `None` when it gives none.
pub(crate) fn serve(hostile: &[u8]) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
    run(async {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let guest = tokio::spawn(says(theirs, hostile.to_vec()));
        let bytes = bytes();
        let served = omsctl_agent::fakes::serve_guest(ours, folder.path(), &content(), &bytes).await;
        let answer = guest.await.expect("the guest's part");
        let mut rest = answer.as_slice();
        let reply: Option<PeerReply> = read_frame(&mut rest).await.expect("an answer or none");
        let ask: Option<PeerAsk> = read_frame(&mut &*hostile).await.ok().flatten();
        let wanted = ask.filter(|ask| ask.content == content() && ask.offset <= SIZE);
        let Some(wanted) = wanted else {
            assert!(reply != Some(PeerReply::Sending) && rest.is_empty(), "{reply:?} to {served:?}");
            return None;
        };
        assert_eq!((reply, &served), (Some(PeerReply::Sending), &Ok(())));
        let offset = usize::try_from(wanted.offset).expect("small");
        let given = slices(rest);
        assert!(given == bytes[offset..], "other bytes than were asked for");
        Some(given)
    })
}

/// Says it, and keeps what it hears until the other end has left.
async fn says(stream: DuplexStream, words: Vec<u8>) -> Vec<u8> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut heard = Vec::new();
    let saying = async {
        // Whoever has heard enough leaves.
        let _ = writer.write_all(&words).await;
        let _ = writer.shutdown().await;
    };
    let (_, ()) = tokio::join!(reader.read_to_end(&mut heard), saying);
    heard
}

fn slices(mut rest: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some((length, more)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length);
        assert!(length <= MAX_SLICE, "a slice of {length} bytes");
        let (slice, more) = more.split_at(usize::try_from(length).expect("small"));
        bytes.extend_from_slice(slice);
        rest = more;
    }
    assert!(rest.is_empty(), "half a length");
    bytes
}
