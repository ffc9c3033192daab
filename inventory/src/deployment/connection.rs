//! Ansible's connection variables of a host.

use omsctl_proto::Secret;

use super::variables::HostVariables;
use crate::ansible::{Comments, split};
use crate::model::{Become, Connection, ConnectionMethod};

/// Ansible's own default; `ssh_config` may say otherwise, which is why it is remembered whether it was given.
const SSH_PORT: u16 = 22;

/// How to reach the host.
pub(super) fn connection(host: &mut HostVariables<'_>) -> Connection {
    let address =
        host.text(&["ansible_host", "ansible_ssh_host"]).map_or_else(|| host.host.to_owned(), |at| at.value);
    let port = host.number(&["ansible_port", "ansible_ssh_port"], 1..=65535);
    Connection {
        address,
        port: port.unwrap_or(SSH_PORT),
        port_given: port.is_some(),
        user: host.text(&["ansible_user", "ansible_ssh_user"]).map(|at| at.value),
        password: secret(host, &["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"]),
        private_key_file: host.local_file(&["ansible_ssh_private_key_file", "ansible_private_key_file"]),
        common_args: arguments(host, "ansible_ssh_common_args"),
        extra_args: arguments(host, "ansible_ssh_extra_args"),
        r#become: Become {
            enabled: host.boolean("ansible_become"),
            user: host.text(&["ansible_become_user"]).map(|at| at.value),
            password: secret(host, &["ansible_become_password", "ansible_become_pass"]),
        },
        method: method(host),
    }
}

fn secret(host: &mut HostVariables<'_>, names: &[&'static str]) -> Option<Secret> {
    host.text(names).map(|at| Secret::new(at.value))
}

fn arguments(host: &mut HostVariables<'_>, name: &'static str) -> Vec<String> {
    let Some(at) = host.text(&[name]) else { return Vec::new() };
    match split(&at.value, Comments::Keep) {
        Ok(tokens) => tokens.into_iter().map(|token| token.text).collect(),
        Err(error) => {
            host.refuse(name, &at.place, Some(&error.to_string()), "arguments of ssh, quoted as for a shell");
            Vec::new()
        }
    }
}

fn method(host: &mut HostVariables<'_>) -> ConnectionMethod {
    let choices = [
        ("ssh", ConnectionMethod::Ssh),
        ("local", ConnectionMethod::Local),
        ("smart", ConnectionMethod::Ssh),
        ("paramiko", ConnectionMethod::Ssh),
        ("paramiko_ssh", ConnectionMethod::Ssh),
        ("ansible.builtin.ssh", ConnectionMethod::Ssh),
        ("ansible.builtin.local", ConnectionMethod::Local),
    ];
    if let Some(at) = host.text(&["ansible_become_method"])
        && !matches!(at.value.as_str(), "sudo" | "ansible.builtin.sudo")
    {
        host.refuse("ansible_become_method", &at.place, Some(&at.value), "sudo");
    }
    host.choice("ansible_connection", &choices).unwrap_or(ConnectionMethod::Ssh)
}
