//! What `logs` and `bundle` share: where a host's logs are, their ends, and the secrets that may be in them.

use omsctl_inventory::{Host, render_config, secret_values};
use omsctl_proto::{ErrorReport, LogFile, LogFolders, Secret};

use super::World;
use super::inputs::Inputs;
use crate::report::Redactor;
use crate::rollout::Session;

/// Of one question; the agent gives no more at once.
const PIECE: u64 = 512 * 1024;

pub(super) fn folders(host: &Host) -> LogFolders {
    let mount = &host.settings.mount;
    let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
    LogFolders { logs: text(&mount.logs), store: text(&mount.store), run: text(&mount.run) }
}

/// Knows every password of the operator's files, and those that were asked for.
pub(super) fn redactor(world: &World, inputs: &Inputs) -> Redactor {
    let mut redactor = Redactor::default();
    let passwords = &world.passwords;
    let asked = passwords.ssh.iter().chain(&passwords.escalation).chain(&passwords.vault);
    asked.for_each(|secret| redactor.add(secret));
    for region in &inputs.deployment.regions {
        add_config(&mut redactor, &render_config(region, &[]));
    }
    for host in &inputs.deployment.hosts {
        let own = host.connection.password.iter().chain(&host.connection.r#become.password);
        let registry = host.settings.registry.iter().map(|log_in| &log_in.password);
        own.chain(registry).for_each(|secret| redactor.add(secret));
    }
    redactor
}

/// The values of the secret keys of a config.yaml, also of one that is on a host.
pub(super) fn add_config(redactor: &mut Redactor, text: &Secret) {
    for secret in secret_values(text.expose()) {
        redactor.add(&secret);
    }
}

/// The end of a log, at most so many bytes, from a line's beginning on; and where what is written next begins.
pub(super) async fn tail(
    session: &Session,
    folders: &LogFolders,
    file: &LogFile,
    most: u64,
) -> Result<(String, u64), ErrorReport> {
    let begin = file.bytes.saturating_sub(most);
    let mut at = begin;
    let mut text = String::new();
    while at < file.bytes {
        let piece =
            session.log_text(folders.clone(), file.path.clone(), at, PIECE.min(file.bytes - at)).await?;
        // Nothing more, or it was rotated meanwhile.
        if piece.next <= at {
            break;
        }
        text.push_str(&piece.text);
        at = piece.next;
    }
    if begin > 0 {
        // Half a line may be half a secret.
        text = text.split_once('\n').map(|(_, whole)| whole.to_owned()).unwrap_or_default();
    }
    Ok((text, at))
}
