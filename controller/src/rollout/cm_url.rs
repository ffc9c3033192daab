//! Whether the CM answers where OMS's components look for it.

use omsctl_proto::{CheckResult, CheckStatus, ErrorReport, NodeName};

/// `cm_url` as a row of `check`; any answer will do, since the CM says 404 to a bare address.
pub fn cm_url_check(url: &str, from: &NodeName, answer: Result<(bool, String), ErrorReport>) -> CheckResult {
    let (reached, found) = answer.unwrap_or_else(|error| (false, error.one_line()));
    CheckResult {
        node: None,
        name: "cm_url".to_owned(),
        status: if reached { CheckStatus::Pass } else { CheckStatus::Fail },
        expected: format!("{url} answers"),
        found: format!("from {from}: {found}"),
        fix: if reached {
            String::new()
        } else {
            "let the virtual IP, load balancer or name in cm_url lead to port 8088 of the hosts; OMS's components \
             find their cluster manager there"
                .to_owned()
        },
    }
}
