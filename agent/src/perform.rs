//! From the action to the file that does it.

use omsctl_proto::Action;

use crate::action::{self, Context, Done, Stop};

/// Makes the action true and proves it.
pub(crate) async fn perform(action: &Action, context: &Context<'_>) -> Result<Done, Stop> {
    match action {
        Action::MakeDirectories { paths } => action::make_directories(context, paths),
        Action::WriteCertificates { files } => action::write_certificates(context, files).await,
        Action::WriteConfig { file, container, former } => {
            action::write_config(context, file, container.as_deref(), *former).await
        }
        Action::LoadImage { image, origin } | Action::LoadTsdbImage { image, origin } => {
            action::load_image(context, image, origin).await
        }
        Action::CreateContainer { container, set_aside } => {
            action::create_container(context, container, set_aside.as_deref()).await
        }
        Action::StartContainer { name } => action::start_container(context, name).await,
        Action::StopContainer { name, set_aside } => {
            action::stop_container(context, name, set_aside.as_deref()).await
        }
        Action::RestoreContainer { name, aside } => action::restore_container(context, name, aside).await,
        Action::DumpDatabases { dump } => action::dump_databases(context, dump).await,
        Action::RestoreDatabases { run, login } => action::restore_databases(context, run, login).await,
        Action::RestartContainer { name, started } => action::restart_container(context, name, started).await,
        Action::RemoveContainers { names } => action::remove_containers(context, names).await,
        Action::RemoveData { paths } => action::remove_data(context, paths).await,
        Action::AwaitServices { container } => action::await_services(context, container).await,
        Action::Initialise { container, by, logs } => action::initialise(context, container, *by, logs).await,
        Action::ReloadConfig { container, config_file, log_in } => {
            action::reload_config(context, container, config_file, *log_in).await
        }
        Action::ServeCertificate { container, port, chain } => {
            action::serve_certificate(context, container, *port, chain).await
        }
        Action::ServeVirtualIp { virtual_ip } => action::serve_virtual_ip(context, virtual_ip).await,
        Action::WithdrawVirtualIp => action::withdraw_virtual_ip(context).await,
        Action::ServeTsdb { tsdb, set_aside } => action::serve_tsdb(context, tsdb, set_aside).await,
        Action::AwaitHealthy { container, health } => action::await_healthy(context, container, health).await,
    }
}
