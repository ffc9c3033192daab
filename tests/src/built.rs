//! What cargo built, as its JSON messages say.

use std::path::PathBuf;

use serde_json::Value;

/// The program that was built of this target, among the lines of cargo's messages.
pub fn program_of(messages: &str, target: &str) -> Option<PathBuf> {
    messages.lines().find_map(|line| executable(line, target))
}

fn executable(line: &str, target: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_wanted = message.pointer("/target/name")?.as_str()? == target;
    is_wanted.then(|| message.get("executable")?.as_str().map(PathBuf::from)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_program_in_cargos_messages() {
        let check = |messages: &str, expected: Option<&str>| {
            assert_eq!(program_of(messages, "runc_shim"), expected.map(PathBuf::from), "{messages}");
        };
        let shim = r#"{"target":{"name":"runc_shim"},"executable":"/t/runc_shim"}"#;
        let library = r#"{"target":{"name":"runc_shim"},"executable":null}"#;
        check(shim, Some("/t/runc_shim"));
        check(&format!("{library}\n{shim}"), Some("/t/runc_shim"));
        check(r#"{"target":{"name":"serde"},"executable":"/t/serde"}"#, None);
        check(r#"{"reason":"build-finished","success":true}"#, None);
        check("not JSON", None);
    }
}
