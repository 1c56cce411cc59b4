//! `TenantService`.

use prost::Message as _;
use provisioning_core::{
    Core,
    grpc::{
        accounts::{dialect, timestamp},
        across_tenants, call, idempotent, once, status,
    },
    tenants::{
        self, Dialect, EntraJob, Identifier, NewTenant, TenantChanges, TenantSettings,
        UnknownMembers, UnknownSchemas,
    },
};
use provisioning_proto::{
    admin::v1::{
        self, CreateTenantRequest, CreateTenantResponse, DisableProvisioningRequest,
        DisableProvisioningResponse, EnableProvisioningRequest, EnableProvisioningResponse,
        GetTenantRequest, GetTenantResponse, ListTenantsRequest, ListTenantsResponse,
        UnknownMembers as ProtoUnknownMembers, UnknownSchemas as ProtoUnknownSchemas,
        UpdateTenantRequest, UpdateTenantResponse, tenant_service_server::TenantService,
    },
    v1::Dialect as ProtoDialect,
};
use tonic::{Request, Response, Status};

use crate::{guard, wire};

/// What an update mask can name.
const DISPLAY_NAME: &str = "display_name";
const DIALECT: &str = "settings.dialect";
const OBJECT_ID_UNIQUE: &str = "settings.object_id_unique";
const TOMBSTONE_RETENTION: &str = "settings.tombstone_retention";
const UNKNOWN_MEMBERS: &str = "settings.unknown_members";
const UNKNOWN_SCHEMAS: &str = "settings.unknown_schemas";
const GROUP_DISPLAY_NAME_UNIQUE: &str = "settings.group_display_name_unique";
const ENTRA_JOB: &str = "settings.entra_job";
const DEPROVISION_GUARD: &str = "settings.deprovision_guard";

/// The service.
pub struct Service {
    core: Core,
}

impl Service {
    /// Serves the tenants of `core`.
    pub const fn new(core: Core) -> Self {
        Self { core }
    }
}

#[tonic::async_trait]
impl TenantService for Service {
    async fn create_tenant(
        &self,
        request: Request<CreateTenantRequest>,
    ) -> Result<Response<CreateTenantResponse>, Status> {
        let identifier = request
            .get_ref()
            .tenant
            .as_ref()
            .map_or("", |tenant| tenant.identifier.as_str());
        if Identifier::parse(identifier).is_none() {
            return Err(wire::invalid(
                "tenant.identifier",
                "A Subscriber Identifier has 1 to 63 characters of a-z, 0-9 and -, with a letter or digit at both ends.",
            ));
        }
        let call = call(&request, identifier)?.for_a_new_tenant();
        let request = request.into_inner();
        let encode = |tenant: &tenants::Tenant| created(tenant).encode_to_vec();
        let once = once(
            &call,
            "TenantService/CreateTenant",
            &request.request_id,
            &request,
            &encode,
        )?;
        let tenant = request.tenant.unwrap_or_default();
        let new = NewTenant {
            provisioning_enabled: !request.provisioning_disabled,
            settings: settings(&tenant.settings.unwrap_or_default())?,
            display_name: tenant.display_name,
        };
        let answer = self
            .core
            .create_tenant(&call, new, request.validate_only, once)
            .await;
        idempotent(answer, |tenant| Ok(created(&tenant)))
    }

