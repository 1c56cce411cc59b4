//! What a dry run answers, and that it leaves nothing: neither what was asked for, nor a trace of having been asked.

mod contract;
mod scim;
mod shown;
