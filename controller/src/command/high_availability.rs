//! `omsctl ha`: shows OMS's own high availability, and says or writes what turns it on and off.

use omsctl_proto::{EventKind, Hold, RunId, RunResult};

use super::World;
use super::inputs::{self, Images, Inputs};
use super::interrupt::interrupted;
use super::look::{self, How, Looked, Reach};
use super::standing;
use super::telling::{Closing, Kind, Telling};
use crate::cli::{Format, HaRequest};
use crate::exit::Exit;
use crate::plan::{self, HaChange};
use crate::ports::MetaDbChange;
use crate::report::ha_text;

/// Where the vendor wants it to be changed (`research/oms.md` 6).
const CONSOLE: &str = "in the console: System Management > System Parameters > ha.config";

const CHANGED_MEANWHILE: &str =
    "failed: somebody changed ha.config meanwhile: look at `omsctl ha status` and run this again";

/// Looks first, whatever is asked for.
pub async fn high_availability(world: &World, request: &HaRequest, typed: &str) -> Exit {
    let writes = matches!(request, HaRequest::Set { write_metadb: true, .. });
    if writes && !world.globals.yes && !world.out.can_ask() {
        world.out.message(
            "error: --write-metadb changes the MetaDB and there is no terminal to ask on; add --yes",
        );
        return Exit::Usage;
    }
    let inputs = match inputs::load(world, Images::Leave).await {
        Ok(inputs) => inputs,
        Err(exit) => return exit,
    };
    let (run, key) = (world.new_run(), world.new_key());
    let names = inputs.deployment.hosts.iter().map(|host| host.name.clone()).collect();
    let kind = if writes { Kind::Change } else { Kind::Observe };
    let mut telling = Telling::begin(world, run.clone(), typed, kind, names).await;
    let hold = writes.then(|| Hold {
        controller: world.new_controller(),
        run: run.clone(),
        operator: world.operator.clone(),
        take_over: false,
    });
    let how = How { reach: Reach::Inventory, forks: None, hold, measure: false };
    let looked = look::look_holding(world, &inputs, &key, how, &mut telling.emitter).await;
    let Some(looked) = looked else {
        telling.end_looking();
        return interrupted(world);
    };
    let exit = match request {
        HaRequest::Status => {
            telling.end_looking();
            show(world, &inputs, &looked)
        }
        HaRequest::Set { enable, hosts, after_outage, write_metadb } => {
            let minutes = after_outage.map(|outage| outage.as_secs().div_ceil(60));
            let change = HaChange { enable: *enable, hosts: *hosts, outage_min: minutes };
            match new_text(world, &looked, change) {
                Err(exit) => {
                    telling.end_looking();
                    exit
                }
                Ok((former, text)) if *write_metadb => {
                    write(world, &inputs, &looked, (&run, telling), (former, text)).await
                }
                Ok((former, text)) => {
                    telling.end_looking();
                    say(world, &former, &text)
                }
            }
        }
    };
    looked.survey.close().await;
    exit
}

fn show(world: &World, inputs: &Inputs, looked: &Looked) -> Exit {
    if let Err(exit) = read(world, looked) {
        return exit;
    }
    let seen = plan::high_availability(&inputs.deployment, &looked.observed);
    let written = match world.globals.format {
        Format::Human => world.out.result(&ha_text(&seen, world.out.style())),
        Format::Json | Format::Jsonl => world.out.document(&seen),
    };
    if written.is_err() { Exit::Failed } else { Exit::Done }
}

/// The MetaDB was read; else why it was not.
fn read(world: &World, looked: &Looked) -> Result<Option<String>, Exit> {
    match &looked.observed.metadb {
        Some(Ok(metadb)) => Ok(metadb.ha_config.clone()),
        Some(Err(error)) => {
            world
                .out
                .message(&format!("error: the MetaDB cannot be read: {error}\n  `omsctl check` says more"));
            Err(Exit::Unreachable)
        }
        None => {
            for (node, error) in &looked.survey.failed {
                world.out.message(&format!("{node} is unreachable: {}", error.one_line()));
            }
            world.out.message("error: no host answers by way of which the MetaDB could be read");
            Err(Exit::Unreachable)
        }
    }
}

