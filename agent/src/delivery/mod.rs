//! Bytes of an image on a host: the file that they are kept in until Docker has them, and the way from one agent of a
//! run to the next. Knows nothing of steps and events.

mod circle;
mod fetch;
mod serving;
mod spool;
mod unpacking;

use std::time::Duration;

pub(crate) use circle::Circle;
pub(crate) use fetch::{Fetch, PeerStream};
#[cfg(any(test, feature = "fakes"))]
pub(crate) use serving::{Goods, receive_guest};
pub(crate) use serving::{Offer, open};
pub(crate) use spool::{Spool, SpoolReader, Trust, forget_all_but, kept_bytes};
pub(crate) use unpacking::{Ended, Unpacking};

/// Whoever has nothing to send says so that often.
const HEARTBEAT: Duration = Duration::from_secs(1);
