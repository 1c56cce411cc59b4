//! The use cases of the panel and of operators, on every engine.

mod acts;
mod bulk_links;
mod diagnosis;
mod link_history;
mod links;
mod logs;
mod pinned_links;
mod schemas;
mod tenants;
mod tokens;
