//! A Python program that answers one JSON question a line with one JSON answer a line, for as long as a suite runs: a
//! process for each question would cost a second each.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::{EnvironmentError, program};

/// One such process. Ends when it is dropped.
#[derive(Debug)]
pub struct Oracle {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OracleError {
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error("the original tool cannot be talked to")]
    Talk(#[from] io::Error),
    #[error("the original tool ended (what it said is on stderr)")]
    Ended,
    #[error("the original tool's answer is not JSON: {line}")]
    Answer {
        line: String,
        #[source]
        source: serde_json::Error,
    },
}

impl Oracle {
    /// Starts `script` with the environment's Python. Its stderr is the suite's.
    pub fn start(script: &Path) -> Result<Self, OracleError> {
        let mut process = Command::new(program("python")?)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(questions), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(OracleError::Ended);
        };
        Ok(Self { process, questions, answers: BufReader::new(answers) })
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, question: &Value) -> Result<Value, OracleError> {
        writeln!(self.questions, "{question}")?;
        self.questions.flush()?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(OracleError::Ended);
        }
        serde_json::from_str(&line).map_err(|source| OracleError::Answer { line, source })
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It was started for this suite alone, and keeps nothing.
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}
