//! A plan for people: what would be done on which host, and why. Hosts with one and the same plan are told once.

use omsctl_proto::{Gate, NodeName, PlannedStep};

use super::document::PlanView;
use super::words;
use crate::out::{Paint, Style};

/// The text of a plan, for `plan` and before the question of `apply`.
pub fn plan_text(plan: &PlanView, style: Style) -> String {
    let mut text = String::new();
    for (hosts, steps) in folded(plan) {
        text.push_str(&block(&hosts, steps, style));
    }
    for warning in &plan.warnings {
        let warning = format!("warning: {}", words::clean(warning));
        text.push_str(&style.paint(Paint::Warning, &warning));
        text.push('\n');
    }
    text.push_str(&last_line(plan, style));
    text
}

type Folded<'a> = Vec<(Vec<&'a NodeName>, &'a [PlannedStep])>;

fn folded(plan: &PlanView) -> Folded<'_> {
    let mut folded: Folded<'_> = Vec::new();
    for (node, steps) in &plan.nodes {
        match folded.iter_mut().find(|(_, others)| *others == steps.as_slice()) {
            Some((hosts, _)) => hosts.push(node),
            None => folded.push((vec![node], steps)),
        }
    }
    folded
}

fn block(hosts: &[&NodeName], steps: &[PlannedStep], style: Style) -> String {
    let names = style.paint(Paint::Strong, &words::list(hosts));
    if steps.is_empty() {
        return format!("{names}: nothing to do\n\n");
    }
    let each = if hosts.len() > 1 { " each" } else { "" };
    let mut text = format!("{names}: {}{each}\n", words::count(steps.len(), "step"));
    let width = steps.iter().map(|step| words::to_do(step.id).len()).max().unwrap_or(0);
    for step in steps {
        let gate = step.gate.map(|gate| style.paint(Paint::Faint, gate_words(gate))).unwrap_or_default();
        words::add_line(
            &mut text,
            &format!("  {:width$}  {}{gate}", words::to_do(step.id), words::clean(&step.why)),
        );
    }
    text.push('\n');
    text
}

fn gate_words(gate: Gate) -> &'static str {
    match gate {
        Gate::Turn => " [one host at a time, after the new hosts]",
        Gate::Metadb => " [after the change of the MetaDB]",
        Gate::Password => " [when all have the file and the MetaDB takes the new password]",
        Gate::Schema => " [schema step on one host at a time]",
        Gate::Stopped => " [when OMS is stopped on all hosts]",
        Gate::Databases => " [when all hosts have come so far]",
    }
}

fn last_line(plan: &PlanView, style: Style) -> String {
    let hosts = words::count(plan.nodes.len(), "host");
    let changes = plan.changes();
    let line = if changes == 0 {
        let are = if plan.nodes.len() == 1 { "is" } else { "are" };
        format!("nothing to do: {hosts} {are} as the files say")
    } else {
        let touched = plan.nodes.iter().filter(|(_, steps)| !steps.is_empty()).count();
        format!("{} on {touched} of {hosts}", words::count(changes, "step"))
    };
    format!("{}\n", style.paint(Paint::Strong, &line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures::{self, name};
    use omsctl_proto::StepId;

    #[test]
    fn equal_plans_are_told_once_and_every_step_says_why() {
        let plan = PlanView {
            nodes: vec![
                (name("node1"), fixtures::steps(&[StepId::LoadImage, StepId::Initialise])),
                (name("node2"), fixtures::steps(&[StepId::LoadImage, StepId::Initialise])),
                (name("node3"), vec![]),
                (name("node4"), fixtures::steps(&[StepId::ReloadConfig])),
            ],
            warnings: vec!["node1 has 4 GB of memory; OMS wants 64".to_owned()],
            refusals: vec![],
        };
        assert_eq!(
            plan_text(&plan, Style::PLAIN),
            "\
node1 and node2: 2 steps each
  load the image  no image with config 9a2b0c1f3d4e
  initialise OMS  this container was never initialised [schema step on one host at a time]

node3: nothing to do

node4: 1 step
  reload the configuration  it differs [one host at a time, after the new hosts]

warning: node1 has 4 GB of memory; OMS wants 64
5 steps on 3 of 4 hosts
"
        );
    }

    #[test]
    fn nothing_to_do_is_one_clear_line() {
        let plan = PlanView { nodes: vec![(name("a"), vec![]), (name("b"), vec![])], ..PlanView::default() };
        let text = plan_text(&plan, Style::PLAIN);
        assert_eq!(text, "a and b: nothing to do\n\nnothing to do: 2 hosts are as the files say\n");
    }
}
