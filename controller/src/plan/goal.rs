//! What the operator wants, as one fingerprint: two commands with the same files want the same. Nothing that was seen on
//! a host is in it, so that it can be compared while hosts are away.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use omsctl_inventory::{Deployment, Host, ImageSource, render_config};
use omsctl_proto::{Fingerprint, FingerprintKey, Secret};
use zeroize::Zeroizing;

use super::input::Purpose;
use crate::ports::ArchiveIdentity;

/// The goal of a run under its key. What only opens doors on the way, as a log-in does, is not in it.
pub fn goal(
    purpose: &Purpose,
    deployment: &Deployment,
    archives: &BTreeMap<PathBuf, ArchiveIdentity>,
    certificates: &BTreeMap<PathBuf, Secret>,
    key: &FingerprintKey,
) -> Fingerprint {
    // Writing to a String cannot fail.
    let mut text = Zeroizing::new(String::new());
    match purpose {
        Purpose::Apply => {}
        Purpose::Stop | Purpose::Start | Purpose::Restart | Purpose::Upgrade | Purpose::Rollback => {
            let _ = writeln!(text, "{}", purpose.command());
        }
        Purpose::Destroy(what) => drop(writeln!(text, "destroy {what:?}")),
        Purpose::Remove(leaving) => drop(writeln!(text, "remove {leaving:?}")),
    }
    for region in &deployment.regions {
        let config = render_config(region, &[]);
        let _ = writeln!(text, "region {}\n{}", region.name, config.expose());
    }
    if let Some(tsdb) = &deployment.tsdb {
        let archive = archives.get(&tsdb.archive).map(|archive| archive.config.to_string());
        let _ = writeln!(
            text,
            "tsdb {} {archive:?} {} {:?}",
            tsdb.host,
            tsdb.data.display(),
            tsdb.restart_policy
        );
    }
    for host in &deployment.hosts {
        let _ = writeln!(text, "{}", host_text(host, archives));
        for file in host.settings.https.iter().flat_map(|https| [&https.cert, &https.key]) {
            let _ = writeln!(text, "{}", certificates.get(file).map_or("", Secret::expose));
        }
    }
    key.of(text.as_bytes())
}

/// An archive counts by what it holds, wherever it lies on this bastion.
fn host_text(host: &Host, archives: &BTreeMap<PathBuf, ArchiveIdentity>) -> String {
    let settings = &host.settings;
    let image = match &settings.image {
        ImageSource::Archive(path) => {
            archives.get(path).map_or_else(String::new, |archive| archive.config.to_string())
        }
        ImageSource::Reference(reference) => reference.clone(),
    };
    format!(
        "host {} {} {} {} {} {:?} {:?} {:?} {:?} {:?} {:?}",
        host.name,
        host.region,
        host.selected,
        image,
        settings.container_name,
        settings.mount,
        settings.oms_host_ip,
        settings.init_by,
        settings.init_order,
        settings.restart_policy,
        settings.virtual_ip,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::Cluster;

    fn of(cluster: &Cluster, key: u8) -> Fingerprint {
        let observed = &cluster.observed;
        let key = FingerprintKey::new([key; 32]);
        let purpose = &cluster.goal.purpose;
        goal(purpose, &cluster.deployment, &observed.archives, &observed.certificates, &key)
    }

    #[test]
    fn the_same_files_want_the_same() {
        assert_eq!(of(&Cluster::ready(2), 1), of(&Cluster::ready(2), 1));
        assert_ne!(of(&Cluster::ready(2), 1), of(&Cluster::ready(2), 2), "under another key");
    }

    #[test]
    fn a_host_a_password_or_an_image_more_is_another_goal() {
        let first = of(&Cluster::ready(2), 1);
        let mut more = Cluster::ready(2);
        more.add_host();
        assert_ne!(of(&more, 1), first);
        let mut changed = Cluster::ready(2);
        changed.deployment.regions[0].config.meta.password = Secret::new("another");
        assert_ne!(of(&changed, 1), first);
        let mut limited = Cluster::ready(2);
        limited.deployment.hosts[1].selected = false;
        assert_ne!(of(&limited, 1), first);
        let mut stopped = Cluster::ready(2);
        stopped.goal.purpose = Purpose::Stop;
        assert_ne!(of(&stopped, 1), first);
    }
}
