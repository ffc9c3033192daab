//! One action a file. Each looks first, acts only when what it finds differs, and proves the result.

mod arrival;
mod await_healthy;
mod await_services;
mod container_state;
mod context;
mod create_container;
mod init_watch;
mod initialise;
mod load_image;
mod make_directories;
mod place_file;
mod receive_archive;
mod reload_config;
mod serve_certificate;
mod serve_virtual_ip;
mod start_container;
mod stop_container;
mod supervisor;
mod withdraw_virtual_ip;
mod write_certificates;
mod write_config;

pub(crate) use await_healthy::await_healthy;
pub(crate) use await_services::await_services;
pub(crate) use context::{Context, Done, Stop};
pub(crate) use create_container::create_container;
pub(crate) use initialise::initialise;
pub(crate) use load_image::load_image;
pub(crate) use make_directories::make_directories;
pub(crate) use reload_config::reload_config;
pub(crate) use serve_certificate::serve_certificate;
pub(crate) use serve_virtual_ip::serve_virtual_ip;
pub(crate) use start_container::{restart_container, start_container};
pub(crate) use stop_container::stop_container;
pub(crate) use withdraw_virtual_ip::withdraw_virtual_ip;
pub(crate) use write_certificates::write_certificates;
pub(crate) use write_config::write_config;
