//! The original tools, kept in one virtual environment below the target folder, and long-lived processes of theirs that
//! answer one question a line. What omsctl makes of the same question is the matter of the suites.

mod environment;
mod oracle;

pub use environment::{EnvironmentError, program};
pub use oracle::{Oracle, OracleError};

/// How many generated cases a suite tries: `OMSCTL_CASES`, else few enough for a developer's patience.
pub fn cases() -> u64 {
    number("OMSCTL_CASES").unwrap_or(500)
}

/// The first seed: `OMSCTL_SEED`, else the same at every run. Case `n` is made from seed `n` alone, so that
/// `OMSCTL_SEED=n OMSCTL_CASES=1` shows one again.
pub fn first_seed() -> u64 {
    number("OMSCTL_SEED").unwrap_or(0)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
