//! The operator's signals as interrupts: the first asks to stop, the second to end the agents too, the third leaves. A
//! closed terminal equals the first, however often it is told.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::ports::Interrupt;

/// Listens from now on; the receiver hears the signals in their order. A controller in the background has no terminal to
/// lose: `hears_hang_up` is false for it.
pub fn listen(hears_hang_up: bool) -> std::io::Result<mpsc::Receiver<Interrupt>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        let mut words = [Interrupt::Stop, Interrupt::End].into_iter();
        loop {
            let word = tokio::select! {
                _ = interrupt.recv() => words.next().unwrap_or(Interrupt::Leave),
                _ = terminate.recv() => words.next().unwrap_or(Interrupt::Leave),
                _ = hang_up.recv() => {
                    if !hears_hang_up {
                        continue;
                    }
                    Interrupt::Stop
                }
            };
            if sender.send(word).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
