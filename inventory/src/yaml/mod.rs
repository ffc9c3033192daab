//! YAML with places: a document as a tree of nodes that know where they are written and how, and the two ways in
//! which the versions of YAML read a plain scalar. It knows nothing of inventories or of OMS.

mod construct;
mod document;
mod json;
mod scalar;
mod surface;
mod timestamp;

pub use construct::PythonValue;
pub(crate) use construct::{Unconstructable, construct, construct_scalar};
pub(crate) use document::{Node, NodeValue, Scalar, ScalarTag, YamlError, parse_document};
pub(crate) use json::{json_integer, key_text, mapping_entries, to_json};
pub(crate) use scalar::{Reading, read_yaml_1_1, read_yaml_1_2};
pub(crate) use surface::check_surface;
