//! What the system tests share: the rig of real hosts. It knows omsctl only from outside, as an operator does.

pub mod bastion;
pub mod built;
pub mod by_hand;
pub mod left;
pub mod on_host;
pub mod prepare;
pub mod rig;
pub mod shaped;
pub mod steps;
pub mod sweep;
pub mod wreckage;
