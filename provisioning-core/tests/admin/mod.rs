//! The use cases of the panel and of operators, on every engine.

mod diagnosis;
mod links;
mod logs;
mod schemas;
mod tenants;
mod tokens;
