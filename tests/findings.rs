//! The doctor, end to end: Entra's cycles produce a finding of every kind, and each remedy, played as it is given, cures it: the
//! cycle after it is clean, and its requests close the finding.

mod by_hand;
mod catalogue;
mod dragonce;
mod groups;
mod life;
mod links;
mod logins;
mod quiet;
mod treatment;
mod world;
