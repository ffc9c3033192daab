//! OMS's config.yaml: the keys, how their values are read, what must hold between them, how the file for a host is
//! written and how it is compared with one that is there. Facts: OMS manual and research/oms.md section 2.

mod difference;
mod document;
mod environment;
mod existing;
mod found;
mod keys;
mod lint;
mod placeholder;
mod ports;
mod render;
mod resolve;
mod url;
mod value;
mod versions;

pub use difference::{KeyChange, KeyEffect, diff};
pub use existing::{ExistingConfig, ExistingConfigError, parse_existing_config, read_as_oms, secret_values};
pub use found::{FoundKey, KeyScope, found_keys, unknown_keys};
pub use render::{mask, render_config};

pub(crate) use document::{Entry, Given, GivenScalar, RawConfig, Style, read_config};
pub(crate) use environment::Environment;
pub(crate) use keys::{KEYS, key};
pub(crate) use lint::{NodeAddresses, RegionToCheck, check_regions};
pub(crate) use resolve::{ResolvedConfig, resolve_config};
pub(crate) use versions::version_in;
