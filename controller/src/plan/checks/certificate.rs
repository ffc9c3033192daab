//! `certificate`: the files for HTTPS are a certificate and its key, valid now by the host's clock, for a name that somebody
//! types. Only the name, an end that is near, and certificates in another order than that of issue, warn.

use std::net::IpAddr;
use std::time::Duration;

use omsctl_inventory::{Host, HttpsFiles};
use omsctl_proto::{CheckResult, Facts};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::row::Row;
use crate::plan::certificate::{PEM, chain};
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
        Err(broken) => row.fail(broken.what, broken.way),
    })
}

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
    if let Some(number) = stranger(chain) {
        return row.warn(
            format!("certificate {number} of the file did not issue the one before it"),
            "put the issuers' certificates behind its own, each behind the one that it issued: clients that do not know \
             them refuse the connection",
        );
    }
    let days = until.saturating_sub(now).as_secs() / DAY;
    let found = format!("until {}", validity.not_after);
    if days < NEAR { row.warn(format!("{found}, in {days} days"), renew) } else { row.pass(found) }
}

/// The first certificate, counted from 1, that is not its predecessor's issuer.
fn stranger(chain: &[CertificateDer<'_>]) -> Option<usize> {
    let parsed: Vec<Certificate> = chain.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    let fits =
        |pair: &[Certificate]| pair[0].tbs_certificate().issuer() == pair[1].tbs_certificate().subject();
    parsed.windows(2).position(|pair| !fits(pair)).map(|before| before + 2)
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
