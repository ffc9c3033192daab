//! Host patterns for `--limit`: names, groups, wildcards, regular expressions, subscripts, and their combinations.

use super::Maker;

impl Maker<'_> {
    pub(super) fn limits(&mut self) {
        for _ in 0..4 {
            let count = if self.once_in(2) { 1 } else { 2 + self.up_to(1) };
            let mut parts = Vec::new();
            for _ in 0..count {
                let part = self.part();
                let sign = match self.rng.u32(0..6) {
                    0 => {
                        self.feature("limit: exclude");
                        "!"
                    }
                    1 => {
                        self.feature("limit: intersect");
                        "&"
                    }
                    _ => "",
                };
                parts.push(format!("{sign}{part}"));
            }
            let separator = self.pick(&[",", ":", ", ", ",,", " "]);
            self.case.limits.push(parts.join(separator));
        }
    }

    fn part(&mut self) -> String {
        let name = if self.once_in(2) { self.host() } else { self.group() };
        match self.rng.u32(0..10) {
            0..=3 => name,
            4..=5 => {
                self.feature("limit: wildcard");
                self.pick(&[
                    "*", "n*", "web?", "*1", "n[12]", "n[!1]*", "db*.com", "10.0.0.*", "[a-n]*", "o*", "*e*",
                    "a*", "??", "n[", "[]n]*", "all*", "*.*",
                ])
                .to_owned()
            }
            6..=7 => {
                self.feature("limit: regular expression");
                self.pick(&[
                    "~n.*",
                    "~n[12]$",
                    "~(web|db).*",
                    "~.*1",
                    "~^o",
                    "~[",
                    "~",
                    "~(?i)upper",
                    "~\\d+",
                    "~n\\d{1,2}",
                    "~web(?=1)",
                    "~(n)(1)?",
                    "~x|oms",
                    "~.*(?<!1)$",
                    "~é",
                    "~(?P<a>n).*",
                    "~\\w+$",
                ])
                .to_owned()
            }
            8 => {
                self.feature("limit: subscript");
                let subscript = self.pick(&[
                    "[0]", "[-1]", "[0:1]", "[1:]", "[0:0]", "[1:0]", "[5]", "[-9]", "[0-1]", "[2:1]",
                    "[0:99]", "[:1]", "[x]", "[01]", "[1:2:3]",
                ]);
                let name = if self.once_in(3) { "*".to_owned() } else { name };
                format!("{name}{subscript}")
            }
            _ => self
                .pick(&["all", "ungrouped", "nothing", "", "@file", "localhost", "127.0.0.1", "::1"])
                .to_owned(),
        }
    }
}
