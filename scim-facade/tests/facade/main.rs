//! The facade over the wire's own codec, against a core that is scripted: what it asks, and what it answers.

mod bulk;
mod client;
mod discovery;
mod dry_run;
mod entra;
mod errors;
mod fake_core;
mod fake_groups;
mod groups;
mod observation;
mod panics;
mod preconditions;
mod queries;
mod reaching_the_core;
mod users;