    async fn get_tenant(
        &self,
        request: Request<GetTenantRequest>,
    ) -> Result<Response<GetTenantResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let found = self.core.get_tenant(&call).await.map_err(status)?;
        Ok(Response::new(GetTenantResponse {
            tenant: Some(tenant(&found)),
        }))
    }

    async fn list_tenants(
        &self,
        request: Request<ListTenantsRequest>,
    ) -> Result<Response<ListTenantsResponse>, Status> {
        across_tenants(&request)?;
        let request = request.into_inner();
        let page = self
            .core
            .list_tenants(wire::page_size(request.page_size)?, &request.page_token)
            .await
            .map_err(status)?;
        Ok(Response::new(ListTenantsResponse {
            tenants: page.tenants.iter().map(tenant).collect(),
            next_page_token: page.next_page_token.unwrap_or_default(),
        }))
    }

    async fn update_tenant(
        &self,
        request: Request<UpdateTenantRequest>,
    ) -> Result<Response<UpdateTenantResponse>, Status> {
        let identifier = request
            .get_ref()
            .tenant
            .as_ref()
            .map_or("", |tenant| tenant.identifier.as_str());
        let call = call(&request, identifier)?;
        let request = request.into_inner();
        let encode = |tenant: &tenants::Tenant| updated(tenant).encode_to_vec();
        let once = once(
            &call,
            "TenantService/UpdateTenant",
            &request.request_id,
            &request,
            &encode,
        )?;
        let asked = request.tenant.unwrap_or_default();
        let changes = changes(&asked, request.update_mask.as_ref())?;
        let precondition = wire::precondition(&asked.etag, request.validate_only);
        let answer = self
            .core
            .update_tenant(&call, &changes, &precondition, once)
            .await;
        idempotent(answer, |tenant| Ok(updated(&tenant)))
    }

    async fn enable_provisioning(
        &self,
        request: Request<EnableProvisioningRequest>,
    ) -> Result<Response<EnableProvisioningResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let encode = |tenant: &tenants::Tenant| enabled(tenant).encode_to_vec();
        let once = once(
            &call,
            "TenantService/EnableProvisioning",
            &request.request_id,
            &request,
            &encode,
        )?;
        let answer = self.core.switch_provisioning(&call, true, once).await;
        idempotent(answer, |tenant| Ok(enabled(&tenant)))
    }

    async fn disable_provisioning(
        &self,
        request: Request<DisableProvisioningRequest>,
    ) -> Result<Response<DisableProvisioningResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let encode = |tenant: &tenants::Tenant| disabled(tenant).encode_to_vec();
        let once = once(
            &call,
            "TenantService/DisableProvisioning",
            &request.request_id,
            &request,
            &encode,
        )?;
        let answer = self.core.switch_provisioning(&call, false, once).await;
        idempotent(answer, |tenant| Ok(disabled(&tenant)))
    }
}

fn enabled(enabled: &tenants::Tenant) -> EnableProvisioningResponse {
    EnableProvisioningResponse {
        tenant: Some(tenant(enabled)),
    }
}

fn disabled(disabled: &tenants::Tenant) -> DisableProvisioningResponse {
    DisableProvisioningResponse {
        tenant: Some(tenant(disabled)),
    }
}

fn created(created: &tenants::Tenant) -> CreateTenantResponse {
    CreateTenantResponse {
        tenant: Some(tenant(created)),
    }
}

fn updated(updated: &tenants::Tenant) -> UpdateTenantResponse {
    UpdateTenantResponse {
        tenant: Some(tenant(updated)),
    }
}

fn tenant(tenant: &tenants::Tenant) -> v1::Tenant {
    v1::Tenant {
        id: tenant.id.to_string(),
        identifier: tenant.identifier.to_string(),
        display_name: tenant.display_name.clone(),
        provisioning_enabled: tenant.provisioning_enabled,
        settings: Some(v1::TenantSettings {
            dialect: dialect(tenant.settings.dialect).into(),
            object_id_unique: tenant.settings.object_id_unique,
            tombstone_retention: Some(wire::duration_to_proto(tenant.settings.tombstone_retention)),
            unknown_members: unknown_members(tenant.settings.unknown_members).into(),
            group_display_name_unique: tenant.settings.group_display_name_unique,
            unknown_schemas: unknown_schemas(tenant.settings.unknown_schemas).into(),
            deprovision_guard: tenant
                .settings
                .deprovision_guard
                .as_ref()
                .map(guard::limits),
            entra_job: tenant.settings.entra_job.as_ref().map(entra_job),
        }),
        create_time: Some(timestamp(tenant.created_at)),
        update_time: Some(timestamp(tenant.updated_at)),
        etag: tenant.etag(),
    }
}

