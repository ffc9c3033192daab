//! What one agent says to another that knows the key of the run, without the encryption around it: the other end is
//! played by whoever tests.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use omsctl_proto::{Digest, ErrorCode, ErrorReport, MAX_SLICE};

use crate::delivery::{Fetch, Goods, Spool, receive_guest};
use crate::ports::ByteStream;
use crate::world::Places;

/// What an agent takes that asks another one for these bytes of a content; the second says why it is not all.
pub async fn fetch(
    stream: impl ByteStream,
    content: &Digest,
    wanted: Range<u64>,
) -> (Vec<u8>, Option<String>) {
    let mut taken = Vec::new();
    let mut fetch = match Fetch::ask(stream, content, wanted).await {
        Ok(fetch) => fetch,
        Err(error) => return (taken, Some(in_words(&error))),
    };
    let mut buffer = vec![0; MAX_SLICE as usize];
    loop {
        match fetch.read(&mut buffer).await {
            Ok(0) => return (taken, None),
            Ok(count) => taken.extend_from_slice(&buffer[..count]),
            Err(error) => return (taken, Some(in_words(&error))),
        }
    }
}

/// What an agent does for another one that asks, when it has all bytes of this content; the folder is its state.
pub async fn serve_guest(
    mut stream: impl ByteStream,
    folder: &Path,
    content: &Digest,
    bytes: &[u8],
) -> Result<(), String> {
    let places = Places { state: folder.to_owned(), ..Places::default() };
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let spool = Spool::open(&places, content, size).await.map_err(|error| error.to_string())?;
    spool.append(bytes).map_err(|error| error.to_string())?;
    spool.confirm();
    let goods = Goods { content: content.clone(), spool: Arc::new(spool) };
    receive_guest(&mut stream, &goods).await.map_err(|error| in_words(&error))
}

fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    ErrorReport::from_error(ErrorCode::Protocol, error).one_line()
}
