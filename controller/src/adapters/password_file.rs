//! A password that is kept in a file of its own, which nobody else may read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use omsctl_proto::{ErrorCode, ErrorReport, Secret};
use zeroize::Zeroizing;

/// No password is longer, in bytes.
const LONGEST: u64 = 16 * 1024;

/// Its text without the line break at its end: blanks may belong to a password. `what` says whose it is.
pub fn read(path: &Path, what: &str) -> Result<Secret, ErrorReport> {
    let place = path.display();
    let refused = |why: String| {
        ErrorReport::new(ErrorCode::Authentication, format!("the file {place} with {what} {why}"))
    };
    let cannot = |error: io::Error| refused("cannot be read".to_owned()).cause(error.to_string());
    let file = File::open(path).map_err(cannot)?;
    let mode = file.metadata().map_err(cannot)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let why = format!("can be read or changed by others (mode {mode:04o})");
        return Err(refused(why).hint(format!("chmod 600 {place}")));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(cannot)?;
    if text.len() as u64 > LONGEST {
        return Err(refused(format!("is longer than {LONGEST} bytes")));
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(refused("is empty".to_owned()));
    }
    if line.contains('\n') {
        return Err(refused("has more than one line".to_owned()));
    }
    Ok(Secret::new(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, mode: u32) -> Result<Secret, ErrorReport> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        read(&path, "the password")
    }

    #[test]
    fn only_the_line_break_at_the_end_is_no_part_of_it() {
        for (text, password) in [("a b \n", "a b "), ("ab\r\n", "ab"), (" ab", " ab")] {
            assert_eq!(file(text, 0o600).unwrap().expose(), password);
        }
    }

    #[test]
    fn what_others_read_and_what_is_no_password_is_refused_without_being_shown() {
        let check = |text: &str, mode: u32, why: &str| {
            let error = file(text, mode).unwrap_err().one_line();
            assert!(error.contains(why) && !error.contains("canary"), "{error}");
        };
        check("canary", 0o640, "can be read or changed by others (mode 0640)");
        check("canary", 0o604, "by others");
        check("\n", 0o600, "is empty");
        check("canary\ncanary\n", 0o600, "more than one line");
        check(&"canary".repeat(5000), 0o600, "longer than 16384 bytes");
        assert!(read(Path::new("/nonexistent/p"), "x").unwrap_err().one_line().contains("cannot be read"));
    }
}
