//! The options that every command takes, before or after its name.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

const STATE_HELP: &str =
    "Where the history is kept: sqlite:FILE or mysql://USER@HOST/DATABASE [default: ~/.local/state/omsctl]";

/// How results are written to stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    // Text and tables for people.
    #[default]
    Human,
    // One JSON document at the end.
    Json,
    // One JSON event a line, as it happens.
    Jsonl,
}

/// What was said outside any one command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent flag")]
pub struct Globals {
    /// Empty: the first of `./inventory.ini`, `.yml`, `.yaml` that exists.
    pub inventories: Vec<PathBuf>,
    /// `None`: `./config.yaml`.
    pub config: Option<PathBuf>,
    pub env_file: Option<PathBuf>,
    /// As `ssh -F`.
    pub ssh_config: Option<PathBuf>,
    pub accept_new: bool,
    pub ask_pass: bool,
    pub ask_become_pass: bool,
    /// Of Ansible Vault; all of them are tried.
    pub vault_password_files: Vec<PathBuf>,
    pub ask_vault_pass: bool,
    /// Ansible's host pattern.
    pub limit: Option<String>,
    pub yes: bool,
    pub format: Format,
    /// A database URL without a password; `None`: SQLite under `~/.local/state/omsctl`.
    pub state: Option<String>,
    pub log_file: Option<PathBuf>,
    /// How often `-v` was given.
    pub verbosity: u8,
}

/// As clap reads them, at one of the places where they may stand.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options for every command")]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent flag")]
pub(super) struct GlobalArguments {
    /// Inventory file or folder, in Ansible's INI or YAML; may be repeated
    /// [default: ./inventory.ini, then .yml, .yaml]
    #[arg(short = 'i', long = "inventory", value_name = "FILE")]
    inventories: Vec<PathBuf>,
    /// OMS's own configuration file [default: ./config.yaml]
    #[arg(short = 'c', long, value_name = "FILE", overrides_with = "config")]
    config: Option<PathBuf>,
    /// File of NAME=value lines that fill ${NAME} in the configuration
    #[arg(long, value_name = "FILE", overrides_with = "env_file")]
    env_file: Option<PathBuf>,
    /// Hosts to work on: a name, a group, or a pattern such as 'oms:!node3' [default: all]
    #[arg(long, value_name = "PATTERN", overrides_with = "limit")]
    limit: Option<String>,
    /// SSH client configuration, as ssh -F [default: ~/.ssh/config]
    #[arg(long, value_name = "FILE", overrides_with = "ssh_config")]
    ssh_config: Option<PathBuf>,
    #[arg(
        long,
        help = "Accept and remember the key of a host that is not in known_hosts; never a changed one",
        overrides_with = "accept_new"
    )]
    accept_new: bool,
    /// Ask for the SSH password
    #[arg(short = 'k', long, overrides_with = "ask_pass")]
    ask_pass: bool,
    /// Ask for the sudo password
    #[arg(short = 'K', long, overrides_with = "ask_become_pass")]
    ask_become_pass: bool,
    /// File with the password of Ansible Vault, or a program that prints it; may be repeated
    #[arg(long = "vault-password-file", alias = "vault-pass-file", value_name = "FILE")]
    vault_password_files: Vec<PathBuf>,
    /// Ask for the password of Ansible Vault
    #[arg(short = 'J', long, alias = "ask-vault-password", overrides_with = "ask_vault_pass")]
    ask_vault_pass: bool,
    /// Make changes without asking first
    #[arg(long, overrides_with = "yes")]
    yes: bool,
    /// How results are written to stdout: human, json (one document) or jsonl (one event a line)
    /// [default: human]
    #[arg(long, value_name = "FORMAT", value_enum, hide_possible_values = true, overrides_with = "format")]
    format: Option<Format>,
    #[arg(long, help = STATE_HELP, value_name = "URL", overrides_with = "state")]
    state: Option<String>,
    /// Write a log for developers to this file
    #[arg(long, value_name = "FILE", overrides_with = "log_file")]
    log_file: Option<PathBuf>,
    /// Log to stderr; -vv and -vvv say more
    #[arg(short = 'v', long = "verbose", action = ArgAction::Count)]
    verbosity: u8,
}

impl GlobalArguments {
    /// Joins what stood before with what stood after.
    pub(super) fn then(self, later: Self) -> Self {
        Self {
            inventories: [self.inventories, later.inventories].concat(),
            config: later.config.or(self.config),
            env_file: later.env_file.or(self.env_file),
            limit: later.limit.or(self.limit),
            ssh_config: later.ssh_config.or(self.ssh_config),
            accept_new: self.accept_new || later.accept_new,
            ask_pass: self.ask_pass || later.ask_pass,
            ask_become_pass: self.ask_become_pass || later.ask_become_pass,
            vault_password_files: [self.vault_password_files, later.vault_password_files].concat(),
            ask_vault_pass: self.ask_vault_pass || later.ask_vault_pass,
            yes: self.yes || later.yes,
            format: later.format.or(self.format),
            state: later.state.or(self.state),
            log_file: later.log_file.or(self.log_file),
            verbosity: self.verbosity.saturating_add(later.verbosity),
        }
    }

    pub(super) fn into_globals(self) -> Globals {
        Globals {
            inventories: self.inventories,
            config: self.config,
            env_file: self.env_file,
            ssh_config: self.ssh_config,
            accept_new: self.accept_new,
            ask_pass: self.ask_pass,
            ask_become_pass: self.ask_become_pass,
            vault_password_files: self.vault_password_files,
            ask_vault_pass: self.ask_vault_pass,
            limit: self.limit,
            yes: self.yes,
            format: self.format.unwrap_or_default(),
            state: self.state,
            log_file: self.log_file,
            verbosity: self.verbosity,
        }
    }
}
