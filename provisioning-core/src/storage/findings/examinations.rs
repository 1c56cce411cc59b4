//! Where the examination of each tenant's findings stands, and which process makes the next one.

use uuid::Uuid;

use super::FindingPlace;
use crate::{
    clock::Timestamp,
    ids::TenantId,
    storage::{Engine, Storage, StorageError},
};

/// Where the next examination of a tenant goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExaminationPlace {
    /// Behind which of the open findings; `None`: at the first.
    pub finding: Option<FindingPlace>,
    /// At which Object ID, by its key, shared ones are searched; empty: at the first.
    pub object_id_key: String,
}

impl ExaminationPlace {
    /// The place among the findings, as it is stored.
    pub(in crate::storage) fn finding_text(&self) -> Option<String> {
        self.finding
            .as_ref()
            .map(|place| serde_json::to_string(place).expect("numbers and an id have a JSON form"))
    }
}

/// Of the tenants `$1`, claims those that nobody has examined after `$3`: whoever claims one at the same time waits, and then finds it examined.
macro_rules! claim {
    ($tenants:literal) => {
        concat!(
            "INSERT INTO finding_examinations AS e (tenant_id, examined_at, object_id_key)
             SELECT ",
            $tenants,
            " ON CONFLICT (tenant_id) DO UPDATE
             SET examined_at = EXCLUDED.examined_at
             WHERE e.examined_at <= $3
             RETURNING tenant_id, finding_place, object_id_key"
        )
    };
}
/// In the order of the ids, so that two claims do not wait for each other.
pub(in crate::storage) const CLAIM_SQLITE: &str =
    claim!("unhex(j.value, '-'), $2, '' FROM json_each($1) j WHERE TRUE");
pub(in crate::storage) const CLAIM_POSTGRES: &str =
    claim!("n.id, $2, '' FROM UNNEST($1::UUID[]) n (id) ORDER BY n.id");

pub(in crate::storage) const EXAMINED: &str =
    "UPDATE finding_examinations SET finding_place = $2, object_id_key = $3 WHERE tenant_id = $1";

/// A tenant that was claimed, as it is stored: its id, the place among its findings, and the key of the Object ID.
pub(in crate::storage) type Claimed = (Uuid, Option<String>, String);

impl Storage {
    /// Claims the examination of those of the tenants that nobody has examined after `examined_until`, and tells where each goes on.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "claim_examinations"))]
    pub async fn claim_examinations(
        &self,
        tenants: &[TenantId],
        now: Timestamp,
        examined_until: Timestamp,
    ) -> Result<Vec<(TenantId, ExaminationPlace)>, StorageError> {
        let ids: Vec<Uuid> = tenants.iter().map(|id| id.uuid()).collect();
        let claimed = match &*self.engine {
            Engine::Sqlite(database) => database.claim_examinations(ids, now, examined_until).await,
            Engine::Postgres(database) => {
                database.claim_examinations(ids, now, examined_until).await
            }
        }?;
        Ok(claimed.into_iter().map(examination).collect())
    }
}

fn examination((tenant, finding, object_id_key): Claimed) -> (TenantId, ExaminationPlace) {
    let place = ExaminationPlace {
        // What cannot be read is the beginning: no finding is left out for it.
        finding: finding.and_then(|text| serde_json::from_str(&text).ok()),
        object_id_key,
    };
    (TenantId::from_uuid(tenant), place)
}
