//! One controller at a time on a host: an exclusive lock that dies with the session that took it, and in the file who
//! that is. It keeps others away from the moment a controller looks, whether or not a run walks here.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use omsctl_proto::{ControllerId, Hold, Holder};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::private_file;
use crate::serve::lease::lock;
use crate::world::{Places, World};

/// A lock that somebody only looks at is free again within an instant, that of an evicted session within seconds.
const PAUSE: Duration = Duration::from_millis(20);
const LOOKS: u32 = 5;
const LEAVES_WITHIN: u32 = 250;

/// Who has the host, and which session of his.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    controller: ControllerId,
    holder: Holder,
    session: u32,
}

/// Held as long as it lives.
#[derive(Debug)]
pub(super) struct Held {
    file: File,
    pub(super) holder: Holder,
}

impl Drop for Held {
    fn drop(&mut self) {
        // The lock goes with the file; an empty file names nobody.
        let _ = self.file.set_len(0);
    }
}

/// Takes the host for this controller; the error names who has it. A session that the same controller left behind on a
/// broken connection gives way, and with `take_over` any other too.
pub(super) async fn take(world: &World, hold: &Hold, session: u32) -> io::Result<Result<Held, Holder>> {
    let mut file = open(&world.places)?;
    let mut locked = try_lock(&file, LOOKS).await?;
    if !locked {
        let Some(record) = read(&mut file)? else { return Ok(Err(unnamed(hold))) };
        if record.controller != hold.controller && !hold.take_over {
            return Ok(Err(record.holder));
        }
        world.daemons.evict(record.session)?;
        locked = try_lock(&file, LEAVES_WITHIN).await?;
        if !locked {
            return Ok(Err(record.holder));
        }
    }
    let holder = Holder { run: hold.run.clone(), operator: hold.operator.who.clone(), since: clock::now() };
    let record = Record { controller: hold.controller.clone(), holder: holder.clone(), session };
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec(&record)?)?;
    Ok(Ok(Held { file, holder }))
}

/// Who has this host now.
pub(super) async fn holder(places: &Places) -> io::Result<Option<Holder>> {
    let mut file = open(places)?;
    if try_lock(&file, LOOKS).await? {
        return Ok(None);
    }
    Ok(read(&mut file)?.map(|record| record.holder))
}

async fn try_lock(file: &File, times: u32) -> io::Result<bool> {
    for attempt in 0..times {
        if lock(file)? {
            return Ok(true);
        }
        if attempt + 1 < times {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(false)
}

fn open(places: &Places) -> io::Result<File> {
    private_file::make_folder(&places.runtime)?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(places.runtime.join("controller"))
}

/// `None` while whoever took the lock has not written yet.
fn read(file: &mut File) -> io::Result<Option<Record>> {
    let mut text = Vec::new();
    file.rewind()?;
    file.take(4096).read_to_end(&mut text)?;
    if text.is_empty() { Ok(None) } else { serde_json::from_slice(&text).map(Some).map_err(io::Error::other) }
}

/// For the instant in which the holder has not said who it is.
fn unnamed(hold: &Hold) -> Holder {
    Holder { run: hold.run.clone(), operator: "another omsctl".to_owned(), since: clock::now() }
}
