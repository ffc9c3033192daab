//! Story: hosts with Docker 26.1, and with images in containerd's store. They have the lower layers of the image, from
//! another image; Docker's own store is sent the rest, containerd's everything.

use system_tests::rig::{HostDocker, MetaDbKind, OmsImage, Options, Rig};

use super::delivery::loaded;
use super::evidence::{assert_lawful, assert_nothing_left, is_healthy};
use super::operator::Operator;

/// Taken down however the story ends.
struct OwnRig(Rig);

impl OwnRig {
    const NAME: &str = "docker26";

    fn up(docker: HostDocker) -> Self {
        let metadb = MetaDbKind::Mariadb;
        Self(Rig::up(&Options { docker, metadb, ..Options::new(Self::NAME, 1) }).unwrap())
    }
}

impl Drop for OwnRig {
    fn drop(&mut self) {
        // A failure is that of the story, and the next one begins with what is left.
        let _ = Rig::down(Self::NAME);
    }
}

/// Bytes of the image that came, and how many it has.
fn rolled_out(docker: HostDocker) -> (u64, u64) {
    let OwnRig(rig) = &OwnRig::up(docker);
    rig.have_image(OmsImage::Itself, rig.nodes()).unwrap();
    let operator = Operator::without_files();
    operator.inventory(rig, &rig.host_lines(1), &[]);
    operator.config(rig, &[]);

    let outcome = operator.run(&["apply", "--yes", "--format", "jsonl"]).exits(0);

    assert!(is_healthy(&rig.nodes()[0], "http"));
    assert_lawful(rig);
    operator.plan().exits(0).plans(&[]);
    assert_nothing_left(rig.nodes());
    loaded(&outcome)
}

#[test]
fn docker_26_is_sent_only_what_it_lacks() {
    let (received, whole) = rolled_out(HostDocker::Debian13);
    assert!(received * 5 < whole, "{received} of {whole} bytes were sent");
}

#[test]
fn containerd_s_store_is_sent_everything() {
    let (received, whole) = rolled_out(HostDocker::Debian13Containerd);
    assert!(received * 5 > whole, "{received} of {whole} bytes were sent");
}
