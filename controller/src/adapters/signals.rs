//! The operator's signals as interrupts: the first asks to stop, the next leaves. A closed terminal equals the first.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::ports::Interrupt;

/// Listens from now on; the receiver hears the signals in their order.
pub fn listen() -> std::io::Result<mpsc::Receiver<Interrupt>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        let mut said = Interrupt::Stop;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
            if sender.send(said).await.is_err() {
                return;
            }
            said = Interrupt::Leave;
        }
    });
    Ok(receiver)
}
