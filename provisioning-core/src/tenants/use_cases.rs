//! What an operator does with tenants.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Dialect, EntraJob, Identifier, Tenant, TenantSettings, UnknownMembers, UnknownSchemas,
};
use crate::{
    Core,
    accounts::Precondition,
    attributes::{error::excerpt, fold::check_text},
    call::{Admitted, Call, Credential, invalid_credential},
    error::{Error, Reason, Refusal},
    guard::{DeprovisionGuard, check_limits},
    ids::{GroupId, TenantId},
    log::{AttributeChange, LogEntry, Operation, ResourceType},
    page_token::{cut, invalid_page_token},
    receipts::{Answer, Once},
    storage::{Commit, Mutation, ObjectIdHolder, Write},
};

/// How often a change is tried when others change the tenant in between.
const ATTEMPTS_MAX: u32 = 3;
/// The smallest step of time.
const TICK: Duration = Duration::from_micros(1);
const DAY: Duration = Duration::from_hours(24);
/// For how long a deleted account can be restored, at least and at most.
const TOMBSTONE_RETENTION_MIN: Duration = DAY;
const TOMBSTONE_RETENTION_MAX: Duration = Duration::from_hours(365 * 24);

/// A tenant to be made; its identifier is the call's tenant.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// For people; may be empty.
    pub display_name: String,
    /// Whether the paid feature is on from the start.
    pub provisioning_enabled: bool,
    /// What the tenant decides for itself.
    pub settings: TenantSettings,
}

/// What to change of a tenant; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct TenantChanges {
    /// For people.
    pub display_name: Option<String>,
    /// How to answer where the RFC and clients differ.
    pub dialect: Option<Dialect>,
    /// Whether two accounts may not share one Object ID.
    pub object_id_unique: Option<bool>,
    /// How long a deleted account can be restored.
    pub tombstone_retention: Option<Duration>,
    /// What happens to ids of members that the tenant does not have; `Some(None)`: what the dialect says.
    pub unknown_members: Option<Option<UnknownMembers>>,
    /// Whether two groups may not share one display name; `Some(None)`: what the dialect says.
    pub group_display_name_unique: Option<Option<bool>>,
    /// What happens to attributes of schemas that the tenant has not defined; `Some(None)`: what the dialect says.
    pub unknown_schemas: Option<Option<UnknownSchemas>>,
    /// Where its provisioning job is in Entra; `Some(None)`: nobody says.
    pub entra_job: Option<Option<EntraJob>>,
    /// How many suspensions, deletions and removals from groups pass by themselves; `Some(None)`: all.
    pub deprovision_guard: Option<Option<DeprovisionGuard>>,
}

/// One page of tenants.
#[derive(Clone, Debug)]
pub struct TenantPage {
    /// By identifier.
    pub tenants: Vec<Tenant>,
    /// Where the next page begins; absent on the last one.
    pub next_page_token: Option<String>,
}

impl Core {
    /// Creates the tenant of the call. The storage cannot say whether the caller may act for a tenant that is not there yet, so this rests on the
    /// scope alone, which the rule of the method has demanded.
    pub async fn create_tenant(
        &self,
        call: &Call,
        new: NewTenant,
        validate_only: bool,
        once: Option<Once<'_, Tenant>>,
    ) -> Result<Answer<Tenant>, Error> {
        let Credential::Principal(operator) = &call.credential else {
            return Err(invalid_credential().into());
        };
        check_display_name(&new.display_name)?;
        check_retention(new.settings.tombstone_retention)?;
        if let Some(guard) = &new.settings.deprovision_guard {
            check_limits(guard)?;
        }
        if let Some(answer) = self.answer_for_existing_tenant(call, once.as_ref()).await? {
            return Ok(answer);
        }
        let now = self.now();
        let tenant = Tenant {
            id: TenantId::generate(now),
            identifier: call.tenant.clone(),
            display_name: new.display_name,
            provisioning_enabled: new.provisioning_enabled,
            settings: new.settings,
            version: 1,
            schema_version: 0,
            created_at: now,
            updated_at: now,
        };
        if validate_only {
            return Ok(Answer::Fresh(tenant));
        }
        let mut entry = tenant_entry(call, Operation::Create, &tenant, self);
        entry.http_status = 201;
        entry.actor.clone_from(&operator.subject);
        entry.changes = changes(None, &tenant);
        let mutation = Mutation {
            tenant_id: tenant.id,
            write: Write::InsertTenant(tenant.clone()),
            guard: None,
            log: Some(entry),
            change: None,
            receipt: once.as_ref().map(|once| once.receipt(&tenant, now)),
            findings: Vec::new(),
        };
        match self.storage().commit(mutation).await? {
            Commit::Done => Ok(Answer::Fresh(tenant)),
            Commit::TenantExists | Commit::RequestIdUsed => {
                let answer = self.answer_for_existing_tenant(call, once.as_ref()).await?;
                answer.ok_or_else(|| unexpected(Commit::TenantExists))
            }
            other => Err(unexpected(other)),
        }
    }

