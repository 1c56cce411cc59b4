//! The only place for what an admin does with the job: pause, start, restart, edit the mapping, forget one object, provision one on
//! demand. Microsoft Graph's calls by their text are in `graph`.

use std::str::FromStr;

use super::{Engine, Observer};
use crate::connection::{Connection, Memberships};
use crate::connections::{Connections, Object};
use crate::directory::{ObjectId, ObjectType};
use crate::matching::Mapping;
use crate::report::{CycleReport, ProvisioningLogEntry};

/// What a restart forgets; Graph's `resetScope`. The empty one forgets nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResetScope {
    links: bool,
    watermark: bool,
    escrows: bool,
    quarantine: bool,
}

/// A scope that Graph does not have, or that is not for use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no reset scope {0:?} for use")]
pub struct UnknownResetScope(pub String);

/// The job must be paused before the connection of one object can be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the job is running; it must be paused first")]
pub struct JobRunning;

impl ResetScope {
    /// Everything, also the links: each object is matched anew.
    pub const FULL: Self = Self {
        links: true,
        ..Self::PORTAL
    };
    /// The portal's "Restart provisioning", and a restart without a scope: links stay.
    pub const PORTAL: Self = Self {
        links: false,
        watermark: true,
        escrows: true,
        quarantine: true,
    };
    /// The next cycle looks at everything.
    pub const WATERMARK: Self = Self {
        watermark: true,
        ..Self::NONE
    };
    /// What failed is forgotten.
    pub const ESCROWS: Self = Self {
        escrows: true,
        ..Self::NONE
    };
    const NONE: Self = Self {
        links: false,
        watermark: false,
        escrows: false,
        quarantine: false,
    };
    const QUARANTINE: Self = Self {
        quarantine: true,
        ..Self::NONE
    };

    const fn and(self, other: Self) -> Self {
        Self {
            links: self.links || other.links,
            watermark: self.watermark || other.watermark,
            escrows: self.escrows || other.escrows,
            quarantine: self.quarantine || other.quarantine,
        }
    }
}

impl FromStr for ResetScope {
    type Err = UnknownResetScope;

    /// Reads a list with commas.
    fn from_str(text: &str) -> Result<Self, UnknownResetScope> {
        let mut words = text.split(',').map(str::trim);
        words.try_fold(Self::NONE, |scope, word| {
            Ok(scope.and(match word {
                "Full" => Self::FULL,
                "Watermark" => Self::WATERMARK,
                "Escrows" => Self::ESCROWS,
                "QuarantineState" => Self::QUARANTINE,
                other => return Err(UnknownResetScope(other.to_owned())),
            }))
        })
    }
}

impl Engine {
    /// Forgets links, escrows and quarantine, as Graph's `restart` with `resetScope: Full`: each object is matched anew.
    pub fn restart(&mut self) {
        self.reset(ResetScope::FULL);
    }

    /// Forgets what the scope says, and starts the job.
    pub fn reset(&mut self, scope: ResetScope) {
        if scope.links {
            self.connections = Connections::default();
        }
        if scope.escrows {
            self.connections.forget_escrows();
        }
        if scope.quarantine {
            self.report.quarantined = None;
            self.quarantine_tries = 0;
        }
        self.full_pending |= scope.watermark;
        self.is_paused = false;
    }

    /// Edits the mapping: the next cycle looks at everything, and links stay.
    pub fn edit_mapping(&mut self, edit: impl FnOnce(&mut Mapping)) {
        edit(&mut self.scenario.mapping);
        self.full_pending = true;
    }

    /// Stops the job: until it is started, its cycles send nothing.
    pub fn pause(&mut self) {
        self.is_paused = true;
    }

    /// Goes on where the job was paused.
    pub fn start(&mut self) {
        self.is_paused = false;
    }

    /// Forgets the connection of one object, as Graph's `DELETE` of one of the `objectConnections`: it is matched anew.
    pub fn delete_connection(&mut self, object_id: ObjectId) -> Result<(), JobRunning> {
        if !self.is_paused {
            return Err(JobRunning);
        }
        self.connections.cover(&self.directory);
        // An object without a connection is no error: the call is idempotent.
        if let Some(object) = self.object(object_id) {
            *self.connections.get_mut(object) = Connection::default();
            if object.object_type == ObjectType::Group {
                self.connections.memberships[object.index] = Memberships::default();
            }
        }
        Ok(())
    }

    /// Provision on demand of one user: probe, match, act; the flag is ignored.
    pub async fn provision_on_demand(
        &mut self,
        index: usize,
        observer: Observer<'_>,
    ) -> &ProvisioningLogEntry {
        if self.report.cycles.is_empty() {
            self.report.cycles.push(CycleReport::default());
        }
        if self.probe(observer).await.is_ok() {
            // What went wrong with the user is in the entry.
            let _ = self.export_on_demand(&[index], observer).await;
        }
        self.report
            .log
            .last()
            .expect("a failed probe and an export both write an entry")
    }

    /// Where an object is in the directory.
    pub(crate) fn object(&self, object_id: ObjectId) -> Option<Object> {
        let mut users = self.directory.users().iter();
        let mut groups = self.directory.groups().iter();
        users
            .position(|user| user.object_id == object_id)
            .map(Object::user)
            .or_else(|| {
                let group = groups.position(|group| group.object_id == object_id)?;
                Some(Object::group(group))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_list_of_graphs_words() {
        assert_eq!("Full".parse(), Ok(ResetScope::FULL));
        let both = ResetScope::WATERMARK.and(ResetScope::ESCROWS);
        assert_eq!("Watermark, Escrows".parse(), Ok(both));
        assert_eq!(
            "ConnectorDataStore".parse::<ResetScope>(),
            Err(UnknownResetScope("ConnectorDataStore".to_owned()))
        );
    }
}
