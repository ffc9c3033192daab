//! Names of hosts, groups and variables; host patterns with ranges and ports.

use super::Maker;

const HOSTS: &[&str] = &[
    "n1",
    "n2",
    "n3",
    "web1",
    "web2",
    "web01",
    "db-a",
    "db.example.com",
    "10.0.0.1",
    "10.0.0.2",
    "fe80::1",
    "2001:db8::5",
    "::1",
    "localhost",
    "127.0.0.1",
    "UPPER",
    "café",
    "oms",
    "a_b",
    "n1.oms",
    "x",
    "host_0",
];
const ODD_HOSTS: &[&str] =
    &["-a", "a-", "a..b", "a/b", "n 1", "bad_", "@x", "a=b", "*", "n!1", "a,b", "~n", "日本", "\u{a0}x"];
const GROUPS: &[&str] = &[
    "oms",
    "web",
    "db",
    "prod",
    "eu-west",
    "a.b",
    "all",
    "ungrouped",
    "n1",
    "x",
    "region_1",
    "ZZ",
    "gruppe-ä",
    "k",
    "west",
    "1st",
];
const VARIABLES: &[&str] = &[
    "a",
    "b",
    "c",
    "ansible_host",
    "ansible_port",
    "ansible_user",
    "oms_mount_path",
    "x-y",
    "inventory_hostname",
    "ü",
    "ansible_group_priority",
    "groups",
    "ansible_password",
    "deep",
    "a.b",
    "Z",
];

impl Maker<'_> {
    pub(super) fn names(&mut self) {
        for _ in 0..3 + self.up_to(5) {
            let host = self.pick(HOSTS).to_owned();
            self.hosts.push(host);
        }
        for _ in 0..2 + self.up_to(5) {
            let group = self.pick(GROUPS).to_owned();
            self.groups.push(group);
        }
    }

    pub(super) fn variable_name(&mut self) -> String {
        match self.rng.u32(0..12) {
            0..=5 => self.pick(&["a", "b", "c"]).to_owned(),
            _ => self.pick(VARIABLES).to_owned(),
        }
    }

    /// What a host line begins with.
    pub(super) fn host_pattern(&mut self) -> String {
        match self.rng.u32(0..40) {
            0..=23 => self.plain_host(),
            24..=31 => self.range(),
            32..=34 => {
                self.feature("name: port");
                let host = self.host();
                let port = self.pick(&["22", "2222", "0", "022", "65535"]);
                let port =
                    if self.once_in(20) { self.pick(&["65536", "99999999999", "", "x"]) } else { port };
                if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
            }
            35..=36 => {
                self.feature("name: IPv6");
                self.pick(&[
                    "[::1]:22",
                    "[2001:db8::5]:2222",
                    "[fe80::1]",
                    "::ffff:10.0.0.1",
                    "[2001:db8::[1:3]]:22",
                    "2001:db8::[a:c]",
                    "fe80::1%eth0",
                    "1:2:3:4:5:6:7:8",
                    "1:2:3:4:5:6:7:8:9",
                    "[10.0.0.1]:22",
                    "fe80::[0:f]",
                    "::1:22",
                ])
                .to_owned()
            }
            _ => {
                self.feature("name: odd");
                self.pick(ODD_HOSTS).to_owned()
            }
        }
    }

    fn plain_host(&mut self) -> String {
        let host = self.host();
        match host.as_str() {
            "localhost" | "127.0.0.1" => self.feature("name: localhost"),
            "fe80::1" | "2001:db8::5" | "::1" => self.feature("name: IPv6"),
            _ => {}
        }
        host
    }

    fn range(&mut self) -> String {
        self.feature("name: range");
        let range = match self.rng.u32(0..24) {
            0..=9 => {
                let (begin, length) = (self.up_to(12), self.up_to(5));
                format!("[{begin}:{}]", begin + length)
            }
            10..=14 => {
                self.feature("name: padded range");
                self.pick(&[
                    "[01:03]",
                    "[001:003]",
                    "[07:11]",
                    "[00:10:5]",
                    "[008:011]",
                    "[00:02]",
                    "[0:02]",
                    "[09:12:2]",
                    "[0:3]",
                ])
                .to_owned()
            }
            15..=18 => {
                self.feature("name: range with step");
                format!("[{}:{}:{}]", self.up_to(3), 3 + self.up_to(9), 1 + self.up_to(3))
            }
            19..=22 => {
                self.feature("name: letters");
                self.pick(&[
                    "[a:c]", "[a:b]", "[x:z:2]", "[A:C]", "[X:Z]", "[y:B]", "[a:g:3]", "[A:a:10]", "[z:Z]",
                ])
                .to_owned()
            }
            _ if self.once_in(2) => "[:2]".to_owned(),
            _ => self
                .pick(&[
                    "[:2]",
                    "[1:]",
                    "[1]",
                    "[01:3]",
                    "[ab:cd]",
                    "[a:1]",
                    "[001:1000:400]",
                    "[3:1]",
                    "[c:a]",
                    "[1:3:0]",
                    "[1:5:-1]",
                    "[-1:1]",
                    "[ 1:2]",
                    "[1:2:x]",
                    "[]",
                    "[1:2:3:4]",
                    "[a:c:]",
                    "[1:1_0:5]",
                    "[+1:2]",
                ])
                .to_owned(),
        };
        let (head, tail) = (
            self.pick(&["n", "web", "", "db-", "10.0.0."]),
            self.pick(&["", "", "", ".oms", "-x", "[1:2]", ":22", "[a:b]:2222"]),
        );
        format!("{head}{range}{tail}")
    }
}
