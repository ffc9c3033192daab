//! From `-i` to an inventory: finds the sources, reads each in its format, adds the variable files, and lays the
//! variables over each other in Ansible's order.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::data::{ALL, GroupId, InventoryData, UNGROUPED, Unplaced};
use super::inventory::{AnsibleInventory, Variables};
use super::vars_files::VarsFiles;
use super::vault::Vault;
use super::{host_pattern, ini, yaml_inventory};
use crate::problem::{Place, Problem, ProblemCode, Problems};
use crate::sources::{DEFAULT_INVENTORIES, Sources};
use crate::yaml::parse_document;

/// Endings of files in an inventory folder that are no inventories.
const IGNORED_ENDINGS: [&str; 12] =
    [".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry"];
/// Folders in folders.
const MAX_FOLDER_DEPTH: usize = 16;

/// Reads every source. Problems are added; the inventory holds what could be understood.
pub(crate) fn load(sources: &Sources, problems: &mut Problems) -> AnsibleInventory {
    let vault = Arc::new(Vault::new(sources.vault_passwords.clone()));
    let mut data = InventoryData::new();
    let mut folders: Vec<PathBuf> = Vec::new();
    for path in inventories(sources, problems) {
        let absolute = sources.absolute(&path);
        if !absolute.exists() && path.to_string_lossy().contains(',') {
            host_list(&path.to_string_lossy(), &mut data, problems);
            continue;
        }
        if absolute.is_dir() {
            folders.push(absolute.clone());
        } else if let Some(parent) = absolute.parent() {
            folders.push(parent.to_path_buf());
        }
        read_source(sources, &absolute, 0, &vault, &mut data, problems);
    }
    if let Err(unplaced) = data.reconcile() {
        problems.push(unplaced_problem(unplaced, &data));
    }
    flatten(sources, data, &folders, vault, problems)
}

fn unplaced_problem(unplaced: Unplaced, data: &InventoryData) -> Problem {
    match unplaced {
        Unplaced::Group(group) => {
            let name = &data.groups[group].name;
            let message = format!("`{name}` has the group `all` below it, and must itself be below `all`");
            Problem::error(ProblemCode::GroupLoop, message).key(name).hint("do not make `all` a child")
        }
        Unplaced::Host(host) => {
            let host = &data.hosts[host];
            let message =
                format!("the host `{}` has the name of a group that cannot be below `ungrouped`", host.name);
            Problem::error(ProblemCode::GroupLoop, message)
                .at(&host.place)
                .key(&host.name)
                .hint("rename one of the two")
        }
    }
}

fn inventories(sources: &Sources, problems: &mut Problems) -> Vec<PathBuf> {
    if !sources.inventories.is_empty() {
        return sources.inventories.clone();
    }
    if let Some(name) = DEFAULT_INVENTORIES.iter().find(|name| sources.absolute(Path::new(name)).exists()) {
        return vec![PathBuf::from(name)];
    }
    let tried = DEFAULT_INVENTORIES.map(|name| format!("./{name}")).join(", ");
    problems.push(
        Problem::error(ProblemCode::InventoryMissing, "there is no inventory")
            .found(format!("none of {tried} in {}", sources.working_directory.display()))
            .hint("name one with -i FILE, or let `omsctl init HOST…` write one to start from"),
    );
    Vec::new()
}

/// `-i host1,host2,`: names and ports, ranges as they are.
fn host_list(list: &str, data: &mut InventoryData, problems: &mut Problems) {
    let place = Place::file(Path::new("-i"));
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match host_pattern::single(name) {
            Ok((host, _)) if data.host(host).is_some() => {}
            Ok((host, port)) => data.add_host(host, UNGROUPED, port, &place),
            Err(error) => problems.push(ini::host_pattern_problem(&error, name, &place)),
        }
    }
}

fn read_source(
    sources: &Sources,
    path: &Path,
    depth: usize,
    vault: &Vault,
    data: &mut InventoryData,
    problems: &mut Problems,
) {
    if path.is_dir() {
        if depth < MAX_FOLDER_DEPTH {
            for entry in folder_entries(path) {
                read_source(sources, &entry, depth + 1, vault, data, problems);
            }
        }
        return;
    }
    let shown = sources.shown(path);
    if !path.exists() {
        problems.push(
            Problem::error(ProblemCode::InventoryMissing, "the inventory does not exist")
                .at(&Place::file(&shown))
                .hint("name another with -i FILE, or let `omsctl init HOST…` write one to start from"),
        );
        return;
    }
    match vault.read(sources, path) {
        Ok(file) => {
            read_text(&file.text, path, &shown, data, problems);
            if file.was_encrypted {
                data.variables()
                    .filter(|variable| *variable.place.file == *shown)
                    .for_each(|variable| vault.remember(&variable.value));
            }
        }
        Err(problem) => problems.push(problem),
    }
}

