//! What Microsoft Entra ID sends, turned into what the RFC says: the only place that knows Entra.
//!
//! One quirk is one function, with the captured body it was written for as its test and the place where it is documented.
//! Every function is pure, accepts any JSON, and changes nothing the second time. What only Entra's *meaning* makes different (an
//! element created by a value path, names in another case, unknown attributes) is decided by the core, by the tenant's dialect.

mod booleans;
mod clearing;
mod manager;
mod members;
mod no_path;
mod nulls;
mod path_keys;
#[cfg(test)]
mod tests;
mod urn;

use serde_json::{Map, Value};

use crate::scim::patch::Operation;

/// The passes over a resource of POST and PUT.
pub(crate) fn resource(resource: &mut Map<String, Value>) {
    path_keys::unfold(resource);
    clearing::in_resource(resource);
    booleans::in_resource(resource);
    manager::in_resource(resource);
    members::in_resource(resource);
}

/// The passes over the operations of a PATCH, in an order where each sees what the ones before made. `Remove` with the values to
/// remove, Entra's way to drop single members, stays as it is: the core takes it so.
pub(crate) fn operations(operations: Vec<Operation>) -> Vec<Operation> {
    let mut operations = members::in_operations(no_path::split(operations));
    nulls::dropped(&mut operations);
    let operations = manager::in_operations(operations);
    let mut operations = clearing::as_removal(operations);
    booleans::in_operations(&mut operations);
    operations
}