    /// One tenant.
    pub async fn get_tenant(&self, call: &Call) -> Result<Tenant, Error> {
        Ok(self.authenticate(call).await?.tenant)
    }

    /// All tenants, by identifier. Across tenants, so for operators only, which the rule of the method has demanded.
    pub async fn list_tenants(
        &self,
        page_size: u32,
        page_token: &str,
    ) -> Result<TenantPage, Error> {
        let query = self.query("ListTenants", None, &[]);
        let after = query
            .open(page_token)?
            .map(|place| place_from(&place.position).ok_or_else(invalid_page_token))
            .transpose()?;
        let mut tenants = self
            .storage()
            .list_tenants(page_size + 1, after.as_ref())
            .await?;
        let next_page_token = cut(&mut tenants, page_size)
            .map(|last| query.token(last.identifier.as_str().as_bytes(), None));
        Ok(TenantPage {
            tenants,
            next_page_token,
        })
    }

    /// Changes a tenant's name and settings.
    pub async fn update_tenant(
        &self,
        call: &Call,
        asked: &TenantChanges,
        precondition: &Precondition,
        once: Option<Once<'_, Tenant>>,
    ) -> Result<Answer<Tenant>, Error> {
        self.write_tenant(call, precondition, once, |tenant| {
            if let Some(display_name) = &asked.display_name {
                check_display_name(display_name)?;
                tenant.display_name.clone_from(display_name);
            }
            if let Some(retention) = asked.tombstone_retention {
                check_retention(retention)?;
                tenant.settings.tombstone_retention = retention;
            }
            tenant.settings.dialect = asked.dialect.unwrap_or(tenant.settings.dialect);
            tenant.settings.object_id_unique = asked
                .object_id_unique
                .unwrap_or(tenant.settings.object_id_unique);
            tenant.settings.unknown_members = asked
                .unknown_members
                .unwrap_or(tenant.settings.unknown_members);
            tenant.settings.unknown_schemas = asked
                .unknown_schemas
                .unwrap_or(tenant.settings.unknown_schemas);
            tenant.settings.group_display_name_unique = asked
                .group_display_name_unique
                .unwrap_or(tenant.settings.group_display_name_unique);
            if let Some(entra_job) = &asked.entra_job {
                tenant.settings.entra_job.clone_from(entra_job);
            }
            if let Some(guard) = &asked.deprovision_guard {
                guard.as_ref().map_or(Ok(()), check_limits)?;
                tenant.settings.deprovision_guard.clone_from(guard);
            }
            Ok(())
        })
        .await
    }

    /// Switches the paid feature on or off. Off, SCIM requests are answered 403 at once and nothing is lost.
    pub async fn switch_provisioning(
        &self,
        call: &Call,
        enabled: bool,
        once: Option<Once<'_, Tenant>>,
    ) -> Result<Answer<Tenant>, Error> {
        let precondition = Precondition {
            etag: None,
            validate_only: call.validate_only,
        };
        self.write_tenant(call, &precondition, once, |tenant| {
            tenant.provisioning_enabled = enabled;
            Ok(())
        })
        .await
    }

