//! The core's face towards its callers: by which keys their JWTs are read, and what a fault leaves.

mod callers;
mod faults;
mod keys;
