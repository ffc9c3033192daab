//! A command that waits on a host for its moment: started beforehand, so that it acts within milliseconds of being told.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::{Node, RigError};

/// Says that it is there, waits for a line, then becomes what it was given.
const WAIT: &str = "echo ready; read -r line && exec sh -c \"$1\"";

/// Waits until it is told, or ends with this value without having done anything.
#[derive(Debug)]
pub struct Poised {
    child: Child,
    tell: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
}

impl Node {
    /// Starts a shell as root on the host that runs `script` when it is told to.
    pub fn poise(&self, script: &str) -> Result<Poised, RigError> {
        let mut command = Command::new("docker");
        command.args(["exec", "-i", self.container(), "sh", "-c", WAIT, "sh", script]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(lost)?;
        let tell = child.stdin.take();
        let Some(said) = child.stdout.take() else {
            return Err(RigError::Unreadable { what: "a waiting shell", text: self.name().to_owned() });
        };
        let mut poised = Poised { child, tell, said: BufReader::new(said) };
        let mut line = String::new();
        poised.said.read_line(&mut line).map_err(lost)?;
        if line.trim() == "ready" {
            Ok(poised)
        } else {
            Err(RigError::Unreadable { what: "a waiting shell", text: line })
        }
    }
}

impl Poised {
    /// Lets it act.
    pub fn tell(&mut self) -> Result<(), RigError> {
        match self.tell.take() {
            Some(mut tell) => tell.write_all(b"now\n").map_err(lost),
            None => Ok(()),
        }
    }

    /// Waits until it has acted; answers what it wrote.
    pub fn end(mut self) -> Result<String, RigError> {
        let mut text = String::new();
        self.said.read_to_string(&mut text).map_err(lost)?;
        self.child.wait().map_err(lost)?;
        Ok(text)
    }
}

fn lost(source: std::io::Error) -> RigError {
    RigError::NotStarted { program: "docker exec".to_owned(), source }
}

impl Drop for Poised {
    fn drop(&mut self) {
        // Without its line the shell ends; the client with it.
        self.tell.take();
        let _ = self.child.wait();
    }
}
