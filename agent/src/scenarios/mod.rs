//! The whole agent over simulated hosts: sessions, daemons and walks are the real code, Docker and kernel are the
//! fakes, the clock is paused.

mod attach;
mod certificate;
mod databases;
mod image;
mod pull;
mod relay;
mod reload;
mod removal;
mod setup;
mod survive;
mod talk;
mod tsdb;
mod virtual_ip;
mod walk;
