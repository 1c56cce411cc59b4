//! provisiond
fn main() {}
