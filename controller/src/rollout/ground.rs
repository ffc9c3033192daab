//! What lies between the hosts: whether each reaches the others where OMS will need it, and the CM's address. Asked of
//! all hosts at once, after each was looked at by itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use futures::future::join_all;
use omsctl_proto::{ErrorReport, NodeName, ProbeTarget, Unreached};

use super::survey::Survey;
use crate::plan::Place;

impl Survey {
    /// Lets each of these hosts try all others of its group. The answers are what each does not reach, or why it could not
    /// be asked.
    pub async fn reach(
        &self,
        places: &BTreeMap<NodeName, Place>,
    ) -> BTreeMap<NodeName, Result<Vec<Unreached>, ErrorReport>> {
        let links = || places.iter().filter_map(|(node, place)| Some((node, place, self.links.get(node)?)));
        let opened = join_all(links().map(|(node, place, link)| async move {
            let opened = link.session.open_doors(place.address, place.free.clone()).await;
            (node, place, opened)
        }));
        let opened = opened.await.into_iter();
        let targets: Vec<_> =
            opened.map(|(node, place, opened)| (node, place, targets(place, opened))).collect();
        let tried = join_all(links().map(|(node, own, link)| {
            let others =
                targets.iter().filter(|(other, place, _)| *other != node && place.group == own.group);
            let others = others.flat_map(|(_, _, targets)| targets.iter().copied()).collect();
            async move { (node.clone(), link.session.unreached(others).await) }
        }));
        let mut found: BTreeMap<NodeName, Result<Vec<Unreached>, ErrorReport>> =
            tried.await.into_iter().collect();
        let closed =
            join_all(links().map(|(node, _, link)| async move { (node, link.session.close_doors().await) }));
        for (node, closed) in closed.await {
            if let Err(error) = closed {
                found.insert(node.clone(), Err(error));
            }
        }
        forget_lost(&mut found, places);
        found
    }

    /// Lets each of these hosts ask for its address. The answers are whether anything answers there, and what, in words.
    pub async fn ask_for(
        &self,
        urls: &BTreeMap<NodeName, String>,
    ) -> BTreeMap<NodeName, Result<(bool, String), ErrorReport>> {
        let asked = urls.iter().filter_map(|(node, url)| Some((node, url, self.links.get(node)?)));
        let answers = asked.map(|(node, url, link)| async move {
            let answer = link.session.probe(ProbeTarget::Http { url: url.clone() }).await;
            (node.clone(), answer.map(|(reached, _, found)| (reached, found)))
        });
        join_all(answers).await.into_iter().collect()
    }
}

/// A host that could not open its doors is tried only where it serves: its own row tells why.
fn targets(place: &Place, opened: Result<Vec<u16>, ErrorReport>) -> Vec<SocketAddr> {
    let ports = opened.unwrap_or_default().into_iter().chain(place.serving.iter().copied());
    ports.map(|port| SocketAddr::new(place.address, port)).collect()
}

/// What others found of a host that was lost meanwhile is no wall between them.
fn forget_lost(
    found: &mut BTreeMap<NodeName, Result<Vec<Unreached>, ErrorReport>>,
    places: &BTreeMap<NodeName, Place>,
) {
    let lost = found.iter().filter(|(_, found)| found.is_err());
    let lost: Vec<_> = lost.filter_map(|(node, _)| Some(places.get(node)?.address)).collect();
    for unreached in found.values_mut().flatten() {
        unreached.retain(|one| !lost.contains(&one.target.ip()));
    }
}
