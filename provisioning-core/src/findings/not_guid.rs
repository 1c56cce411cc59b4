//! When the finding about all Object IDs of a tenant is counted: every request of a first cycle would show it, and all would wait for its one row.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::FindingKind;
use crate::{
    Core,
    clock::Timestamp,
    ids::TenantId,
    storage::{Commit, FindingWrite, Mutation, StorageError},
};

/// How often it is counted.
const INTERVAL: Duration = Duration::from_mins(1);

/// When the finding about all Object IDs of a tenant was last written by this process.
#[derive(Debug, Default)]
pub(crate) struct NotGuidSeen(Mutex<HashMap<TenantId, Timestamp>>);

impl NotGuidSeen {
    /// Whether it is time to write it again.
    pub(super) fn is_due(&self, tenant: TenantId, now: Timestamp) -> bool {
        self.lock()
            .get(&tenant)
            .is_none_or(|last| last.plus(INTERVAL) <= now)
    }

    /// Learns what was written of it. Once it is closed, the next request that shows it opens it.
    fn written(&self, tenant: TenantId, written: Written) {
        match written {
            Written::Seen(at) => self.lock().insert(tenant, at),
            Written::Closed => self.lock().remove(&tenant),
        };
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a mutation writes of the finding about all Object IDs.
#[derive(Clone, Copy)]
enum Written {
    Seen(Timestamp),
    Closed,
}

impl Written {
    fn of(write: &FindingWrite) -> Option<Self> {
        match write {
            FindingWrite::Seen(finding) if finding.kind == FindingKind::ObjectIdNotGuid => {
                Some(Self::Seen(finding.last_seen_at))
            }
            FindingWrite::Closed { kind, .. } if *kind == FindingKind::ObjectIdNotGuid => {
                Some(Self::Closed)
            }
            FindingWrite::Seen(_)
            | FindingWrite::Found(_)
            | FindingWrite::Closed { .. }
            | FindingWrite::Examined(_) => None,
        }
    }
}

impl Core {
    /// Commits what shows or closes findings. Only what is committed counts as seen.
    pub(crate) async fn commit_with_findings(
        &self,
        mutation: Mutation,
    ) -> Result<Commit, StorageError> {
        let tenant = mutation.tenant_id;
        let written = mutation.findings.iter().find_map(Written::of);
        let commit = self.storage().commit(mutation).await?;
        if let (Commit::Done, Some(written)) = (commit, written) {
            self.not_guid_seen().written(tenant, written);
        }
        Ok(commit)
    }
}
