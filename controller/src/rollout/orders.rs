//! What one host's run was told, so that it can be told again: a lost connection may have lost it, and an agent that was
//! killed knows nothing of it. The agent does each once, by its id.

use omsctl_proto::{Order, ToAgent};

/// The orders under one claim, in their order.
#[derive(Debug, Default)]
pub(super) struct Orders(Vec<Order>);

impl Orders {
    /// The message for one more.
    pub(super) fn add(&mut self, order: Order) -> ToAgent {
        self.0.push(order.clone());
        ToAgent::Order { id: id(self.0.len()), order }
    }

    /// All of them once more, each under the id that it had.
    pub(super) fn again(&self) -> impl Iterator<Item = ToAgent> {
        let numbered = self.0.iter().enumerate();
        numbered.map(|(index, order)| ToAgent::Order { id: id(index + 1), order: order.clone() })
    }

    /// Under a new claim nothing has been said.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

fn id(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
