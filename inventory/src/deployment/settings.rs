//! The `oms_*` variables of a host with their defaults (design.md section 1).

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use omsctl_proto::Secret;

use super::variables::HostVariables;
use super::virtual_ip::virtual_ip;
use crate::config::version_in;
use crate::model::{HostSettings, HttpsFiles, ImageSource, InitBy, InitOrder, MountPaths, RegistryLogin};
use crate::problem::{Problem, ProblemCode};

/// The settings; `None` when there is no usable image, which is told (once for all hosts when none has one).
pub(super) fn settings(
    host: &mut HostVariables<'_>,
    without_image: &mut Vec<String>,
) -> Option<HostSettings> {
    let init_choices = [("auto", InitBy::Auto), ("script", InitBy::Script), ("self", InitBy::Image)];
    let init_by = host.choice("oms_init_by", &init_choices).unwrap_or(InitBy::Auto);
    let order_choices = [("staggered", InitOrder::Staggered), ("sequential", InitOrder::Sequential)];
    let init_order = host.choice("oms_init_order", &order_choices).unwrap_or(InitOrder::Staggered);
    let image = image(host, init_by, without_image);
    let registry = registry(host);
    Some(HostSettings {
        registry,
        container_name: container_name(host),
        mount: mount_paths(host),
        oms_host_ip: oms_host_ip(host),
        https: https(host),
        init_by,
        init_order,
        restart_policy: restart_policy(host),
        virtual_ip: virtual_ip(host),
        relay_port: host.number(&["oms_relay_port"], 1..=65535),
        image: image?,
    })
}

fn image(
    host: &mut HostVariables<'_>,
    init_by: InitBy,
    without_image: &mut Vec<String>,
) -> Option<ImageSource> {
    let reference = host.text(&["oms_image"]);
    let archive = host.text(&["oms_image_archive"]);
    match (archive, reference) {
        (Some(archive), Some(reference)) => {
            host.problems.push(
                Problem::error(
                    ProblemCode::VariableConflict,
                    "both `oms_image_archive` and `oms_image` are set",
                )
                .at(&archive.place)
                .key("oms_image_archive")
                .found(format!("oms_image is set at {}", reference.place))
                .hint("keep the one that the hosts shall take the image from"),
            );
            None
        }
        (Some(_), None) => host.local_file(&["oms_image_archive"]).map(ImageSource::Archive),
        (None, Some(reference)) => {
            if !is_image_reference(&reference.value) {
                let allowed =
                    "an image reference, such as registry.example.com/oceanbase/oms:feature_4.2.7_ce";
                host.refuse("oms_image", &reference.place, Some(&reference.value), allowed);
                return None;
            }
            if init_by == InitBy::Auto && !has_version(&reference.value) {
                host.problems.push(
                    Problem::error(
                        ProblemCode::VariableMissing,
                        "the tag of `oms_image` does not tell its version",
                    )
                    .at(&reference.place)
                    .key("oms_init_by")
                    .found(&reference.value)
                    .hint(
                        "set oms_init_by=self for OMS 4.2.11 and later, oms_init_by=script for earlier ones",
                    ),
                );
            }
            Some(ImageSource::Reference(reference.value))
        }
        (None, None) => {
            // A variable that could not be resolved is told already.
            if !host.variables.contains_key("oms_image") && !host.variables.contains_key("oms_image_archive")
            {
                without_image.push(host.host.to_owned());
            }
            None
        }
    }
}

fn is_image_reference(text: &str) -> bool {
    text.len() <= 512
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@'))
}

/// `feature_4.2.7_ce` has one, `latest` has none.
fn has_version(reference: &str) -> bool {
    let tag = reference.rsplit('/').next().unwrap_or_default().split_once(':').map_or("", |(_, tag)| tag);
    version_in(tag).is_some()
}

fn registry(host: &mut HostVariables<'_>) -> Option<RegistryLogin> {
    both(host, ["oms_registry_user", "oms_registry_password"], "a log-in of the registry takes both");
    let user = host.text(&["oms_registry_user"]);
    let password = host.text(&["oms_registry_password"]).map(|at| Secret::new(at.value));
    let user = user.and_then(|at| {
        let usable = !at.value.contains(':') && !at.value.chars().any(char::is_control);
        if !usable {
            host.refuse("oms_registry_user", &at.place, Some(&at.value), "a user name without `:`");
        }
        usable.then_some(at.value)
    });
    Some(RegistryLogin { user: user?, password: password? })
}

/// Of two variables that go together one alone is an error.
fn both(host: &mut HostVariables<'_>, names: [&'static str; 2], hint: &str) {
    let places = names.map(|name| host.variables.get(name).map(|found| found.place.clone()));
    let (missing, given, place) = match &places {
        [Some(place), None] => (names[1], names[0], place),
        [None, Some(place)] => (names[0], names[1], place),
        _ => return,
    };
    host.problems.push(
        Problem::error(ProblemCode::VariableMissing, format!("`{given}` is set and `{missing}` is not"))
            .at(place)
            .key(missing)
            .hint(hint),
    );
}

