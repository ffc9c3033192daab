//! The outside world, one thing each. Named only by `app`.
