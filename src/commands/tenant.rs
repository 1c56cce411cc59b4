//! `provisiond tenant`: the tenants of a running service.

use std::time::Duration;

use clap::ArgGroup;
use provisioning_proto::admin::v1::{
    CreateTenantRequest, DeprovisionGuard, DisableProvisioningRequest, EnableProvisioningRequest,
    EntraJob, ListTenantsRequest, Tenant, TenantSettings, UpdateTenantRequest,
    tenant_service_client::TenantServiceClient,
};
use serde_json::{Value, json};

use super::{guard, jwt::parse_duration};
use crate::{
    client::{Connection, Session, explain},
    output::{self, Column, short_time, shown, time},
};

/// The most a page may have.
const PAGE_SIZE: i32 = 200;

/// What to do.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Creates a tenant, provisioning enabled
    Create {
        /// Its Subscriber Identifier: 1 to 63 of a-z, 0-9 and -
        identifier: String,
        /// For people [default: the identifier]
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// Leaves provisioning disabled
        #[arg(long)]
        disabled: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Lists every tenant
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Sets the limits of the deprovision guard, and where the provisioning job is in Microsoft Entra
    Update {
        /// The tenant's Subscriber Identifier
        identifier: String,
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        common: Common,
    },
    /// Switches provisioning on
    Enable {
        /// The tenant's Subscriber Identifier
        identifier: String,
        #[command(flatten)]
        common: Common,
    },
    /// Switches provisioning off: SCIM requests are answered 403, nothing is lost
    Disable {
        /// The tenant's Subscriber Identifier
        identifier: String,
        #[command(flatten)]
        common: Common,
    },
}

/// The settings to change; at least one.
#[derive(clap::Args)]
#[group(skip)]
#[command(
    group(ArgGroup::new("limits").args(["max_count", "max_percent"]).multiple(true)),
    group(ArgGroup::new("settings").args(["max_count", "max_percent", "window", "off", "entra_job", "no_entra_job"]).required(true).multiple(true)),
)]
pub struct Settings {
    /// The deprovision guard lets pass at most so many within a window
    #[arg(long = "guard-max-count", value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..=100_000))]
    max_count: Option<i32>,
    /// At most this share of the managed and active accounts within a window
    #[arg(long = "guard-max-percent", value_name = "PERCENT", value_parser = clap::value_parser!(i32).range(1..=100))]
    max_percent: Option<i32>,
    /// How long the window of these limits is, 1m to 7d, for example 30m [default: 1h]
    #[arg(long = "guard-window", value_name = "TIME", value_parser = parse_duration, requires = "limits")]
    window: Option<Duration>,
    /// Lets all pass
    #[arg(long = "guard-off", conflicts_with_all = ["limits", "window"])]
    off: bool,
    /// Where the tenant's provisioning job is in Microsoft Entra, so that remedies name it: the Object ID of the enterprise application, and the job's id
    #[arg(long, num_args = 2, value_names = ["SERVICE_PRINCIPAL_ID", "JOB_ID"])]
    entra_job: Option<Vec<String>>,
    /// Forgets where it is
    #[arg(long, conflicts_with = "entra_job")]
    no_entra_job: bool,
}

/// What every subcommand takes.
#[derive(clap::Args)]
pub struct Common {
    /// Prints JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Does it.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create {
            identifier,
            display_name,
            disabled,
            common,
        } => {
            let mut client = TenantServiceClient::new(common.connection.open().await?);
            let tenant = create(&mut client, &identifier, display_name.as_deref(), disabled)
                .await
                .map_err(|status| explain(&status))?;
            print_one(&tenant, common.json)
        }
        Command::List { common } => {
            let mut client = TenantServiceClient::new(common.connection.open().await?);
            print_all(&list(&mut client).await?, common.json)
        }
        Command::Update {
            identifier,
            settings,
            common,
        } => {
            let mut client = TenantServiceClient::new(common.connection.open().await?);
            let response = client
                .update_tenant(settings.request(identifier)?)
                .await
                .map_err(|status| explain(&status))?;
            print_one(
                &response.into_inner().tenant.unwrap_or_default(),
                common.json,
            )
        }
        Command::Enable { identifier, common } => {
            let mut client = TenantServiceClient::new(common.connection.open().await?);
            let request = EnableProvisioningRequest {
                tenant: identifier,
                ..EnableProvisioningRequest::default()
            };
            let response = client
                .enable_provisioning(request)
                .await
                .map_err(|status| explain(&status))?;
            print_one(
                &response.into_inner().tenant.unwrap_or_default(),
                common.json,
            )
        }
        Command::Disable { identifier, common } => {
            let mut client = TenantServiceClient::new(common.connection.open().await?);
            let request = DisableProvisioningRequest {
                tenant: identifier,
                ..DisableProvisioningRequest::default()
            };
            let response = client
                .disable_provisioning(request)
                .await
                .map_err(|status| explain(&status))?;
            print_one(
                &response.into_inner().tenant.unwrap_or_default(),
                common.json,
            )
        }
    }
}

