//! Ansible Vault: files that are encrypted as a whole, and the passwords that are given. The values (`!vault`) are in
//! the YAML that the other modules make.

use super::{Maker, PASSWORDS};

impl Maker<'_> {
    pub(super) fn vault(&mut self) {
        if self.once_in(10) {
            self.encrypt_files();
        }
        let locked = self.case.files.values().any(|file| file.lock.is_some());
        self.case.passwords = match self.rng.u32(0..8) {
            0 if !locked => Vec::new(),
            1 => vec![PASSWORDS[0]],
            2 if !locked || self.once_in(3) => {
                self.feature("vault: wrong password");
                vec!["wrong"]
            }
            3 => vec![PASSWORDS[1], PASSWORDS[0]],
            _ => PASSWORDS.to_vec(),
        };
    }

    fn encrypt_files(&mut self) {
        let names: Vec<String> = self.case.files.keys().cloned().collect();
        for name in names {
            if self.once_in(2) {
                continue;
            }
            self.feature(if name.contains("_vars/") { "vault: file" } else { "vault: inventory" });
            let password = self.pick(&PASSWORDS);
            let label = match self.rng.u32(0..3) {
                0 => {
                    self.feature("vault: label");
                    Some(self.pick(&["prod", "one", "a b"]))
                }
                _ => None,
            };
            if let Some(file) = self.case.files.get_mut(&name) {
                file.lock = Some((password, label));
            }
        }
    }

    /// A value that is encrypted, as YAML writes it.
    pub(super) fn vault_value(&mut self, indent: usize) -> String {
        self.feature("vault: value");
        let text = self.vaulted[self.rng.usize(0..self.vaulted.len())].clone();
        let pad = " ".repeat(indent);
        let lines: Vec<String> = text.lines().map(|line| format!("{pad}{line}")).collect();
        let tag = self.pick(&["!vault", "!vault", "!vault-encrypted"]);
        format!("{tag} |\n{}", lines.join("\n"))
    }
}
