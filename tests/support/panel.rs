//! What the admin panel's back end does for a test: tenants and tokens over gRPC, and the provisioning log.

use provisioning_proto::admin::v1::{
    CreateTenantRequest, GenerateTokenRequest, ListLogEntriesRequest, LogEntry,
    Tenant as TenantMessage, TenantSettings, log_service_client::LogServiceClient,
    tenant_service_client::TenantServiceClient, token_service_client::TokenServiceClient,
};
use provisioning_proto::v1::Dialect;

use super::{Admin, ScimClient, Service, Tenant};

/// Calls as the operator.
#[derive(Clone)]
pub struct Panel {
    /// For the generated clients.
    pub admin: Admin,
}

impl Panel {
    /// Of a running service.
    pub async fn of(service: &Service) -> Self {
        Self {
            admin: service.operator().await,
        }
    }

    /// Makes a tenant with its token: much quicker than the command line, for tests that need many.
    pub async fn tenant(&self, identifier: &str) -> Tenant {
        self.tenant_with(identifier, TenantSettings::default())
            .await
    }

    /// Makes a tenant of a dialect, with its token.
    pub async fn tenant_in(&self, dialect: Dialect) -> Tenant {
        let settings = TenantSettings {
            dialect: dialect.into(),
            ..TenantSettings::default()
        };
        let identifier = match dialect {
            Dialect::Unspecified => "preset",
            Dialect::Entra => "entra",
            Dialect::Rfc => "rfc",
        };
        self.tenant_with(identifier, settings).await
    }

    /// Makes a tenant with its token.
    pub async fn tenant_with(&self, identifier: &str, settings: TenantSettings) -> Tenant {
        let tenant = TenantMessage {
            identifier: identifier.to_owned(),
            display_name: identifier.to_owned(),
            settings: Some(settings),
            ..TenantMessage::default()
        };
        let request = CreateTenantRequest {
            tenant: Some(tenant),
            ..CreateTenantRequest::default()
        };
        TenantServiceClient::new(self.admin.clone())
            .create_tenant(request)
            .await
            .expect("the tenant is made");
        let request = GenerateTokenRequest {
            tenant: identifier.to_owned(),
            ..GenerateTokenRequest::default()
        };
        let made = TokenServiceClient::new(self.admin.clone())
            .generate_token(request)
            .await
            .expect("the token is made")
            .into_inner();
        let token = made.token.expect("it is told");
        Tenant {
            identifier: identifier.to_owned(),
            scim: ScimClient::new(made.endpoint.clone(), Some(made.secret_token.clone())),
            endpoint: made.endpoint,
            token: made.secret_token,
            token_id: token.id,
            mask: token.mask,
        }
    }

    /// Every log entry that a filter selects, newest first.
    pub async fn log(&self, tenant: &str, filter: &str) -> Vec<LogEntry> {
        let mut client = LogServiceClient::new(self.admin.clone());
        let mut entries = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListLogEntriesRequest {
                tenant: tenant.to_owned(),
                filter: filter.to_owned(),
                page_size: 200,
                page_token,
            };
            let page = client
                .list_log_entries(request)
                .await
                .expect("the log is read")
                .into_inner();
            entries.extend(page.log_entries);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return entries;
            }
        }
    }
}