    /// Reads, changes and writes until the version read is the version written to.
    async fn write_tenant(
        &self,
        call: &Call,
        precondition: &Precondition,
        once: Option<Once<'_, Tenant>>,
        change: impl Fn(&mut Tenant) -> Result<(), Refusal> + Send + Sync,
    ) -> Result<Answer<Tenant>, Error> {
        let mut tries = 0;
        loop {
            let admitted = self.authenticate(call).await?;
            if let Some(response) = self.replay(admitted.tenant.id, once.as_ref()).await? {
                return Ok(Answer::Replayed(response));
            }
            tries += 1;
            let error = match self
                .write_tenant_once(call, &admitted, precondition, once.as_ref(), &change)
                .await
            {
                Ok(Some(tenant)) => return Ok(Answer::Fresh(tenant)),
                Ok(None) if tries < ATTEMPTS_MAX => continue,
                Ok(None) => contention().into(),
                Err(error) => error,
            };
            let entry = tenant_entry(call, Operation::TenantUpdate, &admitted.tenant, self);
            return Err(self.log_refusal(&admitted, entry, error).await);
        }
    }

    /// One try; `None` when the tenant has changed meanwhile.
    async fn write_tenant_once(
        &self,
        call: &Call,
        admitted: &Admitted,
        precondition: &Precondition,
        once: Option<&Once<'_, Tenant>>,
        change: &(impl Fn(&mut Tenant) -> Result<(), Refusal> + Send + Sync),
    ) -> Result<Option<Tenant>, Error> {
        let old = &admitted.tenant;
        if precondition
            .etag
            .as_ref()
            .is_some_and(|etag| *etag != old.etag())
        {
            return Err(etag_mismatch(old).into());
        }
        let mut tenant = old.clone();
        change(&mut tenant)?;
        if tenant == *old {
            // A repetition must not do later what there is nothing to do now.
            let receipt = once
                .filter(|_| !precondition.validate_only)
                .map(|once| once.receipt(&tenant, self.now()));
            let kept = self.keep_receipt(tenant.id, receipt).await?;
            return Ok(kept.then_some(tenant));
        }
        tenant.version += 1;
        tenant.updated_at = self.now().max(old.updated_at.plus(TICK));
        if precondition.validate_only {
            return match self.find_conflict(old, &tenant).await? {
                Some(refusal) => Err(refusal.into()),
                None => Ok(Some(tenant)),
            };
        }
        let mut entry = tenant_entry(call, Operation::TenantUpdate, &tenant, self);
        entry.admitted(admitted);
        entry.changes = changes(Some(old), &tenant);
        let mutation = Mutation {
            tenant_id: tenant.id,
            write: Write::UpdateTenant {
                tenant: tenant.clone(),
                expected_version: old.version,
            },
            guard: None,
            log: Some(entry),
            change: None,
            receipt: once.map(|once| once.receipt(&tenant, tenant.updated_at)),
            findings: Vec::new(),
        };
        match self.storage().commit(mutation).await? {
            Commit::Done => Ok(Some(tenant)),
            Commit::VersionMismatch | Commit::RequestIdUsed => Ok(None),
            // Without a conflict the accounts or groups have changed since: the next try decides.
            Commit::ObjectIdTaken | Commit::DisplayNameTaken => {
                match self.find_conflict(old, &tenant).await? {
                    Some(refusal) => Err(refusal.into()),
                    None => Ok(None),
                }
            }
            other => Err(unexpected(other)),
        }
    }

    /// The refusal of settings that the tenant's accounts or groups contradict.
    async fn find_conflict(&self, old: &Tenant, new: &Tenant) -> Result<Option<Refusal>, Error> {
        if !old.settings.object_id_unique
            && new.settings.object_id_unique
            && let Some(object_id) = self.storage().find_shared_object_id(new.id).await?
        {
            let holders = self
                .storage()
                .list_object_id_holders(new.id, &object_id, 2)
                .await?;
            return Ok(Some(object_id_shared(&object_id, &holders)));
        }
        let names_unique = |tenant: &Tenant| tenant.settings.rules().group_display_name_unique;
        if !names_unique(old) && names_unique(new) {
            let shared = self.storage().find_shared_display_name(new.id).await?;
            if let [(one, name), (other, _), ..] = shared.as_slice() {
                return Ok(Some(display_name_shared(name, *one, *other)));
            }
        }
        Ok(None)
    }

