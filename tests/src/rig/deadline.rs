//! Waiting for a condition with an end to the patience; nothing in the tests sleeps in place of one.

use std::time::{Duration, Instant};

use super::RigError;

const PAUSE: Duration = Duration::from_millis(100);

/// Asks again and again until the answer is there, at most `patience` long. `what` names the condition in the error.
pub fn until<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Result<T, RigError> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        if start.elapsed() >= patience {
            return Err(RigError::Deadline { what: what.to_owned(), waited: patience });
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_with_the_answer_or_with_the_patience() {
        let mut asked = 0;
        let answer = until("three", Duration::from_secs(5), || {
            asked += 1;
            (asked == 3).then_some(asked)
        });
        assert_eq!(answer.unwrap(), 3);
        let never = until::<()>("never", Duration::ZERO, || None).unwrap_err();
        assert_eq!(never.to_string(), "waited 0ns in vain: never");
    }
}
