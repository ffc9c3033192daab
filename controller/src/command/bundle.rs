//! `omsctl bundle`: everything that support asks for, in one file on the bastion, without secrets. Changes nothing on a host.

use std::fmt::Write as _;
use std::io;

use futures::future::join_all;
use omsctl_inventory::{Host, mask, render_config};
use omsctl_proto::{ContainerLook, ErrorReport, Facts, NodeName, WireSecret};
use serde::Serialize;

use super::World;
use super::bundle_file::BundleFile;
use super::host_logs::{add_config, folders, redactor, tail};
use super::inputs::{self, Images, Inputs};
use super::interrupt::{interrupted, or_interrupted};
use super::look::{self, Looked, Reach};
use super::telling::{Kind, Telling};
use crate::cli::{BundleRequest, Format};
use crate::exit::Exit;
use crate::report::{Redactor, without_value};
use crate::rollout::{HostLink, timestamp};

/// Of the container's own output.
const OUTPUT_LINES: u32 = 2000;
/// Runs of omsctl whose events go in.
const RUNS: u32 = 10;

/// One host of the document.
#[derive(Serialize)]
struct Collected {
    node: NodeName,
    logs: usize,
    /// Logs of which only the end is in it.
    shortened: usize,
    /// Logs that are not in it: rotated ones, and those for which there was no room.
    left_off: u64,
    errors: Vec<String>,
    reached: bool,
}

/// How much may go in.
struct Room {
    file: u64,
    left: u64,
}

/// Exit 4 when a host does not answer: the rest is in the bundle.
pub async fn bundle(world: &World, request: &BundleRequest, typed: &str) -> Exit {
    let inputs = match inputs::load(world, Images::Leave).await {
        Ok(inputs) => inputs,
        Err(exit) => return exit,
    };
    let (run, now) = (world.new_run(), world.clock.utc_ms());
    let path = world.working_directory.join(&request.output);
    let folder = format!("omsctl-bundle-{run}");
    let mut file = match BundleFile::create(&path, folder, now / 1000) {
        Ok(file) => file,
        Err(error) => {
            world.out.message(&format!("error: {} cannot be written: {error}", path.display()));
            return Exit::Usage;
        }
    };
    let key = world.new_key();
    let names = inputs.selected().map(|host| host.name.clone()).collect();
    let mut telling = Telling::begin(world, run, typed, Kind::Observe, names).await;
    let looked = look::look(world, &inputs, &key, Reach::Limit, None, &mut telling.emitter).await;
    telling.end_looking();
    let Some(looked) = looked else { return interrupted(world) };
    let collecting = Bundle { world, request, inputs: &inputs, looked: &looked };
    let collected = or_interrupted(world, Box::pin(collecting.collect(&mut file))).await;
    looked.survey.close().await;
    match collected {
        None => interrupted(world),
        Some(Ok(hosts)) => match file.finish() {
            Ok(bytes) => tell(world, request, &path.display().to_string(), (bytes, hosts)),
            Err(error) => unwritten(world, &path.display().to_string(), &error),
        },
        Some(Err(error)) => unwritten(world, &path.display().to_string(), &error),
    }
}

fn unwritten(world: &World, path: &str, error: &io::Error) -> Exit {
    world.out.message(&format!("error: {path} cannot be written: {error}; nothing is left there"));
    Exit::Failed
}

struct Bundle<'a> {
    world: &'a World,
    request: &'a BundleRequest,
    inputs: &'a Inputs,
    looked: &'a Looked,
}

