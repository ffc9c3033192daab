//! Passwords of Ansible Vault, from where Ansible takes them: a file that holds one, or a program that prints one.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use omsctl_proto::{ErrorCode, ErrorReport, Secret};
use zeroize::Zeroizing;

/// No password is longer, in bytes.
const LONGEST: u64 = 16 * 1024;

/// The password of `--vault-password-file`. An executable file is run, as Ansible does; what it says on stderr is shown.
pub fn from_file(path: &Path) -> Result<Secret, ErrorReport> {
    let place = path.display();
    let failed = |what: String, error: &io::Error| {
        ErrorReport::new(ErrorCode::Authentication, what).cause(error.to_string())
    };
    let cannot = |error: io::Error| failed(format!("the vault password file {place} cannot be read"), &error);
    // The path that a program is started with must not be looked up in PATH.
    let path = path.canonicalize().map_err(cannot)?;
    let metadata = path.metadata().map_err(cannot)?;
    let text = if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 {
        run(&path).map_err(|error| failed(format!("the vault password program {place} failed"), &error))?
    } else {
        read(File::open(&path).map_err(cannot)?).map_err(cannot)?
    };
    if text.starts_with("$ANSIBLE_VAULT") {
        let what = format!("the vault password file {place} is encrypted itself, which omsctl does not take");
        return Err(ErrorReport::new(ErrorCode::Authentication, what).hint("decrypt it with ansible-vault"));
    }
    checked(&text).ok_or_else(|| {
        ErrorReport::new(
            ErrorCode::Authentication,
            format!("the vault password file {place} has no password"),
        )
    })
}

/// The password that was typed for `--ask-vault-pass`.
pub fn typed(asked: &Secret) -> Result<Secret, ErrorReport> {
    checked(asked.expose()).ok_or_else(|| {
        ErrorReport::new(ErrorCode::Authentication, "the vault password that was typed is empty")
    })
}

/// Without the white space around it, as Ansible has it.
fn checked(text: &str) -> Option<Secret> {
    let trimmed = text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    (!trimmed.is_empty()).then(|| Secret::new(trimmed))
}

fn run(program: &Path) -> io::Result<Zeroizing<String>> {
    let mut command = Command::new(program);
    // Ansible tells a program with such a name which password is wanted.
    if program.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("-client")) {
        command.args(["--vault-id", "default"]);
    }
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let said = child.stdout.take().map_or_else(|| Err(io::ErrorKind::BrokenPipe.into()), read);
    let status = child.wait()?;
    if status.success() { said } else { Err(io::Error::other(status.to_string())) }
}

fn read(from: impl Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    from.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other(format!("it is longer than {LONGEST} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str, mode: u32) -> Result<Secret, ErrorReport> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        from_file(&path)
    }

    #[test]
    fn a_file_holds_a_password_and_a_program_prints_one() {
        assert_eq!(file("p", " two words \r\n", 0o600).unwrap().expose(), "two words");
        assert_eq!(file("p", "#!/bin/sh\necho \"a $#\"\n", 0o700).unwrap().expose(), "a 0");
        assert_eq!(
            file("p-client.sh", "#!/bin/sh\necho \"$@\"\n", 0o700).unwrap().expose(),
            "--vault-id default"
        );
    }

    #[test]
    fn what_is_no_password_is_refused_without_being_shown() {
        let refused = |name: &str, text: &str, mode: u32| file(name, text, mode).unwrap_err().one_line();
        assert!(refused("p", " \n", 0o600).ends_with("has no password"));
        assert!(refused("p", "$ANSIBLE_VAULT;1.1;AES256\n31\n", 0o600).contains("is encrypted itself"));
        let program = refused("p", "#!/bin/sh\necho canary\nexit 3\n", 0o700);
        assert!(program.contains("exit status: 3") && !program.contains("canary"), "{program}");
        assert!(refused("p", &"canary".repeat(5000), 0o600).contains("longer than 16384 bytes"));
        assert!(from_file(Path::new("/nonexistent/p")).unwrap_err().one_line().contains("cannot be read"));
        assert!(typed(&Secret::new(" ")).is_err());
    }
}