/// The settings of a message; what it does not say has its default.
fn settings(message: &v1::TenantSettings) -> Result<TenantSettings, Status> {
    let default = TenantSettings::default();
    Ok(TenantSettings {
        dialect: match ProtoDialect::try_from(message.dialect) {
            Ok(ProtoDialect::Unspecified) => default.dialect,
            Ok(ProtoDialect::Entra) => Dialect::Entra,
            Ok(ProtoDialect::Rfc) => Dialect::Rfc,
            Err(_) => {
                return Err(wire::invalid(
                    "tenant.settings.dialect",
                    "There is no such dialect.",
                ));
            }
        },
        object_id_unique: message.object_id_unique,
        tombstone_retention: match &message.tombstone_retention {
            Some(retention) => wire::duration("tenant.settings.tombstone_retention", retention)?,
            None => default.tombstone_retention,
        },
        unknown_members: match ProtoUnknownMembers::try_from(message.unknown_members) {
            Ok(ProtoUnknownMembers::Unspecified) => None,
            Ok(ProtoUnknownMembers::Ignore) => Some(UnknownMembers::Ignore),
            Ok(ProtoUnknownMembers::Reject) => Some(UnknownMembers::Reject),
            Err(_) => {
                return Err(wire::invalid(
                    "tenant.settings.unknown_members",
                    "Unknown members can be ignored or rejected.",
                ));
            }
        },
        group_display_name_unique: message.group_display_name_unique,
        unknown_schemas: match ProtoUnknownSchemas::try_from(message.unknown_schemas) {
            Ok(ProtoUnknownSchemas::Unspecified) => None,
            Ok(ProtoUnknownSchemas::Keep) => Some(UnknownSchemas::Keep),
            Ok(ProtoUnknownSchemas::Ignore) => Some(UnknownSchemas::Ignore),
            Err(_) => {
                return Err(wire::invalid(
                    "tenant.settings.unknown_schemas",
                    "Attributes of unknown schemas can be kept or ignored.",
                ));
            }
        },
        entra_job: message
            .entra_job
            .as_ref()
            .map(|job| EntraJob::parse(&job.service_principal_id, &job.job_id))
            .transpose()
            .map_err(|refusal| status(refusal.into()))?,
        deprovision_guard: message
            .deprovision_guard
            .as_ref()
            .map(guard::from_limits)
            .transpose()?,
    })
}

fn entra_job(job: &EntraJob) -> v1::EntraJob {
    v1::EntraJob {
        service_principal_id: job.service_principal_id.to_string(),
        job_id: job.job_id.clone(),
    }
}

const fn unknown_members(setting: Option<UnknownMembers>) -> ProtoUnknownMembers {
    match setting {
        None => ProtoUnknownMembers::Unspecified,
        Some(UnknownMembers::Ignore) => ProtoUnknownMembers::Ignore,
        Some(UnknownMembers::Reject) => ProtoUnknownMembers::Reject,
    }
}

const fn unknown_schemas(setting: Option<UnknownSchemas>) -> ProtoUnknownSchemas {
    match setting {
        None => ProtoUnknownSchemas::Unspecified,
        Some(UnknownSchemas::Keep) => ProtoUnknownSchemas::Keep,
        Some(UnknownSchemas::Ignore) => ProtoUnknownSchemas::Ignore,
    }
}

