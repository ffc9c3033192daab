//! Certificate and key of OMS's web server.

use omsctl_proto::{ErrorCode, ErrorReport, SecretFile};

use super::place_file::place;
use super::{Context, Done, Stop};

/// Writes those that differ.
pub(crate) async fn write_certificates(context: &Context<'_>, files: &[SecretFile]) -> Result<Done, Stop> {
    let mut written = Vec::new();
    for file in files {
        let Some(placed) = place(context, file).await? else { continue };
        placed.keep().map_err(|error| {
            ErrorReport::new(ErrorCode::File, format!("The former text of {} cannot be removed.", file.path))
                .cause(error.to_string())
        })?;
        written.push(file.path.as_str());
    }
    if written.is_empty() {
        return Ok(Done::unchanged());
    }
    Ok(Done::changed().with("written", written.join(" ")))
}
