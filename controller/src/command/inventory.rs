//! `omsctl inventory`: what was understood of the inventory, as `ansible-inventory` prints it. Needs no config.yaml.

use omsctl_inventory::Problems;

use super::{World, inputs};
use crate::cli::{InventoryRequest, InventoryView};
use crate::exit::Exit;

pub fn inventory(world: &World, request: &InventoryRequest) -> Exit {
    let (inventory, warnings) = match omsctl_inventory::load_inventory(&inputs::sources(world)) {
        Ok(loaded) => loaded,
        Err(problems) => return inputs::refuse(world, &problems),
    };
    for warning in warnings {
        world.out.message(&warning.to_string());
    }
    let written = match request.view {
        InventoryView::List => match inventory.list_json(world.globals.limit.as_deref()) {
            Ok(list) => world.out.document(&list),
            Err(problem) => return inputs::refuse(world, &Problems(vec![*problem])),
        },
        // As Ansible: the graph is always of all hosts.
        InventoryView::Graph => world.out.result(&format!("{}\n", inventory.graph())),
    };
    if written.is_ok() { Exit::Done } else { Exit::Failed }
}