/// What an update asks for: the fields that the mask names, with the default where the message does not say. Without a mask: the fields that
/// are set (AIP-134).
fn changes(
    asked: &v1::Tenant,
    mask: Option<&prost_types::FieldMask>,
) -> Result<TenantChanges, Status> {
    let message = asked.settings.clone().unwrap_or_default();
    let named = |path: &str| match mask {
        Some(mask) if !mask.paths.is_empty() => mask.paths.iter().any(|named| covers(named, path)),
        _ => match path {
            DISPLAY_NAME => !asked.display_name.is_empty(),
            DIALECT => message.dialect() != ProtoDialect::Unspecified,
            OBJECT_ID_UNIQUE => message.object_id_unique,
            UNKNOWN_MEMBERS => message.unknown_members() != ProtoUnknownMembers::Unspecified,
            UNKNOWN_SCHEMAS => message.unknown_schemas() != ProtoUnknownSchemas::Unspecified,
            GROUP_DISPLAY_NAME_UNIQUE => message.group_display_name_unique.is_some(),
            ENTRA_JOB => message.entra_job.is_some(),
            DEPROVISION_GUARD => message.deprovision_guard.is_some(),
            _ => message.tombstone_retention.is_some(),
        },
    };
    if let Some(unknown) = mask.and_then(|mask| mask.paths.iter().find(|path| !is_known(path))) {
        return Err(wire::invalid(
            "update_mask",
            format!("The update mask names {unknown:?}, which cannot be changed."),
        ));
    }
    let settings = settings(&message)?;
    Ok(TenantChanges {
        display_name: named(DISPLAY_NAME).then(|| asked.display_name.clone()),
        dialect: named(DIALECT).then_some(settings.dialect),
        object_id_unique: named(OBJECT_ID_UNIQUE).then_some(settings.object_id_unique),
        tombstone_retention: named(TOMBSTONE_RETENTION).then_some(settings.tombstone_retention),
        unknown_members: named(UNKNOWN_MEMBERS).then_some(settings.unknown_members),
        unknown_schemas: named(UNKNOWN_SCHEMAS).then_some(settings.unknown_schemas),
        group_display_name_unique: named(GROUP_DISPLAY_NAME_UNIQUE)
            .then_some(settings.group_display_name_unique),
        entra_job: named(ENTRA_JOB).then_some(settings.entra_job),
        deprovision_guard: named(DEPROVISION_GUARD).then_some(settings.deprovision_guard),
    })
}

fn is_known(path: &str) -> bool {
    [
        DISPLAY_NAME,
        DIALECT,
        OBJECT_ID_UNIQUE,
        TOMBSTONE_RETENTION,
        UNKNOWN_MEMBERS,
        UNKNOWN_SCHEMAS,
        GROUP_DISPLAY_NAME_UNIQUE,
        ENTRA_JOB,
        DEPROVISION_GUARD,
    ]
    .into_iter()
    .any(|known| covers(path, known))
}

