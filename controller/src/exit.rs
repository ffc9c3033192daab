//! Every exit code that omsctl knows. Scripts rely on these numbers: they may be added to, never changed.

use std::process::ExitCode;

use omsctl_proto::RunResult;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// 0: done. For `plan` and `status`: every host was reached.
    Done = 0,
    /// 1: a host failed after changes began, or omsctl itself failed.
    Failed = 1,
    /// 2: usage or input error; nothing was contacted.
    Usage = 2,
    /// 3: preflight failed or the plan was refused; nothing was changed anywhere.
    Refused = 3,
    /// 4: a host is unreachable or its state unknown, and nothing failed otherwise.
    Unreachable = 4,
    /// 5: another rollout holds the hosts.
    Busy = 5,
    /// 130: interrupted or detached.
    Interrupted = 130,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What another omsctl ended with.
    pub fn from_code(code: u8) -> Self {
        let all = [Self::Done, Self::Failed, Self::Usage, Self::Refused, Self::Unreachable, Self::Busy];
        let known = all.into_iter().chain([Self::Interrupted]).find(|exit| exit.code() == code);
        known.unwrap_or(Self::Failed)
    }

    /// What a finished run means for the shell.
    pub fn of(result: RunResult) -> Self {
        match result {
            RunResult::Done | RunResult::Unchanged => Self::Done,
            RunResult::Failed => Self::Failed,
            RunResult::Refused => Self::Refused,
            RunResult::Unreachable => Self::Unreachable,
            RunResult::Busy => Self::Busy,
            RunResult::Interrupted => Self::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_the_documented_codes() {
        for (result, code) in [
            (RunResult::Done, 0),
            (RunResult::Unchanged, 0),
            (RunResult::Failed, 1),
            (RunResult::Refused, 3),
            (RunResult::Unreachable, 4),
            (RunResult::Busy, 5),
            (RunResult::Interrupted, 130),
        ] {
            assert_eq!(Exit::of(result).code(), code, "{result:?}");
        }
        assert_eq!(Exit::Usage.code(), 2);
        assert_eq!(Exit::from_code(130), Exit::Interrupted);
        assert_eq!(Exit::from_code(99), Exit::Failed);
    }
}
