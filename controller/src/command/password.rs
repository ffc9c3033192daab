//! A new password of the MetaDB's account, as far as commands are concerned: what cannot be one, and what is left to do once
//! OMS runs with it.

use omsctl_proto::{EventKind, Gate, GateRow};

use super::World;
use super::inputs::Inputs;
use super::telling::Telling;
use crate::exit::Exit;
use crate::plan::{self, Observed};

/// Refuses what no password can change to, before any host is contacted.
pub(super) fn may_be_changed(world: &World, inputs: &Inputs) -> Result<(), Exit> {
    let Some(former) = &world.passwords.former_metadb else { return Ok(()) };
    let wanted = &inputs.deployment.regions[0].config.meta.password;
    let what = if wanted.expose().is_empty() {
        "oms_meta_password of config.yaml is empty, and no account is left without a password"
    } else if wanted.expose().contains('\0') {
        "oms_meta_password of config.yaml has a zero byte in it, which databases refuse"
    } else if wanted == former {
        "the former password of the MetaDB is the one in config.yaml: write the new one there"
    } else {
        return Ok(());
    };
    world.out.message(&format!("error: {what}\nrefused: no host was contacted"));
    Err(Exit::Usage)
}

/// What others have to do now that OMS runs with the new one. `rows` are those of the run, `observed` was before it.
pub(super) async fn remind(inputs: &Inputs, observed: &Observed, rows: &[GateRow], telling: &mut Telling) {
    let meta = &inputs.deployment.regions[0].config.meta;
    let (user, address) = (&meta.user, format!("{}:{}", meta.host, meta.port));
    let message = if rows.iter().any(|row| row.gates.contains(&Gate::Password)) {
        format!(
            "{user} at {address} has the new password, and OMS logs in by it on all hosts. Whatever else uses this account needs it \
             too: other clusters with the same MetaDB, backups, monitoring. The file with the former password can go"
        )
    } else if plan::takes_another_password(&inputs.deployment, observed) {
        format!(
            "OMS logs in to {address} as {user} by the password of config.yaml on the hosts of this run. When all hosts do, and \
             other users of this account (other clusters with the same MetaDB, backups), the DBA may remove the former one"
        )
    } else {
        return;
    };
    telling.emitter.say(EventKind::Notice { message }).await;
}