impl Bundle<'_> {
    async fn collect(&self, file: &mut BundleFile) -> io::Result<Vec<Collected>> {
        let mut redactor = redactor(self.world, self.inputs);
        for facts in self.looked.survey.facts.values() {
            if let Some(WireSecret(config)) = &facts.config {
                add_config(&mut redactor, config);
            }
        }
        let hosts: Vec<&Host> = self.inputs.selected().collect();
        let mut room = Room { file: self.request.file_limit, left: self.request.total_limit };
        let mut all = Vec::new();
        for (place, host) in hosts.iter().enumerate() {
            // Hosts that come later have their share, too.
            let share = room.left / u64::try_from(hosts.len() - place).unwrap_or(1);
            let mut own = Room { file: room.file, left: share };
            all.push(self.host(host, file, &redactor, &mut own).await?);
            room.left -= share - own.left;
        }
        for region in &self.inputs.deployment.regions {
            let text = mask(render_config(region, &[]).expose());
            file.add(&format!("config/{}.yaml", region.name), &redactor.text(&text))?;
        }
        self.events(file, &redactor).await?;
        file.add("README.txt", &redactor.text(&self.readme(&all)))?;
        Ok(all)
    }

    async fn host(
        &self,
        host: &Host,
        file: &mut BundleFile,
        redactor: &Redactor,
        room: &mut Room,
    ) -> io::Result<Collected> {
        let survey = &self.looked.survey;
        let node = host.name.clone();
        let mut collected = Collected {
            node: node.clone(),
            logs: 0,
            shortened: 0,
            left_off: 0,
            errors: Vec::new(),
            reached: true,
        };
        let Some(link) = survey.links.get(&node) else {
            let why = survey.failed.get(&node).map_or("it was not asked".to_owned(), ErrorReport::one_line);
            file.add(&format!("{node}/not-reached.txt"), &redactor.text(&format!("{why}\n")))?;
            return Ok(Collected { errors: vec![why], reached: false, ..collected });
        };
        if let Some(facts) = survey.facts.get(&node) {
            file.add(&format!("{node}/facts.json"), &redactor.text(&shown(facts)))?;
            let mut names = vec![host.settings.container_name.clone()];
            names.retain(|_| facts.container.is_some());
            names.extend(facts.other_containers.iter().map(|other| other.name.clone()));
            for name in names {
                self.container(link, &name, (file, redactor), &mut collected).await?;
            }
        }
        self.logs(host, link, (file, redactor), (&mut collected, room)).await?;
        if !collected.errors.is_empty() {
            let text = collected.errors.join("\n") + "\n";
            file.add(&format!("{node}/not-collected.txt"), &redactor.text(&text))?;
        }
        Ok(collected)
    }

    async fn container(
        &self,
        link: &HostLink,
        name: &str,
        (file, redactor): (&mut BundleFile, &Redactor),
        collected: &mut Collected,
    ) -> io::Result<()> {
        let looks = [ContainerLook::Inspection, ContainerLook::Output { lines: OUTPUT_LINES }];
        let asked = looks.map(|look| link.session.container_text(name.to_owned(), look));
        for (look, answer) in looks.into_iter().zip(join_all(asked).await) {
            match (look, answer) {
                (ContainerLook::Inspection, Ok(text)) => {
                    let place = format!("{}/containers/{name}/inspect.json", collected.node);
                    file.add(&place, &redactor.inspection(&text))?;
                }
                (_, Ok(text)) => {
                    let place = format!("{}/containers/{name}/output.log", collected.node);
                    file.add(&place, &redactor.text(&text))?;
                }
                (_, Err(error)) => collected.errors.push(format!("container {name}: {}", error.one_line())),
            }
        }
        Ok(())
    }

    async fn logs(
        &self,
        host: &Host,
        link: &HostLink,
        (file, redactor): (&mut BundleFile, &Redactor),
        (collected, room): (&mut Collected, &mut Room),
    ) -> io::Result<()> {
        let folders = folders(host);
        let list = match link.session.log_files(folders.clone()).await {
            Ok(list) => list,
            Err(error) => {
                collected.errors.push(format!("logs: {}", error.one_line()));
                return Ok(());
            }
        };
        collected.left_off = list.left_off;
        for log in list.files.iter().filter(|log| log.bytes > 0) {
            if room.left == 0 {
                collected.left_off += 1;
                continue;
            }
            let most = room.file.min(room.left);
            match tail(&link.session, &folders, log, most).await {
                Ok((text, _)) => {
                    let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
                    room.left = room.left.saturating_sub(bytes);
                    file.add(&format!("{}/logs/{}", collected.node, log.path), &redactor.text(&text))?;
                    collected.logs += 1;
                    collected.shortened += usize::from(log.bytes > most);
                }
                Err(error) => collected.errors.push(format!("{}: {}", log.path, error.one_line())),
            }
        }
        Ok(())
    }

    /// omsctl's own story of its last runs.
    async fn events(&self, file: &mut BundleFile, redactor: &Redactor) -> io::Result<()> {
        let store = match &self.world.state {
            Ok(store) => store,
            Err(error) => {
                let text = redactor.text(&format!("{}\n", error.one_line()));
                return file.add("events/not-collected.txt", &text);
            }
        };
        let runs = match store.runs(RUNS).await {
            Ok(runs) => runs,
            Err(error) => {
                return file.add("events/not-collected.txt", &redactor.text(&format!("{error}\n")));
            }
        };
        for record in runs {
            let mut text = format!("{} {} {}\n", record.started, record.operator, record.command);
            match store.events(&record.run).await {
                Ok(events) => {
                    for event in events {
                        text.push_str(&serde_json::to_string(&event).map_err(io::Error::other)?);
                        text.push('\n');
                    }
                }
                Err(error) => drop(writeln!(text, "{error}")),
            }
            file.add(&format!("events/{}.jsonl", record.run), &redactor.text(&text))?;
        }
        Ok(())
    }

    fn readme(&self, hosts: &[Collected]) -> String {
        let BundleRequest { file_limit, total_limit, .. } = self.request;
        let mut text = format!(
            "Made by omsctl {} at {}.\n\n\
             Passwords that omsctl knows, what is named like one, values of containers' variables and private keys are\n\
             replaced by [removed]. Look through it before you give it away: what nobody recognises as a secret stays.\n\n\
             Of each log at most the last {file_limit} bytes, of all logs together at most {total_limit} bytes.\n\
             Rotated logs are not in it.\n\n",
            env!("CARGO_PKG_VERSION"),
            timestamp(self.world.clock.utc_ms()),
        );
        for host in hosts {
            let Collected { node, logs, shortened, left_off, errors, reached } = host;
            if *reached {
                let _ =
                    writeln!(text, "{node}: {logs} logs, {shortened} of them shortened, {left_off} left off");
            } else {
                let _ = writeln!(text, "{node}: not reached");
            }
            for error in errors {
                let _ = writeln!(text, "  {error}");
            }
        }
        text
    }
}