fn container_name(host: &mut HostVariables<'_>) -> String {
    let Some(at) = host.text(&["oms_container_name"]) else { return "oms".to_owned() };
    let valid = at.value.len() >= 2
        && at.value.len() <= 128
        && at.value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && at.value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if !valid {
        let allowed = "letters, digits, `_`, `.` and `-`, beginning with a letter or a digit, two or more";
        host.refuse("oms_container_name", &at.place, Some(&at.value), allowed);
    }
    at.value
}

fn mount_paths(host: &mut HostVariables<'_>) -> MountPaths {
    let base = mount_path(host, "oms_mount_path").unwrap_or_else(|| PathBuf::from("/data/oms"));
    let mut under =
        |name: &'static str, default: &str| mount_path(host, name).unwrap_or_else(|| base.join(default));
    let paths = MountPaths {
        logs: under("oms_logs_dir", "oms_logs"),
        store: under("oms_store_dir", "oms_store"),
        run: under("oms_run_dir", "oms_run"),
        config_file: under("oms_config_file", "config.yaml"),
        https_crt: under("oms_https_cert_mount", "https_crt"),
        https_key: under("oms_https_key_mount", "https_key"),
    };
    let named = [
        ("oms_logs_dir", &paths.logs),
        ("oms_store_dir", &paths.store),
        ("oms_run_dir", &paths.run),
        ("oms_config_file", &paths.config_file),
        ("oms_https_cert_mount", &paths.https_crt),
        ("oms_https_key_mount", &paths.https_key),
    ];
    for (index, (name, path)) in named.iter().enumerate() {
        if let Some((other, _)) = named[..index].iter().find(|(_, before)| before == path) {
            let place = host
                .variables
                .get(*name)
                .or_else(|| host.variables.get(*other))
                .map(|found| found.place.clone());
            let mut problem = Problem::error(
                ProblemCode::VariableConflict,
                format!("`{name}` and `{other}` are the same path"),
            )
            .key(*name)
            .found(path.display().to_string());
            if let Some(place) = place {
                problem = problem.at(&place);
            }
            host.problems.push(problem);
        }
    }
    paths
}

/// An absolute path of the host that Docker can mount.
pub(super) fn mount_path(host: &mut HostVariables<'_>, name: &'static str) -> Option<PathBuf> {
    let at = host.text(&[name])?;
    let path: PathBuf = Path::new(&at.value).components().collect();
    let climbs = path.components().any(|part| part == std::path::Component::ParentDir);
    let printable = !at.value.contains([':', '\0', '\n']) && !at.value.chars().any(char::is_control);
    if !path.is_absolute() || path.parent().is_none() || climbs || !printable {
        host.refuse(name, &at.place, Some(&at.value), "an absolute path other than /, without `..` and `:`");
        return None;
    }
    Some(path)
}

pub(super) fn oms_host_ip(host: &mut HostVariables<'_>) -> Option<IpAddr> {
    let at = host.text(&["oms_host_ip"])?;
    let address = at.value.trim().parse::<IpAddr>().ok();
    let usable = address
        .filter(|address| !address.is_loopback() && !address.is_unspecified() && !address.is_multicast());
    if usable.is_none() {
        host.refuse(
            "oms_host_ip",
            &at.place,
            Some(&at.value),
            "an IP address of the host's own, not loopback",
        );
    }
    usable
}

fn https(host: &mut HostVariables<'_>) -> Option<HttpsFiles> {
    both(host, ["oms_https_cert", "oms_https_key"], "HTTPS takes both files; HTTP neither");
    let cert = host.local_file(&["oms_https_cert"]);
    let key = host.local_file(&["oms_https_key"]);
    Some(HttpsFiles { cert: cert?, key: key? })
}

pub(super) fn restart_policy(host: &mut HostVariables<'_>) -> Option<String> {
    let at = host.text(&["oms_restart_policy"])?;
    let counted = at.value.strip_prefix("on-failure:").is_some_and(|count| count.parse::<u32>().is_ok());
    match at.value.as_str() {
        "none" => None,
        "no" | "always" | "unless-stopped" | "on-failure" => Some(at.value),
        _ if counted => Some(at.value),
        _ => {
            let allowed = "no, always, unless-stopped, on-failure, on-failure:NUMBER, none";
            host.refuse("oms_restart_policy", &at.place, Some(&at.value), allowed);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_tags() {
        for (reference, expected) in [
            ("reg.example.com:5000/oceanbase/oms:feature_4.2.7_ce", true),
            ("oms-ce:feature_4.2.11_ce", true),
            ("oms:4.2.0-ce", true),
            ("oms:latest", false),
            ("reg.1.2.3/oms", false),
            ("oms:v4", false),
        ] {
            assert_eq!(has_version(reference), expected, "{reference}");
        }
    }
}
