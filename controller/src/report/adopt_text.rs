//! What `omsctl adopt` wrote, and whether `plan` finds anything to do with it.

use std::path::PathBuf;

use serde::Serialize;

use super::document::{PlanView, RefusalDocument};
use super::plan_text::plan_text;
use super::table::{Cell, table};
use super::words;
use crate::out::{Paint, Style};
use crate::plan::{Adopted, AdoptedHost};

/// What `plan` says of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    Planned(PlanView),
    /// They are not accepted; every problem.
    NotRead(String),
}

/// Everything that there is to tell.
#[derive(Debug, Clone)]
pub struct AdoptView {
    pub adopted: Adopted,
    pub files: Vec<PathBuf>,
    /// `None` when nobody waited for it.
    pub proof: Option<Proof>,
}

/// `omsctl adopt --format json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdoptDocument<'a> {
    pub hosts: &'a [AdoptedHost],
    pub files: Vec<String>,
    pub warnings: Vec<String>,
    /// Steps that `plan` shows; `None` when it refuses, or was not asked.
    pub changes: Option<usize>,
    /// Why nothing was written, or why `plan` refuses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusalDocument>,
}

impl<'a> AdoptDocument<'a> {
    pub fn of(view: &'a AdoptView) -> Self {
        let (changes, refusals) = match &view.proof {
            Some(Proof::Planned(plan)) => {
                let refusals: Vec<_> = plan.refusals.iter().map(RefusalDocument::from).collect();
                (refusals.is_empty().then(|| plan.changes()), refusals)
            }
            Some(Proof::NotRead(problems)) => {
                (None, vec![RefusalDocument { message: problems.clone(), hint: String::new() }])
            }
            None => (None, Vec::new()),
        };
        Self {
            hosts: &view.adopted.hosts,
            files: view.files.iter().map(|path| path.display().to_string()).collect(),
            warnings: view.adopted.warnings.clone(),
            changes,
            refusals,
        }
    }

    /// Nothing was written.
    pub fn refused(refusals: &[omsctl_proto::ErrorReport]) -> Self {
        let refusals = refusals.iter().map(RefusalDocument::from).collect();
        Self { hosts: &[], files: Vec::new(), warnings: Vec::new(), changes: None, refusals }
    }
}

/// The text for people; `next` is the command that looks at it all.
pub fn adopt_text(view: &AdoptView, next: &str, style: Style) -> String {
    let dash = || "-".to_owned();
    let rows = view.adopted.hosts.iter().map(|host| {
        let state =
            if host.running { Cell::new("running") } else { Cell::painted("stopped", Paint::Warning) };
        vec![
            Cell::new(host.node.as_str()),
            Cell::new(host.address.map_or_else(dash, |address| address.to_string())),
            Cell::new(host.region.clone().unwrap_or_else(dash)),
            Cell::new(host.container.as_str()),
            state,
            Cell::new(host.image.as_str()),
        ]
    });
    let headings = ["HOST", "ADDRESS", "REGION", "CONTAINER", "STATE", "IMAGE"];
    let mut text = table(&headings, &rows.collect::<Vec<_>>(), style);
    text.push('\n');
    for file in &view.files {
        words::add_line(&mut text, &format!("wrote {}", file.display()));
    }
    text.push('\n');
    let (paint, line) = match &view.proof {
        Some(Proof::Planned(plan)) if plan.refusals.is_empty() && plan.changes() == 0 => {
            (Paint::Good, format!("`{next}` shows no change: the files say what is there"))
        }
        Some(Proof::Planned(plan)) if plan.refusals.is_empty() => {
            text.push_str(&plan_text(plan, style));
            (Paint::Warning, format!("`{next}` shows these changes; nothing was changed on any host"))
        }
        Some(Proof::Planned(plan)) => {
            for report in &plan.refusals {
                words::add_line(&mut text, &words::clean(&report.one_line()));
                if let Some(hint) = &report.hint {
                    words::add_line(&mut text, &format!("  -> {}", words::clean(hint)));
                }
            }
            (Paint::Warning, format!("`{next}` refuses for the reasons above: mend them first"))
        }
        Some(Proof::NotRead(problems)) => {
            words::add_line(&mut text, problems);
            (Paint::Warning, format!("`{next}` does not accept the files as they are: mend that first"))
        }
        None => (Paint::Strong, format!("next: {next}")),
    };
    text.push_str(&style.paint(paint, &line));
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use omsctl_proto::{ErrorCode, ErrorReport, Secret, StepId};

    use super::*;
    use crate::report::fixtures::{self, name};

    fn view(proof: Option<Proof>) -> AdoptView {
        let host = |node: &str, running: bool| AdoptedHost {
            node: name(node),
            address: running.then(|| "10.0.0.1".parse().unwrap()),
            region: None,
            container: "oms_422".to_owned(),
            image: "oms:4.2.2".to_owned(),
            running,
        };
        let adopted = Adopted {
            inventory: Secret::new("canary"),
            config: Secret::new("canary"),
            certificates: Vec::new(),
            hosts: vec![host("n1", true), host("n2", false)],
            warnings: vec!["a warning".to_owned()],
        };
        AdoptView { adopted, files: vec!["/a/inventory.ini".into(), "/a/config.yaml".into()], proof }
    }

    fn planned(steps: &[StepId]) -> PlanView {
        PlanView {
            nodes: vec![(name("n1"), Vec::new()), (name("n2"), fixtures::steps(steps))],
            ..PlanView::default()
        }
    }

    #[test]
    fn the_last_line_says_what_plan_says() {
        let text = |proof| adopt_text(&view(proof), "omsctl plan", Style::PLAIN);
        insta::assert_snapshot!(text(Some(Proof::Planned(planned(&[])))));
        let last = |proof| text(proof).lines().last().unwrap().to_owned();
        let changes = text(Some(Proof::Planned(planned(&[StepId::Initialise]))));
        assert!(changes.contains("n2: 1 step\n"), "{changes}");
        assert!(
            changes.ends_with("`omsctl plan` shows these changes; nothing was changed on any host\n"),
            "{changes}"
        );
        let report = ErrorReport::new(ErrorCode::Metadb, "it is another cluster").hint("look");
        let refused = Proof::Planned(PlanView { refusals: vec![report], ..PlanView::default() });
        let told = text(Some(refused));
        assert!(told.contains("it is another cluster\n  -> look\n"), "{told}");
        assert!(last(Some(Proof::NotRead("x".to_owned()))).contains("does not accept"));
        assert_eq!(last(None), "next: omsctl plan");
    }

    #[test]
    fn the_document_has_hosts_files_warnings_and_changes() {
        let view = view(Some(Proof::Planned(planned(&[StepId::Initialise]))));
        let document = serde_json::to_value(AdoptDocument::of(&view)).unwrap();
        assert_eq!(document["changes"], 1);
        assert_eq!(document["hosts"][0]["address"], "10.0.0.1");
        assert_eq!(document["files"][1], "/a/config.yaml");
        assert_eq!(document["warnings"][0], "a warning");
        assert!(document.get("refusals").is_none());
    }
}