/// Without config.yaml, and with the names of variables only.
fn shown(facts: &Facts) -> String {
    let mut facts = Facts { config: None, ..facts.clone() };
    if let Some(container) = &mut facts.container {
        container.environment.iter_mut().for_each(|variable| *variable = without_value(variable));
    }
    serde_json::to_string_pretty(&facts).unwrap_or_default()
}

fn tell(world: &World, request: &BundleRequest, path: &str, (bytes, hosts): (u64, Vec<Collected>)) -> Exit {
    let lost: Vec<&str> = hosts.iter().filter(|host| !host.reached).map(|host| host.node.as_str()).collect();
    let exit = if lost.is_empty() { Exit::Done } else { Exit::Unreachable };
    let written = match world.globals.format {
        Format::Human => {
            let logs: usize = hosts.iter().map(|host| host.logs).sum();
            let shortened: usize = hosts.iter().map(|host| host.shortened).sum();
            let left_off: u64 = hosts.iter().map(|host| host.left_off).sum();
            let troubled = hosts.iter().filter(|host| host.reached && !host.errors.is_empty()).count();
            let mut text = format!(
                "{logs} logs; of {shortened} of them only the end ({} bytes each, {} bytes in all, at most); {left_off} \
                 left off.\nLook through it before you give it away: what nobody recognises as a secret stays.\n",
                request.file_limit, request.total_limit
            );
            if troubled > 0 {
                let _ = writeln!(text, "Of {troubled} hosts not everything: see not-collected.txt in it.");
            }
            let end = if lost.is_empty() {
                format!("done: {path}, {bytes} bytes\n")
            } else {
                format!(
                    "not whole: {path}, {bytes} bytes, lacks {}, which could not be reached\n",
                    lost.join(", ")
                )
            };
            world.out.result(&(text + &end))
        }
        Format::Json | Format::Jsonl => {
            let document = serde_json::json!({
                "file": path, "bytes": bytes, "file_limit": request.file_limit, "total_limit": request.total_limit,
                "nodes": hosts,
            });
            world.out.document(&document)
        }
    };
    if written.is_err() { Exit::Failed } else { exit }
}