impl Settings {
    /// All limits of the guard together: what is not said is no limit.
    fn request(self, identifier: String) -> anyhow::Result<UpdateTenantRequest> {
        let limited = self.max_count.is_some() || self.max_percent.is_some();
        let guard = DeprovisionGuard {
            window: self.window.map(TryInto::try_into).transpose()?,
            max_count: self.max_count,
            max_percent: self.max_percent,
        };
        let job = self.entra_job.map(|ids| {
            let mut ids = ids.into_iter();
            EntraJob {
                service_principal_id: ids.next().unwrap_or_default(),
                job_id: ids.next().unwrap_or_default(),
            }
        });
        let paths = [
            ("settings.deprovision_guard", limited || self.off),
            ("settings.entra_job", job.is_some() || self.no_entra_job),
        ];
        let settings = TenantSettings {
            deprovision_guard: limited.then_some(guard),
            entra_job: job,
            ..TenantSettings::default()
        };
        let changed = paths.into_iter().filter(|(_, is_changed)| *is_changed);
        Ok(UpdateTenantRequest {
            tenant: Some(Tenant {
                identifier,
                settings: Some(settings),
                ..Tenant::default()
            }),
            update_mask: Some(prost_types::FieldMask {
                paths: changed.map(|(path, _)| path.to_owned()).collect(),
            }),
            ..UpdateTenantRequest::default()
        })
    }
}

/// Creates a tenant.
pub async fn create(
    client: &mut TenantServiceClient<Session>,
    identifier: &str,
    display_name: Option<&str>,
    disabled: bool,
) -> Result<Tenant, tonic::Status> {
    let tenant = Tenant {
        identifier: identifier.to_owned(),
        display_name: display_name.unwrap_or(identifier).to_owned(),
        ..Tenant::default()
    };
    let request = CreateTenantRequest {
        tenant: Some(tenant),
        provisioning_disabled: disabled,
        ..CreateTenantRequest::default()
    };
    Ok(client
        .create_tenant(request)
        .await?
        .into_inner()
        .tenant
        .unwrap_or_default())
}

async fn list(client: &mut TenantServiceClient<Session>) -> anyhow::Result<Vec<Tenant>> {
    let mut tenants = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListTenantsRequest {
            page_size: PAGE_SIZE,
            page_token,
        };
        let page = client
            .list_tenants(request)
            .await
            .map_err(|status| explain(&status))?
            .into_inner();
        tenants.extend(page.tenants);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(tenants);
        }
    }
}

fn print_one(tenant: &Tenant, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        output::line(to_json(tenant))?;
    } else {
        output::line(format_args!(
            "tenant {}: provisioning {}{}{}",
            tenant.identifier,
            state(tenant),
            guarded(tenant),
            at_job(tenant)
        ))?;
    }
    Ok(())
}

fn print_all(tenants: &[Tenant], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        output::line(Value::from(tenants.iter().map(to_json).collect::<Vec<_>>()))?;
        return Ok(());
    }
    let columns = [
        Column::Fixed("identifier"),
        Column::Text("name"),
        Column::Fixed("provisioning"),
        Column::Fixed("created"),
    ];
    let row = |tenant: &Tenant| {
        vec![
            tenant.identifier.clone(),
            shown(&tenant.display_name),
            state(tenant).to_owned(),
            short_time(tenant.create_time.as_ref()),
        ]
    };
    let rows: Vec<_> = tenants.iter().map(row).collect();
    output::line(output::table(&columns, &rows))?;
    Ok(())
}

fn to_json(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id,
        "identifier": tenant.identifier,
        "display_name": tenant.display_name,
        "provisioning_enabled": tenant.provisioning_enabled,
        "deprovision_guard": limits(tenant).map(guard::limits_to_json),
        "entra_job": job(tenant).map(|job| json!({
            "service_principal_id": job.service_principal_id,
            "job_id": job.job_id,
        })),
        "create_time": time(tenant.create_time.as_ref()),
    })
}

fn limits(tenant: &Tenant) -> Option<&DeprovisionGuard> {
    tenant.settings.as_ref()?.deprovision_guard.as_ref()
}

/// Nothing where the guard is off.
fn guarded(tenant: &Tenant) -> String {
    limits(tenant)
        .map(|limits| format!(", deprovision guard: {}", guard::limits_to_text(limits)))
        .unwrap_or_default()
}

fn job(tenant: &Tenant) -> Option<&EntraJob> {
    tenant.settings.as_ref()?.entra_job.as_ref()
}

/// Nothing where it is not known.
fn at_job(tenant: &Tenant) -> String {
    job(tenant)
        .map(|job| format!(", job in Microsoft Entra: {}", shown(&job.job_id)))
        .unwrap_or_default()
}

const fn state(tenant: &Tenant) -> &'static str {
    if tenant.provisioning_enabled {
        "enabled"
    } else {
        "disabled"
    }
}
