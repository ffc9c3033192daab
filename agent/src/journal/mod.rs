//! The event file of one run on one host: gap-free numbers, on disk before anybody hears of them.

mod file;
#[cfg(test)]
mod tests;

pub use file::JournalError;
pub(crate) use file::{Journal, read, terminal};
