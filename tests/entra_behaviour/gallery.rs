//! The tests of Microsoft's gallery validation templates that call the SCIM endpoint itself, by their names.

mod credentials;
mod groups;
mod schema_discoverability;
mod users;