    /// The stored answer, or the refusal, when there is a tenant of that identifier already.
    async fn answer_for_existing_tenant(
        &self,
        call: &Call,
        once: Option<&Once<'_, Tenant>>,
    ) -> Result<Option<Answer<Tenant>>, Error> {
        let Some(caller) = self.storage().find_caller(&call.caller_key()).await? else {
            return Ok(None);
        };
        match self.replay(caller.tenant.id, once).await? {
            Some(response) => Ok(Some(Answer::Replayed(response))),
            None => Err(tenant_exists(&call.tenant).into()),
        }
    }
}

impl Tenant {
    /// The strong entity tag of this version, with its quotes.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

fn place_from(position: &[u8]) -> Option<Identifier> {
    std::str::from_utf8(position)
        .ok()
        .and_then(Identifier::parse)
}

fn tenant_entry(call: &Call, operation: Operation, tenant: &Tenant, core: &Core) -> LogEntry {
    let mut entry = LogEntry::new(call, operation, core.now());
    entry.resource_type = ResourceType::Tenant;
    entry.resource_id = tenant.id.to_string();
    entry
}

/// What an update mask can name, and the switch, as the log shows them.
fn changes(old: Option<&Tenant>, new: &Tenant) -> Vec<AttributeChange> {
    let values = |tenant: &Tenant| -> [(&'static str, Value); 11] {
        let job = tenant.settings.entra_job.as_ref();
        [
            ("display_name", json!(tenant.display_name)),
            ("provisioning_enabled", json!(tenant.provisioning_enabled)),
            ("settings.dialect", json!(tenant.settings.dialect.as_str())),
            (
                "settings.object_id_unique",
                json!(tenant.settings.object_id_unique),
            ),
            (
                "settings.tombstone_retention",
                json!(format!(
                    "{}s",
                    tenant.settings.tombstone_retention.as_secs()
                )),
            ),
            (
                "settings.unknown_members",
                json!(tenant.settings.unknown_members.map(UnknownMembers::as_str)),
            ),
            (
                "settings.group_display_name_unique",
                json!(tenant.settings.group_display_name_unique),
            ),
            (
                "settings.unknown_schemas",
                json!(tenant.settings.unknown_schemas.map(UnknownSchemas::as_str)),
            ),
            (
                "settings.entra_job.service_principal_id",
                json!(job.map(|job| job.service_principal_id)),
            ),
            (
                "settings.entra_job.job_id",
                json!(job.map(|job| &job.job_id)),
            ),
            (
                "settings.deprovision_guard",
                tenant.settings.deprovision_guard.as_ref().map_or(
                    Value::Null,
                    |guard| json!({"window": format!("{}s", guard.window.as_secs()), "maxCount": guard.max_count, "maxPercent": guard.max_percent}),
                ),
            ),
        ]
    };
    let old = old.map(values);
    values(new)
        .into_iter()
        .enumerate()
        .map(|(index, (attribute, new))| AttributeChange {
            attribute: attribute.to_owned(),
            old: old.as_ref().map(|old| old[index].1.clone()),
            new: Some(new),
        })
        .filter(|change| change.old != change.new)
        .collect()
}

fn check_display_name(display_name: &str) -> Result<(), Refusal> {
    if display_name.is_empty() {
        return Ok(());
    }
    check_text(display_name).map_err(|error| {
        Refusal::new(Reason::InvalidRequest, format!("The display name {error}."))
            .field("tenant.display_name")
    })
}

fn check_retention(retention: Duration) -> Result<(), Refusal> {
    let in_range = (TOMBSTONE_RETENTION_MIN..=TOMBSTONE_RETENTION_MAX).contains(&retention);
    if in_range && retention.subsec_nanos() == 0 {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::InvalidRequest,
        "A deleted account can be kept for 1 to 365 days, in whole seconds.",
    )
    .field("tenant.settings.tombstone_retention"))
}

fn tenant_exists(identifier: &Identifier) -> Refusal {
    Refusal::new(
        Reason::TenantExists,
        format!("There is a tenant {identifier} already. Subscriber Identifiers are used once."),
    )
    .field("tenant.identifier")
    .with("tenant", identifier)
}

fn etag_mismatch(tenant: &Tenant) -> Refusal {
    Refusal::new(
        Reason::EtagMismatch,
        format!("The tenant has changed: its etag is {} now. Read it again, and repeat the change on what you find.", tenant.etag()),
    )
    .field("tenant.etag")
    .with("etag", tenant.etag())
}

fn contention() -> Refusal {
    Refusal::new(
        Reason::Contention,
        "Others change this tenant at the same time. Nothing was changed by this call; send it again.",
    )
}

fn object_id_shared(object_id: &str, holders: &[ObjectIdHolder]) -> Refusal {
    let ids: Vec<_> = holders.iter().map(|holder| holder.id.to_string()).collect();
    Refusal::new(
        Reason::SettingConflict,
        format!(
            "Object IDs cannot be made unique while accounts share one: the accounts {} have the Object ID {object_id}. Take it off all but \
             one of them with UnlinkObjectId first.",
            ids.join(" and ")
        ),
    )
    .field("tenant.settings.object_id_unique")
    .with("object_id", object_id)
    .with("account_ids", ids.join(","))
}

fn display_name_shared(name: &str, one: GroupId, other: GroupId) -> Refusal {
    Refusal::new(
        Reason::SettingConflict,
        format!(
            "The names of groups cannot be made unique while groups share one: the groups {one} and {other} are both called {}. Rename all \
             but one of them first.",
            excerpt(name)
        ),
    )
    .field("tenant.settings.group_display_name_unique")
    .with("display_name", name)
    .with("group_ids", format!("{one},{other}"))
}

fn unexpected(commit: Commit) -> Error {
    Error::Internal(format!("a write of tenants ended as {commit:?}").into())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::clock::Timestamp;

    fn tenant() -> Tenant {
        Tenant {
            id: TenantId::from_uuid(Uuid::nil()),
            identifier: Identifier::parse("contoso").expect("it is one"),
            display_name: "Contoso".to_owned(),
            provisioning_enabled: true,
            settings: TenantSettings::default(),
            version: 1,
            schema_version: 0,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
        }
    }

    #[test]
    fn the_log_shows_what_changed_and_nothing_else() {
        let old = tenant();
        let mut new = tenant();
        new.settings.dialect = Dialect::Rfc;
        new.version = 2;
        let changed = changes(Some(&old), &new);
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].attribute, "settings.dialect");
        assert_eq!(
            (changed[0].old.clone(), changed[0].new.clone()),
            (Some(json!("entra")), Some(json!("rfc")))
        );
        assert_eq!(changes(None, &new).len(), 11);
    }

    #[test]
    fn the_retention_is_bounded() {
        for good in [DAY, 30 * DAY, 365 * DAY] {
            assert_eq!(check_retention(good), Ok(()));
        }
        for bad in [
            Duration::ZERO,
            Duration::from_secs(86_399),
            365 * DAY + Duration::from_secs(1),
            DAY + Duration::from_millis(1),
        ] {
            assert_eq!(
                check_retention(bad).expect_err("out of bounds").reason,
                Reason::InvalidRequest,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_display_name_may_be_missing_but_hides_nothing() {
        for good in ["", "Contoso", "Zoë & Söhne GmbH"] {
            assert_eq!(check_display_name(good), Ok(()));
        }
        for bad in [" ", "a\0b", "a\nb", "a\u{202e}b", &"x".repeat(2000)] {
            assert!(check_display_name(bad).is_err(), "{bad:?}");
        }
    }
}
