//! A random id by which one machine under two names is known.

use std::io;

use omsctl_proto::{ErrorCode, ErrorReport};

use crate::private_file;
use crate::world::Places;

/// Reads the id, or makes it once: the only thing that looking at a host ever writes.
pub(super) fn read_or_make(places: &Places) -> Result<String, ErrorReport> {
    let path = places.state.join("host-id");
    let id = match private_file::read(&path, 64) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(places),
        Err(error) => Err(error),
    };
    id.map_err(|error| {
        ErrorReport::new(ErrorCode::Agent, format!("{} cannot be read or made.", path.display()))
            .cause(error.to_string())
            .hint("The agent needs root and a writable state folder.")
    })
}

fn make(places: &Places) -> io::Result<String> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let id = format!("{:032x}", u128::from_be_bytes(random));
    private_file::make_folder(&places.state)?;
    private_file::write(&places.state.join("host-id"), id.as_bytes())?;
    Ok(id)
}