/// `ha.config` as it is and as it should be.
fn new_text(world: &World, looked: &Looked, change: HaChange) -> Result<(String, String), Exit> {
    let refuse = |why: &str| {
        world.out.message(&format!(
            "refused: {why}; set it once {CONSOLE}\nrefused: nothing was changed anywhere"
        ));
        Exit::Refused
    };
    let former = read(world, looked)?.ok_or_else(|| refuse("the MetaDB has no ha.config yet"))?;
    match plan::changed_ha_config(&former, change) {
        Ok(text) => Ok((former, text)),
        Err(why) => Err(refuse(&format!("ha.config is not understood ({why})"))),
    }
}

fn say(world: &World, former: &str, text: &str) -> Exit {
    let differences = plan::ha_differences(former, text);
    let words = if differences.is_empty() {
        "nothing to do: ha.config says that already\n".to_owned()
    } else {
        format!(
            "Set this {CONSOLE}:\n  {}\nThe whole text:\n  {text}\nOr let omsctl write it, which the vendor does not \
             document: add --write-metadb\n",
            differences.join("\n  ")
        )
    };
    let told = match world.globals.format {
        Format::Human => world.out.result(&words),
        Format::Json | Format::Jsonl => {
            let said = serde_json::json!({ "changes": differences, "text": text, "written": false });
            world.out.document(&said)
        }
    };
    if told.is_err() { Exit::Failed } else { Exit::Done }
}

/// Asks, writes, reads back. The former text is in the history before anything is written.
async fn write(
    world: &World,
    inputs: &Inputs,
    looked: &Looked,
    (run, mut telling): (&RunId, Telling),
    (former, text): (String, String),
) -> Exit {
    if let Some(held) = standing::held_by_another(&looked.survey) {
        telling.end_looking();
        world.out.message(&held);
        return Exit::Busy;
    }
    let differences = plan::ha_differences(&former, &text);
    if differences.is_empty() {
        telling.end_looking();
        world.out.message("nothing to do: ha.config says that already");
        return Exit::Done;
    }
    let question = format!("ha.config in the MetaDB:\n  {}", differences.join("\n  "));
    if !world.globals.yes && !telling.ask(world, &question, "Write this?".to_owned()).await {
        telling.end_looking();
        return interrupted(world);
    }
    let Some(link) = looked.survey.metadb_link() else {
        telling.end_looking();
        return Exit::Unreachable;
    };
    telling.keep(world).await;
    telling.emitter.say(EventKind::Notice { message: format!("ha.config was: {former}") }).await;
    let reader = look::reader(world, &inputs.deployment);
    let change = MetaDbChange::SetHaConfig { former, text: text.clone() };
    let written = reader.change(link.connection.as_ref(), &change).await;
    let seen = reader.read(link.connection.as_ref()).await;
    let ha_enabled = seen.as_ref().is_ok_and(|facts| facts.ha_enabled == Some(true));
    let (result, ending) = match (written, seen) {
        (Ok(_), Ok(facts)) if facts.ha_config.as_deref() == Some(text.as_str()) => {
            let message = format!("ha.config is: {text}");
            telling.emitter.say(EventKind::Notice { message }).await;
            (RunResult::Done, done(ha_enabled, run))
        }
        (Ok(_), Ok(_)) => (RunResult::Failed, CHANGED_MEANWHILE.to_owned()),
        (Err(error), _) | (Ok(_), Err(error)) => {
            (RunResult::Failed, format!("failed: {error}; `omsctl ha status` says what is there now"))
        }
    };
    let closing = Closing { ha_enabled, ..Closing::default() };
    let exit = telling.end(world, result, Vec::new(), closing).await;
    let told = match world.globals.format {
        Format::Human => world.out.result(&format!("{ending}\n")),
        Format::Json => world.out.document(&document(run, result)),
        Format::Jsonl => Ok(()),
    };
    if told.is_err() { Exit::Failed } else { exit }
}

fn done(ha_enabled: bool, run: &RunId) -> String {
    let state = if ha_enabled { "on" } else { "off" };
    format!(
        "done: HA is {state} in the MetaDB; look in the console that OMS shows it. The former text: omsctl show {run}"
    )
}

fn document(run: &RunId, result: RunResult) -> serde_json::Value {
    serde_json::json!({ "run": run, "result": result, "exit": Exit::of(result).code() })
}