/// Whether a path of a mask names the field or what it is in; `*` names everything.
fn covers(named: &str, path: &str) -> bool {
    named == "*"
        || named == path
        || path
            .strip_prefix(named)
            .is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prost_types::FieldMask;

    use super::*;

    fn asked() -> v1::Tenant {
        v1::Tenant {
            identifier: "contoso".to_owned(),
            display_name: "Contoso".to_owned(),
            settings: Some(v1::TenantSettings {
                dialect: ProtoDialect::Rfc.into(),
                object_id_unique: false,
                tombstone_retention: Some(prost_types::Duration {
                    seconds: 86_400,
                    nanos: 0,
                }),
                ..v1::TenantSettings::default()
            }),
            ..v1::Tenant::default()
        }
    }

    fn mask(paths: &[&str]) -> FieldMask {
        FieldMask {
            paths: paths.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_mask_decides_what_changes() {
        let changes = changes(&asked(), Some(&mask(&["settings.dialect"]))).expect("it is valid");
        assert_eq!(changes.dialect, Some(Dialect::Rfc));
        assert!(
            changes.display_name.is_none()
                && changes.object_id_unique.is_none()
                && changes.tombstone_retention.is_none()
        );
    }

    #[test]
    fn a_mask_may_name_all_settings_or_everything() {
        let settings = changes(&asked(), Some(&mask(&["settings"]))).expect("it is valid");
        assert_eq!(
            (settings.display_name, settings.object_id_unique),
            (None, Some(false))
        );
        let all = changes(&asked(), Some(&mask(&["*"]))).expect("it is valid");
        assert_eq!(all.display_name.as_deref(), Some("Contoso"));
        assert_eq!(all.tombstone_retention, Some(Duration::from_hours(24)));
    }

    #[test]
    fn without_a_mask_what_is_set_changes() {
        let changes = changes(&asked(), None).expect("it is valid");
        assert_eq!(changes.dialect, Some(Dialect::Rfc));
        assert_eq!(changes.object_id_unique, None, "false is not set");
    }

    #[test]
    fn what_the_dialect_presets_can_be_settled_and_left_to_it_again() {
        let mut asked = asked();
        let message = asked.settings.as_mut().expect("it is there");
        message.set_unknown_members(ProtoUnknownMembers::Reject);
        message.group_display_name_unique = Some(false);
        message.set_unknown_schemas(ProtoUnknownSchemas::Ignore);
        let settled = changes(&asked, None).expect("it is valid");
        assert_eq!(settled.unknown_members, Some(Some(UnknownMembers::Reject)));
        assert_eq!(settled.group_display_name_unique, Some(Some(false)));
        assert_eq!(settled.unknown_schemas, Some(Some(UnknownSchemas::Ignore)));
        let fields = mask(&[UNKNOWN_MEMBERS, GROUP_DISPLAY_NAME_UNIQUE, UNKNOWN_SCHEMAS]);
        let left = changes(&v1::Tenant::default(), Some(&fields)).expect("it is valid");
        assert_eq!(left.unknown_members, Some(None));
        assert_eq!(left.group_display_name_unique, Some(None));
        assert_eq!(left.unknown_schemas, Some(None));
    }

    #[test]
    fn a_named_field_that_is_not_set_gets_its_default() {
        let empty = v1::Tenant::default();
        let changes = changes(&empty, Some(&mask(&["*"]))).expect("it is valid");
        assert_eq!(changes.dialect, Some(Dialect::Entra));
        assert_eq!(
            changes.tombstone_retention,
            Some(TenantSettings::TOMBSTONE_RETENTION_DEFAULT)
        );
    }

    #[test]
    fn the_guard_is_set_as_a_whole_and_taken_off_by_name() {
        let mut asked = asked();
        let settings = asked.settings.as_mut().expect("it is there");
        settings.deprovision_guard = Some(v1::DeprovisionGuard {
            max_count: Some(50),
            ..v1::DeprovisionGuard::default()
        });
        let set = changes(&asked, None).expect("it is valid");
        let guard = set
            .deprovision_guard
            .flatten()
            .expect("the guard is to be set");
        assert_eq!((guard.max_count, guard.max_percent), (Some(50), None));
        let off = changes(&v1::Tenant::default(), Some(&mask(&[DEPROVISION_GUARD])));
        assert_eq!(off.expect("it is valid").deprovision_guard, Some(None));
        let other = changes(&asked, Some(&mask(&[DIALECT]))).expect("it is valid");
        assert_eq!(other.deprovision_guard, None);
    }

    #[test]
    fn a_mask_names_only_what_can_be_changed() {
        for path in [
            "identifier",
            "settings.x",
            "display_nam",
            "provisioning_enabled",
            "etag",
            "",
        ] {
            assert!(changes(&asked(), Some(&mask(&[path]))).is_err(), "{path}");
        }
    }

    #[test]
    fn a_job_is_set_as_a_whole_and_taken_back() {
        let mut asked = asked();
        let job = v1::EntraJob {
            service_principal_id: "5d1f0f6e-5a3e-4c1e-9d1b-1f4c0a3b2e11".to_owned(),
            job_id: "scim.1".to_owned(),
        };
        let message = asked.settings.as_mut().expect("it is there");
        message.entra_job = Some(job.clone());
        let set = changes(&asked, Some(&mask(&[ENTRA_JOB]))).expect("it is valid");
        let set = set.entra_job.flatten().expect("it is set");
        assert_eq!(entra_job(&set), job);
        let taken = changes(&v1::Tenant::default(), Some(&mask(&[ENTRA_JOB])));
        assert_eq!(taken.expect("it is valid").entra_job, Some(None));

        let message = asked.settings.as_mut().expect("it is there");
        message.entra_job.as_mut().expect("it is there").job_id = String::new();
        assert!(changes(&asked, Some(&mask(&[ENTRA_JOB]))).is_err());
        assert!(changes(&asked, Some(&mask(&["settings.entra_job.job_id"]))).is_err());
    }

    #[test]
    fn an_unknown_dialect_is_refused() {
        let message = v1::TenantSettings {
            dialect: 99,
            ..v1::TenantSettings::default()
        };
        assert!(settings(&message).is_err());
    }
}
