//! The tests of Microsoft's online validator, by their numbers and names: 25, and 7 in preview.

mod groups;
mod users;
