//! What people read of a host: OMS's logs and its containers. Changes nothing.

use omsctl_proto::{ContainerLook, ErrorCode, ErrorReport, LogFolders, Response};

use crate::oms_logs;
use crate::ports::Since;
use crate::world::World;

/// Of one answer, which has to fit in a frame also when every character needs six bytes.
const LONGEST: usize = 600 * 1024;

pub(super) async fn files(world: &World, folders: LogFolders) -> Response {
    let places = world.places.clone();
    apart(move || Ok(Response::LogFiles(oms_logs::list(&places, &folders)))).await
}

pub(super) async fn text(
    world: &World,
    folders: LogFolders,
    (path, from, most): (String, u64, u64),
) -> Response {
    let places = world.places.clone();
    apart(move || oms_logs::read(&places, &folders, (&path, from, most)).map(Response::LogText)).await
}

/// Disks may be slow, and the session has more to answer.
async fn apart(read: impl FnOnce() -> Result<Response, ErrorReport> + Send + 'static) -> Response {
    let answer = tokio::task::spawn_blocking(read).await;
    answer
        .unwrap_or_else(|error| Err(ErrorReport::new(ErrorCode::Internal, error.to_string())))
        .unwrap_or_else(|error| Response::Failed { error })
}

pub(super) async fn container(world: &World, name: &str, look: ContainerLook) -> Response {
    let asked = match look {
        ContainerLook::Inspection => world.docker.inspection(name).await,
        ContainerLook::Output { lines } => world.docker.logs(name, lines, Since::Creation).await,
        ContainerLook::Unknown => {
            let error = ErrorReport::new(ErrorCode::Protocol, "This agent does not know that question.");
            return Response::Failed { error };
        }
    };
    match asked {
        Ok(text) => Response::Text { text: last_of(text) },
        Err(error) => {
            let what = format!("The container {name} cannot be looked at.");
            Response::Failed { error: error.report(ErrorCode::Docker, &what) }
        }
    }
}

/// From a line's beginning on.
fn last_of(text: String) -> String {
    let Some(begin) = text.len().checked_sub(LONGEST).filter(|begin| *begin > 0) else { return text };
    let rest = &text[text.ceil_char_boundary(begin)..];
    rest.split_once('\n').map(|(_, whole)| whole.to_owned()).unwrap_or_default()
}
