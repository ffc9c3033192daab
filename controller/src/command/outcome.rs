//! From what happened on each host to how the command ended.

use omsctl_proto::{ErrorCode, NodeOutcome, NodeResult, RunResult};

/// The result of a run, worst first: what failed outweighs what cannot be told, that outweighs what was done. A host
/// that `--keep-going` left out counts as failed when others were changed, since the cluster is not as the files say.
pub(super) fn run_result(nodes: &[NodeOutcome], interrupted: bool) -> RunResult {
    let any = |result: NodeResult| nodes.iter().any(|node| node.result == result);
    let busy = |node: &NodeOutcome| node.error.as_ref().is_some_and(|error| error.code == ErrorCode::Busy);
    let left_out = any(NodeResult::LeftOut);
    if any(NodeResult::Failed) || (left_out && any(NodeResult::Changed)) {
        RunResult::Failed
    } else if interrupted {
        RunResult::Interrupted
    } else if nodes.iter().any(busy) {
        RunResult::Busy
    } else if any(NodeResult::Unreachable) || any(NodeResult::Unknown) || any(NodeResult::Waiting) {
        RunResult::Unreachable
    } else if left_out {
        RunResult::Refused
    } else if any(NodeResult::Changed) {
        RunResult::Done
    } else {
        RunResult::Unchanged
    }
}

#[cfg(test)]
mod tests {
    use omsctl_proto::{ErrorReport, NodeName};

    use super::*;

    fn node(result: NodeResult, code: Option<ErrorCode>) -> NodeOutcome {
        let error = code.map(|code| ErrorReport::new(code, "x"));
        NodeOutcome { node: NodeName::new("n").unwrap(), result, error }
    }

    #[test]
    fn the_worst_host_decides() {
        use NodeResult::{Changed, Failed, LeftOut, Unchanged, Unreachable, Waiting};
        let cases: [(&[NodeResult], bool, RunResult); 10] = [
            (&[], false, RunResult::Unchanged),
            (&[Unchanged, Unchanged], false, RunResult::Unchanged),
            (&[Unchanged, Changed], false, RunResult::Done),
            (&[Changed, Unreachable], false, RunResult::Unreachable),
            (&[Changed, Waiting], false, RunResult::Unreachable),
            (&[Waiting, Failed, Unreachable], false, RunResult::Failed),
            (&[Changed, LeftOut], false, RunResult::Failed),
            (&[Unchanged, LeftOut], false, RunResult::Refused),
            (&[Changed, Waiting], true, RunResult::Interrupted),
            (&[Failed], true, RunResult::Failed),
        ];
        for (results, interrupted, expected) in cases {
            let nodes: Vec<_> = results.iter().map(|result| node(*result, None)).collect();
            assert_eq!(run_result(&nodes, interrupted), expected, "{results:?} {interrupted}");
        }
        let busy = [node(Waiting, Some(ErrorCode::Busy)), node(Changed, None)];
        assert_eq!(run_result(&busy, false), RunResult::Busy);
    }
}