fn folder_entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let variables = ["host_vars", "group_vars", "vars_plugins"].contains(&name.as_str());
            !name.starts_with('.')
                && !variables
                && !IGNORED_ENDINGS.iter().any(|ending| name.ends_with(ending))
        })
        .collect();
    paths.sort();
    paths
}

fn read_text(text: &str, path: &Path, shown: &Path, data: &mut InventoryData, problems: &mut Problems) {
    let refuse = |message: &str, hint: &str| {
        Problem::error(ProblemCode::InventoryKind, message).at(&Place::file(shown)).hint(hint)
    };
    let export = "write what it finds to a file: ansible-inventory -i FILE --list --yaml > inventory.yml";
    if text.starts_with("#!") && is_executable(path) {
        problems.push(refuse("this is an inventory script, which omsctl does not run", export));
        return;
    }
    let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
    match extension.as_deref() {
        Some("yml" | "yaml" | "json") => match parse_document(text) {
            Ok(Some(root)) if yaml_inventory::looks_like_yaml(&root) => {
                yaml_inventory::read(&root, shown, data, problems);
            }
            Ok(_) => problems.push(
                Problem::error(ProblemCode::InventoryShape, "a YAML inventory must be a mapping of groups")
                    .at(&Place::file(shown))
                    .hint("begin with `all:` or `oms:` and `hosts:` below it; name an INI inventory *.ini"),
            ),
            Err(error) => problems.push(yaml_inventory::yaml_problem(&error, shown)),
        },
        Some("toml") => problems.push(refuse("TOML inventories are not read", export)),
        None => match parse_document(text) {
            Ok(Some(root)) if yaml_inventory::looks_like_yaml(&root) => {
                yaml_inventory::read(&root, shown, data, problems);
            }
            _ => ini::read(text, shown, data, problems),
        },
        Some(_) => ini::read(text, shown, data, problems),
    }
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

/// Ansible's precedence, each beating the one before: `all` in the inventory, groups in the inventory,
/// `group_vars/all` beside it and in the working directory, `group_vars` of groups, then the host, then its `host_vars`.
fn flatten(
    sources: &Sources,
    data: InventoryData,
    folders: &[PathBuf],
    vault: Arc<Vault>,
    problems: &mut Problems,
) -> AnsibleInventory {
    let mut files = VarsFiles::new(sources, &vault);
    let mut places: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    places.push(&sources.working_directory);
    let mut from_files = |subfolder: &str, name: &str, problems: &mut Problems| -> Vec<Variables> {
        places.iter().map(|folder| files.variables(folder, subfolder, name, problems)).collect()
    };
    // As Ansible: files of groups that no host is in are not read.
    let used: BTreeSet<GroupId> = (0..data.hosts.len()).flat_map(|host| data.groups_of(host)).collect();
    let mut group_files: Vec<Vec<Variables>> = vec![vec![Variables::new(); places.len()]; data.groups.len()];
    for group in used {
        group_files[group] = from_files("group_vars", &data.groups[group].name, problems);
    }
    let mut host_variables = Vec::new();
    for (host, entry) in data.hosts.iter().enumerate() {
        let order = data.by_precedence(&data.groups_of(host));
        let mut variables = data.groups[ALL].vars.clone();
        for group in &order {
            variables.extend(data.groups[*group].vars.clone());
        }
        for of_place in &group_files[ALL] {
            variables.extend(of_place.clone());
        }
        // All groups of one folder before those of the next: that is Ansible's order.
        for place in 0..places.len() {
            for group in &order {
                variables.extend(group_files[*group].get(place).cloned().unwrap_or_default());
            }
        }
        variables.extend(entry.vars.clone());
        for of_place in from_files("host_vars", &entry.name, problems) {
            variables.extend(of_place);
        }
        host_variables.push(variables);
    }
    let group_variables = (data.groups.iter().zip(&group_files))
        .map(|(group, files)| {
            let mut variables = group.vars.clone();
            for of_place in files {
                variables.extend(of_place.clone());
            }
            variables
        })
        .collect();
    warn_of_double_names(&data, problems);
    AnsibleInventory { data, host_variables, group_variables, vault }
}

fn warn_of_double_names(data: &InventoryData, problems: &mut Problems) {
    let groups: BTreeSet<&str> = data.groups.iter().map(|group| group.name.as_str()).collect();
    for host in data.hosts.iter().filter(|host| groups.contains(host.name.as_str())) {
        let message = format!("`{}` is the name of a host and of a group", host.name);
        problems.push(
            Problem::warning(ProblemCode::InventoryIgnored, message)
                .at(&host.place)
                .key(&host.name)
                .hint("variables on the host's line go to the group, as in Ansible; rename one of the two"),
        );
    }
}
