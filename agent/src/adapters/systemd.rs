//! omsctl's keepalived as a unit of systemd, which starts it again after a crash and after a reboot.
//!
//! The rig has no systemd: this part was never run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::keepalived::{RUNTIME, failed, output};
use crate::ports::HostError;

const UNIT: &str = "omsctl-keepalived.service";
const UNITS: &str = "/etc/systemd/system";

/// systemd is what keeps this machine's services.
pub(super) fn runs() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// The service runs with these words, now and after a boot; one that runs loads its configuration again.
pub(super) async fn keep_running(words: &[String]) -> Result<(), HostError> {
    let place = unit_file();
    let text = unit(words);
    if fs::read_to_string(&place).ok().as_deref() != Some(text.as_str()) {
        fs::write(&place, &text)
            .map_err(|error| failed(&format!("writing {}", place.display()), &error.to_string()))?;
        systemctl(&["daemon-reload"]).await?;
    }
    systemctl(&["enable", UNIT]).await?;
    systemctl(&["reload-or-restart", UNIT]).await
}

/// The service ends and is no longer known.
pub(super) async fn forget() -> Result<(), HostError> {
    let place = unit_file();
    if !place.exists() {
        return Ok(());
    }
    systemctl(&["disable", "--now", UNIT]).await?;
    match fs::remove_file(&place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed(&format!("removing {}", place.display()), &error.to_string()));
        }
        _ => {}
    }
    systemctl(&["daemon-reload"]).await
}

fn unit_file() -> PathBuf {
    Path::new(UNITS).join(UNIT)
}

/// In the foreground (`-n`), so that systemd knows its main process whatever keepalived does with its files.
fn unit(words: &[String]) -> String {
    let runtime = RUNTIME.trim_start_matches("/run/");
    format!(
        "[Unit]
Description=keepalived for OMS's virtual IP (written by omsctl)
Wants=network-online.target
After=network-online.target

[Service]
Type=simple
RuntimeDirectory={runtime}
ExecStart={} -n
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=1
KillMode=mixed

[Install]
WantedBy=multi-user.target
",
        words.join(" ")
    )
}

async fn systemctl(words: &[&str]) -> Result<(), HostError> {
    let what = format!("systemctl {}", words.join(" "));
    let places = ["/usr/bin/systemctl", "/bin/systemctl"];
    let program = places.into_iter().map(Path::new).find(|path| path.is_file());
    let program = program.ok_or_else(|| failed(&what, &format!("there is no {}", places.join(" or "))))?;
    let arguments = words.iter().map(|word| (*word).to_owned()).collect();
    match output(program, arguments).await {
        Ok(output) if output.succeeded() => Ok(()),
        Ok(output) => Err(failed(&what, output.stderr.trim())),
        Err(error) => Err(failed(&what, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_runs_the_words_in_the_foreground() {
        let words = ["/usr/sbin/keepalived", "-P", "-f", "/k.conf"].map(str::to_owned);
        let text = unit(&words);
        assert!(text.contains("\nExecStart=/usr/sbin/keepalived -P -f /k.conf -n\n"), "{text}");
        assert!(text.contains("\nRuntimeDirectory=omsctl-keepalived\n"), "{text}");
        assert!(text.contains("\nRestart=always\n"), "{text}");
    }
}
