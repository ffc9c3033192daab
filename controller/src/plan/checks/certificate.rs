//! `certificate`: the files for HTTPS are a certificate and its key, valid now by the host's clock, for a name that somebody
//! types. Only the name, and an end that is near, warn.

use std::net::IpAddr;
use std::time::Duration;

use omsctl_inventory::{Host, HttpsFiles};
use omsctl_proto::{CheckResult, Facts, Secret};
use rustls::client::verify_server_name;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::row::Row;
use crate::plan::situation::Situation;

const DAY: u64 = 24 * 60 * 60;
/// Days before the end from which on it is told.
const NEAR: u64 = 30;

/// `None` without HTTPS.
pub(super) fn row(situation: Situation<'_>, host: &Host, facts: &Facts) -> Option<CheckResult> {
    let HttpsFiles { cert, key } = host.settings.https.as_ref()?;
    let row = Row::on(&host.name, "certificate", "a certificate with its key, valid now, for a name of OMS");
    let read = |path| situation.observed.certificates.get(path);
    let (Some(certificate), Some(private)) = (read(cert), read(key)) else {
        return Some(row.unknown("the files were not read", "run this again"));
    };
    Some(match chain(&cert.display().to_string(), certificate, private) {
        Ok(chain) => judge(row, &chain, facts, &names(situation, host)),
        Err((found, fix)) => row.fail(found, fix),
    })
}

/// The certificates of the file, its own first, when the key belongs to it; else what is wrong and what to do.
fn chain(
    name: &str,
    certificate: &Secret,
    private: &Secret,
) -> Result<Vec<CertificateDer<'static>>, (String, &'static str)> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.expose().as_bytes()).collect();
    let chain = chain.map_err(|error| (format!("{name} is no PEM file: {error}"), PEM))?;
    if chain.is_empty() {
        return Err((format!("{name} holds no certificate"), PEM));
    }
    let private = PrivateKeyDer::from_pem_slice(private.expose().as_bytes())
        .map_err(|error| (format!("the key of {name} cannot be read: {error}"), KEY))?;
    CertifiedKey::from_der(chain.clone(), private, &ring::default_provider()).map_err(
        |error| match error {
            rustls::Error::InconsistentKeys(_) => {
                (format!("{name} and its key do not belong together"), PAIR)
            }
            other => (format!("{name} cannot be used: {other}"), PEM),
        },
    )?;
    Ok(chain)
}

const PEM: &str =
    "oms_https_cert wants the certificate in PEM form (BEGIN CERTIFICATE), its own first, then its issuers'";
const KEY: &str = "oms_https_key wants the private key in PEM form, without a passphrase";
const PAIR: &str = "set oms_https_cert and oms_https_key to the files of one pair";

fn judge(row: Row, chain: &[CertificateDer<'_>], facts: &Facts, names: &[String]) -> CheckResult {
    let Some(parsed) = chain.first().and_then(|der| Certificate::from_der(der).ok()) else {
        return row.fail("the certificate cannot be read", PEM);
    };
    let validity = parsed.tbs_certificate().validity();
    let (from, until) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
    let now = Duration::from_millis(facts.utc_ms);
    if now < from {
        return row
            .fail(format!("it is valid from {} on", validity.not_before), "set the host's clock, or wait");
    }
    let renew = "have it issued anew, put the files in place, and run `omsctl apply`";
    if now > until {
        return row.fail(format!("it ended at {}", validity.not_after), renew);
    }
    if !names.iter().any(|name| is_for(chain, name)) {
        return row.warn(
            format!("it is for none of {}", names.join(", ")),
            "have it issued for the name or address that people type for the console",
        );
    }
    let days = until.saturating_sub(now).as_secs() / DAY;
    let found = format!("until {}", validity.not_after);
    if days < NEAR { row.warn(format!("{found}, in {days} days"), renew) } else { row.pass(found) }
}

/// What somebody may type: the virtual IP or name in `cm_url`, the host's address and its name.
fn names(situation: Situation<'_>, host: &Host) -> Vec<String> {
    let of_cluster = situation.config(host).map(|config| config.cm_url.host.clone());
    let address = situation.addresses.get(&host.name).map(IpAddr::to_string);
    let mut names: Vec<String> = Vec::new();
    let all = of_cluster.into_iter().chain(address);
    for name in all.chain([host.connection.address.clone(), host.name.to_string()]) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn is_for(chain: &[CertificateDer<'_>], name: &str) -> bool {
    let Some(parsed) = chain.first().and_then(|der| ParsedCertificate::try_from(der).ok()) else {
        return false;
    };
    ServerName::try_from(name).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
}
