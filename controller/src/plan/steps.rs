//! From differences to steps: which actions mend them, in the order of design.md section 3. Gates are put on later.

use omsctl_proto::{Action, Facts, FormerText, ImageOrigin, RunId, Step};

use super::checks::row;
use super::findings::{ContainerFinding, Findings};
use super::image;
use super::wanted::Wanted;

/// The steps of one host; empty when nothing differs. `virtual_ip` is the one that mends that.
pub(super) fn steps(
    wanted: &Wanted,
    findings: &Findings,
    facts: &Facts,
    run: &RunId,
    virtual_ip: Option<Step>,
) -> Vec<Step> {
    let mut steps = files(wanted, findings, facts);
    steps.extend(image(wanted, findings, facts));
    let container = container(wanted, findings, facts, run);
    let started = container.is_some();
    steps.extend(container);
    let rest = after_the_container(wanted, findings, started, virtual_ip);
    steps.extend(rest);
    if findings.is_initialising {
        // It reads the files that would be written.
        steps.sort_by_key(|step| !matches!(step.action, Action::Initialise { .. }));
    }
    steps
}

fn step(why: impl Into<String>, action: Action) -> Step {
    Step { why: why.into(), gate: None, action }
}

fn files(wanted: &Wanted, findings: &Findings, facts: &Facts) -> Vec<Step> {
    let mut steps = Vec::new();
    if !findings.missing_directories.is_empty() {
        let why = format!("not there: {}", findings.missing_directories.join(", "));
        steps.push(step(why, Action::MakeDirectories { paths: findings.missing_directories.clone() }));
    }
    if let Some(why) = &findings.certificates {
        let files = wanted.certificates.iter().map(|wanted| wanted.file.clone()).collect();
        steps.push(step(why, Action::WriteCertificates { files }));
    }
    if let Some(why) = findings.config.why().or_else(|| findings.leftover.clone()) {
        steps.push(step(why, write_config(wanted, findings, facts)));
    }
    steps
}

/// Read back inside only where the container that runs now goes on with the same file.
pub(super) fn write_config(wanted: &Wanted, findings: &Findings, facts: &Facts) -> Action {
    let stays =
        findings.container == ContainerFinding::Runs && facts.container.as_ref().is_some_and(|c| c.running);
    Action::WriteConfig {
        file: wanted.config.file.clone(),
        container: stays.then(|| wanted.container.name.clone()),
        former: if findings.reload.is_some() { FormerText::KeptForReload } else { FormerText::Removed },
    }
}

fn image(wanted: &Wanted, findings: &Findings, facts: &Facts) -> Option<Step> {
    let why = findings.image.as_ref()?;
    let image = wanted.container.image.clone();
    let mut origin = image::origin(wanted.archive.as_ref(), &facts.docker);
    if let ImageOrigin::Pull { credentials } = &mut origin {
        *credentials = wanted.login.as_ref().map(|login| login.content.clone());
    }
    let why = match &origin {
        ImageOrigin::Archive { size, unpacked, whole, .. } if unpacked < whole => {
            format!(
                "{why}, and some of its layers are: {} are sent of {}",
                row::size(*size),
                row::size(*whole)
            )
        }
        ImageOrigin::Archive { .. } | ImageOrigin::Pull { .. } => why.clone(),
    };
    Some(step(why, Action::LoadImage { image, origin }))
}

fn container(wanted: &Wanted, findings: &Findings, facts: &Facts, run: &RunId) -> Option<Step> {
    let name = wanted.container.name.clone();
    match &findings.container {
        ContainerFinding::Runs => None,
        ContainerFinding::Stopped(why) => Some(step(why, Action::StartContainer { name })),
        ContainerFinding::Restart(why) => {
            let started = facts.container.as_ref().map(|found| found.started.clone()).unwrap_or_default();
            Some(step(why, Action::RestartContainer { name, started }))
        }
        ContainerFinding::Absent => {
            let create = Action::CreateContainer { container: wanted.container.clone(), set_aside: None };
            Some(step(format!("there is no container {name}"), create))
        }
        ContainerFinding::Differs(why) => {
            let set_aside = Some(format!("{name}-{run}"));
            let create = Action::CreateContainer { container: wanted.container.clone(), set_aside };
            Some(step(why, create))
        }
    }
}

/// Services come after the initialisation: before it their configuration is missing and they cannot run.
/// keepalived tries OMS's ports, so the virtual IP comes after what opens them.
fn after_the_container(
    wanted: &Wanted,
    findings: &Findings,
    started: bool,
    virtual_ip: Option<Step>,
) -> Vec<Step> {
    let name = wanted.container.name.clone();
    let initialise = findings.initialise.as_ref().map(|why| {
        let action =
            Action::Initialise { container: name.clone(), by: wanted.initialiser, logs: wanted.logs.clone() };
        step(why, action)
    });
    let reload = findings.reload.as_ref().map(|why| {
        let config_file = wanted.config.file.path.clone();
        let log_in = findings.log_in;
        step(why, Action::ReloadConfig { container: name.clone(), config_file, log_in })
    });
    let served = findings.served.as_ref().map(|why| {
        let (container, port) = (name.clone(), wanted.health.port);
        step(why, Action::ServeCertificate { container, port, chain: wanted.chain.clone() })
    });
    let services_why = if started {
        Some("the container starts")
    } else if initialise.is_some() || reload.is_some() {
        Some("services are restarted")
    } else {
        findings.services.as_deref()
    };
    let services = services_why.map(|why| step(why, Action::AwaitServices { container: name.clone() }));
    let health_why = if services.is_some() || served.is_some() {
        Some("OMS says last whether all is well")
    } else {
        findings.health.as_deref()
    };
    let healthy = health_why
        .map(|why| step(why, Action::AwaitHealthy { container: name, health: wanted.health.clone() }));
    initialise
        .into_iter()
        .chain(reload)
        .chain(services)
        .chain(served)
        .chain(virtual_ip)
        .chain(healthy)
        .collect()
}
