//! The one door to stderr: what a daemon has to say goes to its run's `agent.log`, what a session has to say to the
//! controller's log. Never secrets; never results.

use std::io::Write;

/// One error with its causes, one line.
pub fn line(error: &(dyn std::error::Error + 'static)) {
    let report = omsctl_proto::ErrorReport::from_error(omsctl_proto::ErrorCode::Internal, error);
    // There is nobody left to tell when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{} {}", crate::clock::now(), report.one_line());
}
