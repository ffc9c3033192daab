//! Which files there are: inventories of each format, folders of them, `group_vars/` and `host_vars/` beside them.

use super::Maker;

impl Maker<'_> {
    pub(super) fn sources(&mut self) {
        let count = if self.once_in(4) { 2 + self.up_to(1) } else { 1 };
        if count > 1 {
            self.feature("several sources");
        }
        for number in 0..count {
            let folder = if number > 0 && self.once_in(2) { format!("f{number}/") } else { String::new() };
            let source = self.source(&folder, number);
            self.case.sources.push(source);
        }
        let mut places = vec![String::new()];
        places.extend(
            self.case
                .sources
                .iter()
                .filter_map(|source| source.split_once('/'))
                .map(|(folder, _)| format!("{folder}/")),
        );
        for place in places {
            if self.once_in(2) {
                self.variable_files(&place);
            }
        }
    }

    /// Writes one source and gives what `-i` says.
    fn source(&mut self, folder: &str, number: usize) -> String {
        match self.rng.u32(0..20) {
            0..=9 => {
                let name = self.pick(&["hosts.ini", "hosts", "inventory", "i.inv", "hosts.x"]);
                let text = self.ini();
                self.put(format!("{folder}{number}{name}"), text)
            }
            10..=15 => {
                let name = self.pick(&["hosts.yml", "hosts.yaml", "yaml"]);
                let text = self.yaml();
                self.put(format!("{folder}{number}{name}"), text)
            }
            16 => {
                self.feature("json");
                let text = self.json_inventory();
                self.put(format!("{folder}{number}hosts.json"), text)
            }
            17 => {
                self.feature("host list");
                let (one, two) = (self.host(), self.host_pattern());
                let lists =
                    [format!("{one},"), format!("{one},{two}"), format!(" {one} , {two},,"), ",".to_owned()];
                self.rng.choice(lists).unwrap_or_default()
            }
            _ => {
                self.feature("folder");
                let inventory = format!("{folder}inv{number}");
                for entry in 0..=self.up_to(2) {
                    let (text, name) =
                        if self.once_in(3) { (self.yaml(), "b.yml") } else { (self.ini(), "a") };
                    let below = if self.once_in(5) { "sub/" } else { "" };
                    self.put(format!("{inventory}/{below}{entry}{name}"), text);
                }
                for _ in 0..self.up_to(2) {
                    let ignored = self.pick(&[
                        "x.md", ".hidden", "a.bak", "b~", "c.txt", "d.orig", "e.cfg", "f.retry", "g.rst",
                        "h.pyc", "i.swp",
                    ]);
                    self.put(format!("{inventory}/{ignored}"), "[broken\n".to_owned());
                }
                let end = self.pick(&["", "/"]);
                format!("{inventory}{end}")
            }
        }
    }

    fn put(&mut self, name: String, text: String) -> String {
        self.file(name.clone(), text);
        name
    }

    fn json_inventory(&mut self) -> String {
        let (group, host) = (self.group(), self.host());
        serde_json::json!({
            "all": {
                "hosts": { host: { "a": 1, "b": [true, null, 1.5], "c": "{{ x }}" } },
                "children": { "zz": { "hosts": { "j1": null }, "vars": { "deep": { "x": "é\u{1f600}" } } } },
            },
            group: { "vars": { "c": "last" } },
        })
        .to_string()
    }

    fn variable_files(&mut self, place: &str) {
        for _ in 0..=self.up_to(2) {
            let (kind, name) =
                if self.once_in(2) { ("group_vars", self.group()) } else { ("host_vars", self.host()) };
            self.feature(kind);
            match self.rng.u32(0..12) {
                0..=6 => {
                    let extension = self.pick(&["", ".yml", ".yaml", ".yml", ".txt"]);
                    let text = self.variable_file();
                    self.put_beside(format!("{place}{kind}/{name}{extension}"), text);
                }
                7 => {
                    self.feature("vars: JSON");
                    let extension = self.pick(&["", ".json", ".yml"]);
                    self.put_beside(
                        format!("{place}{kind}/{name}{extension}"),
                        "{\"a\": 1, \"b\": {\"x\": [1, null]}, \"c\": \"\\u00e9\"}".to_owned(),
                    );
                }
                _ => {
                    self.feature("vars folder");
                    for file in 0..=self.up_to(2) {
                        let file_name = self.pick(&[
                            "one.yml",
                            "two",
                            "three.json",
                            ".hidden.yml",
                            "old.yml~",
                            "x.txt",
                            "sub/four.yml",
                            "sub.d/five.yml",
                        ]);
                        let text = if file_name.ends_with("json") {
                            "{\"a\": \"json\"}".to_owned()
                        } else {
                            self.variable_file()
                        };
                        self.put_beside(format!("{place}{kind}/{name}/{file}{file_name}"), text);
                    }
                }
            }
        }
    }

    /// A name cannot be a file and a folder.
    fn put_beside(&mut self, name: String, text: String) {
        let folder = format!("{name}/");
        let clash = self
            .case
            .files
            .keys()
            .any(|other| other.starts_with(&folder) || name.starts_with(&format!("{other}/")));
        if !clash {
            self.file(name, text);
        }
    }

    fn variable_file(&mut self) -> String {
        if self.once_in(30) {
            return self
                .pick(&[
                    "",
                    "# c\n",
                    "- a\n",
                    "word\n",
                    "---\n",
                    "a: b: c\n",
                    "a: 1\na: 2\n",
                    "[]\n",
                    "5: x\nyes: y\n",
                    "~\n",
                    "a: 1\n---\nb: 2\n",
                    "{}\n",
                    "0\n",
                    "''\n",
                ])
                .to_owned();
        }
        let mut text = self.pick(&["", "---\n", "# c\n"]).to_owned();
        self.variables(0, &mut text);
        text
    }
}
