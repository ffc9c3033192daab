//! nginx serves the wanted certificate: it reads the file only when it starts (`research/oms.md` 3), and supervisord
//! restarts it alone, so that OMS's other programs and their tasks run on.

use std::time::Duration;

use omsctl_proto::{Digest, ErrorCode, ErrorReport};
use tokio::time::Instant;

use super::supervisor::run;
use super::{Context, Done, Stop};

const RESTART: [&str; 3] = ["supervisorctl", "restart", "nginx"];
/// supervisord tries to start it six times.
const SERVES_WITHIN: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(200);

/// Restarts nginx when it serves another certificate, and waits until it serves this one.
pub(crate) async fn serve_certificate(
    context: &Context<'_>,
    container: &str,
    port: u16,
    chain: &[Digest],
) -> Result<Done, Stop> {
    let host = &context.world.host;
    let former = host.served_chain(port).await.unwrap_or_default();
    let told = |done: Done, chain: &[Digest]| match chain.first() {
        Some(own) => done.with("served_certificate", own.as_str()),
        None => done,
    };
    if former == chain {
        return Ok(told(Done::unchanged(), chain));
    }
    run(context, container, &RESTART, "OMS's web server could not be restarted.").await?;
    let began = Instant::now();
    loop {
        let found = host.served_chain(port).await;
        if found.as_ref().is_ok_and(|found| found == chain) {
            let done = told(Done::changed().with("restarted", "nginx"), chain);
            return Ok(match former.first() {
                Some(own) => done.with("former_certificate", own.as_str()),
                None => done,
            });
        }
        if began.elapsed() >= SERVES_WITHIN {
            let what = format!("nginx was restarted and does not serve the new certificate at port {port}.");
            let report = match found {
                Ok(found) => ErrorReport::new(ErrorCode::Service, what).cause(serves(&found)),
                Err(error) => {
                    let mut report = ErrorReport::from_error(ErrorCode::Service, &error);
                    let message = std::mem::replace(&mut report.message, what);
                    report.causes.insert(0, message);
                    report
                }
            };
            return Err(report
                .hint(
                    "tengine-error.log and oms_nginx_std*.log in OMS's logs directory say why. The hosts that still wait \
                     for their turn serve the former certificate.",
                )
                .into());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn serves(chain: &[Digest]) -> String {
    let own = chain.first().map_or("none", Digest::as_str);
    format!("it serves {own}, of {} in all", chain.len())
}
