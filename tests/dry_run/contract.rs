//! Every mutation of the contract as a dry run, on the whole database.

use prost_reflect::{
    DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, ReflectMessage as _, Value as Field,
    prost::Message as _,
};
use provisioning_proto::v1::{
    Account, CreateAccountRequest, CreateGroupRequest, DeleteAccountRequest, Group,
    account_service_client::AccountServiceClient, group_service_client::GroupServiceClient,
};
use provisioning_proto::{
    admin::v1::{
        CreateExtensionSchemaRequest, CreateTenantRequest, ExtensionSchema, Tenant,
        extension_schema_service_client::ExtensionSchemaServiceClient,
        tenant_service_client::TenantServiceClient,
    },
    v1::{Attribute, Schema},
};
use tonic::{Code, Status};

use crate::support::{Admin, Panel, on_both_engines, rpc};

const URN: &str = "urn:example:provisioning:2.0:User";

/// The RPCs that read only. Every other must be able to run dry.
const READS: [&str; 27] = [
    "GetAccount",
    "BatchGetAccounts",
    "ListAccounts",
    "GetGroup",
    "BatchGetGroups",
    "ListGroups",
    "ListGroupMembers",
    "ListResources",
    "ListSchemas",
    "Authenticate",
    "GetTenant",
    "ListTenants",
    "GetScimConnection",
    "ListTokens",
    "GetExtensionSchema",
    "ListExtensionSchemas",
    "ListLogEntries",
    "GetLogEntry",
    "ListLinkHistory",
    "ListFindings",
    "GetFinding",
    "DiagnoseAccount",
    "ListDeletedAccounts",
    "GetDeprovisionGuard",
    "ListDeprovisionBatches",
    "ListDeprovisionBatchItems",
    // It plays on a copy.
    "RunReadinessCheck",
];

fn mutations() -> Vec<MethodDescriptor> {
    let mut methods = rpc::contract();
    methods.retain(|method| !READS.contains(&method.name()));
    methods
}

/// Where a request says `validate_only`: in itself, or in the options of a stream.
fn dry_field(method: &MethodDescriptor) -> Option<MessageDescriptor> {
    let input = method.input();
    let has = |message: &MessageDescriptor| message.get_field_by_name("validate_only").is_some();
    if has(&input) {
        return Some(input);
    }
    let options = input.get_field_by_name("options")?;
    options
        .kind()
        .as_message()
        .filter(|options| has(options))
        .cloned()
}

#[test]
fn every_rpc_that_is_no_read_can_run_dry() {
    let without: Vec<String> = mutations()
        .iter()
        .filter(|method| dry_field(method).is_none())
        .map(rpc::name)
        .collect();
    assert_eq!(without, Vec::<String>::new());
}

/// A line that is done already is found done.
const REPEATED_WITHOUT_HARM: [&str; 1] = ["BulkLinkObjectIds"];

#[test]
fn every_rpc_that_is_no_read_can_be_repeated() {
    let without: Vec<String> = mutations()
        .iter()
        .filter(|method| !REPEATED_WITHOUT_HARM.contains(&method.name()))
        .filter(|method| method.input().get_field_by_name("request_id").is_none())
        .map(rpc::name)
        .collect();
    assert_eq!(without, Vec::<String>::new());
}

/// The tenant's accounts and group that requests are about.
struct World {
    account: String,
    deleted: String,
    group: String,
}

/// A tenant without a token and with a schema of its own.
async fn make_tenant(admin: &Admin) {
    let mut tenants = TenantServiceClient::new(admin.clone());
    let tenant = Tenant {
        identifier: "acme".to_owned(),
        ..Tenant::default()
    };
    let request = CreateTenantRequest {
        tenant: Some(tenant),
        ..CreateTenantRequest::default()
    };
    tenants.create_tenant(request).await.expect("it is made");
    let mut schemas = ExtensionSchemaServiceClient::new(admin.clone());
    let request = CreateExtensionSchemaRequest {
        tenant: "acme".to_owned(),
        extension_schema: Some(ExtensionSchema {
            schema: Some(schema(URN)),
            etag: String::new(),
        }),
        ..CreateExtensionSchemaRequest::default()
    };
    schemas
        .create_extension_schema(request)
        .await
        .expect("it is defined");
}

/// An account, one that was deleted, and a group. No SCIM token is used: when one was used last is written when it suits the service.
async fn fill(writer: &Admin) -> World {
    let mut accounts = AccountServiceClient::new(writer.clone());
    let mut ids = Vec::new();
    for name in ["alice@contoso.com", "bob@contoso.com"] {
        let request = CreateAccountRequest {
            tenant: "acme".to_owned(),
            account: Some(Account {
                user_name: name.to_owned(),
                object_id: Some(format!("0a21f0f2-8d2a-4f8e-bf98-7363c4aed4e{}", ids.len())),
                ..Account::default()
            }),
            ..CreateAccountRequest::default()
        };
        let made = accounts.create_account(request).await.expect("it is made");
        ids.push(made.into_inner().account.expect("it is shown").id);
    }
    let [account_id, deleted_id] = ids.try_into().expect("two were made");
    let request = DeleteAccountRequest {
        tenant: "acme".to_owned(),
        id: deleted_id.clone(),
        ..DeleteAccountRequest::default()
    };
    accounts
        .delete_account(request)
        .await
        .expect("it is deleted");
    let request = CreateGroupRequest {
        tenant: "acme".to_owned(),
        group: Some(Group {
            display_name: "Engineering".to_owned(),
            ..Group::default()
        }),
        ..CreateGroupRequest::default()
    };
    let made = GroupServiceClient::new(writer.clone())
        .create_group(request)
        .await
        .expect("it is made");
    World {
        account: account_id,
        deleted: deleted_id,
        group: made.into_inner().group.expect("it is shown").id,
    }
}

fn schema(urn: &str) -> Schema {
    Schema {
        id: urn.to_owned(),
        name: "Example".to_owned(),
        resource_type: "User".to_owned(),
        attributes: vec![Attribute {
            name: "badge".to_owned(),
            r#type: "string".to_owned(),
            ..Attribute::default()
        }],
        ..Schema::default()
    }
}

/// Sets what has this name; what a message does not have is passed over.
/// What is sent of a request.
fn encoded(request: &DynamicMessage) -> Vec<Vec<u8>> {
    vec![request.encode_to_vec()]
}

fn set(message: &mut DynamicMessage, field: &str, value: Field) {
    if message.descriptor().get_field_by_name(field).is_some() {
        message.set_field_by_name(field, value);
    }
}

fn text(value: &str) -> Field {
    Field::String(value.to_owned())
}

/// A request that would do something, as a dry run. With `wrong` it is about what is not there.
#[expect(
    clippy::too_many_lines,
    reason = "one field of the contract after the other"
)]
fn request(method: &MethodDescriptor, world: &World, wrong: bool) -> DynamicMessage {
    const NOBODY: &str = "0190c0de-0000-7000-8000-000000000000";
    let dry = dry_field(method).expect("another test has seen it");
    let mut message = DynamicMessage::new(dry.clone());
    set(&mut message, "validate_only", Field::Bool(true));
    set(&mut message, "reason", text("to see what it would do"));
    set(
        &mut message,
        "object_id",
        text("663fa3a8-e2b6-4ac0-96c8-363432cdc01d"),
    );
    let is_about_deleted = ["RestoreAccount", "PurgeAccount"].contains(&method.name());
    let account_id = match (wrong, is_about_deleted) {
        (true, _) => NOBODY,
        (false, true) => &world.deleted,
        (false, false) => &world.account,
    };
    set(&mut message, "account_id", text(account_id));
    let is_about_group = method.parent_service().name() == "GroupService";
    let id = match (wrong, is_about_group) {
        (true, _) => NOBODY,
        (false, true) => &world.group,
        (false, false) => &world.account,
    };
    set(&mut message, "id", text(id));
    for field in ["finding_id", "batch_id", "link_step_id"] {
        set(&mut message, field, text(NOBODY));
    }
    set(
        &mut message,
        "token_id",
        text(if wrong { "0123456789ab" } else { "" }),
    );
    set(
        &mut message,
        "urn",
        text(if wrong { "urn:example:none" } else { URN }),
    );
    set(&mut message, "operation", text("POST /Users"));
    set(&mut message, "http_status", Field::I32(400));
    for field in dry.fields() {
        let Kind::Message(inner) = field.kind() else {
            if field.name() == "tenant" {
                message.set_field(&field, text("acme"));
            }
            continue;
        };
        let value = match field.name() {
            "tenant" => {
                let is_new = method.name() == "CreateTenant" && !wrong;
                let mut tenant = DynamicMessage::new(inner);
                set(
                    &mut tenant,
                    "identifier",
                    text(if is_new { "other" } else { "acme" }),
                );
                set(&mut tenant, "display_name", text("Another name"));
                if wrong {
                    set(&mut tenant, "etag", text("\"99\""));
                }
                Field::Message(tenant)
            }
            "account" => {
                let mut account = DynamicMessage::new(inner);
                let name = if wrong { "" } else { "carol@contoso.com" };
                set(&mut account, "user_name", text(name));
                Field::Message(account)
            }
            "group" => {
                let mut group = DynamicMessage::new(inner);
                set(
                    &mut group,
                    "display_name",
                    text(if wrong { "" } else { "Sales" }),
                );
                Field::Message(group)
            }
            "operations" => {
                let mut operation = DynamicMessage::new(inner);
                set(&mut operation, "op", Field::EnumNumber(3));
                set(&mut operation, "path", text("externalId"));
                Field::List(vec![Field::Message(operation)])
            }
            "extension_schema" => {
                let is_new = method.name() == "CreateExtensionSchema" && !wrong;
                let urn = match (is_new, wrong) {
                    (true, _) => "urn:example:another:2.0:User",
                    (false, true) => "urn:example:none",
                    (false, false) => URN,
                };
                let mut own = DynamicMessage::new(inner);
                let mut definition = schema(urn);
                "Another name".clone_into(&mut definition.name);
                if wrong {
                    definition.attributes.clear();
                }
                let kind = own
                    .descriptor()
                    .get_field_by_name("schema")
                    .expect("it has one");
                let kind = kind.kind().as_message().expect("a message").clone();
                let schema = DynamicMessage::decode(kind, definition.encode_to_vec().as_slice())
                    .expect("it is the same message");
                set(&mut own, "schema", Field::Message(schema));
                Field::Message(own)
            }
            _ => continue,
        };
        message.set_field(&field, value);
    }
    if dry == method.input() {
        return message;
    }
    let mut first = DynamicMessage::new(method.input());
    set(&mut first, "options", Field::Message(message));
    first
}

fn is_unknown(status: &Status) -> bool {
    status.code() == Code::Unimplemented
}

on_both_engines! {
    async fn no_dry_run_leaves_a_trace_whatever_comes_of_it(service: Service) {
        let panel = Panel::of(&service).await;
        let writer = service.caller(&["accounts.write"], Some("acme")).await;
        make_tenant(&panel.admin).await;
        let world = fill(&writer).await;
        let operator = format!("Bearer {}", service.jwt(&["platform.operator"], None).await);
        let (channel, before) = (service.channel(), service.dump(&[]).await);
        let (mut done, mut refused, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for method in mutations() {
            let name = rpc::name(&method);
            // As the SCIM token would do it, where one is asked for.
            let metadata = [("authorization", operator.as_str()), ("x-scim-dry-run", "1")];
            let is_scim = name.starts_with("dragonce.provisioning.v1.");
            let metadata = if is_scim { &metadata[..] } else { &metadata[..1] };
            for wrong in [false, true] {
                match rpc::send(&channel, &name, encoded(&request(&method, &world, wrong)), metadata).await {
                    Ok(_) => done.push((name.clone(), wrong)),
                    Err(status) if is_unknown(&status) => unknown.push(name.clone()),
                    Err(status) => {
                        refused.push((name.clone(), wrong));
                        let reason = rpc::reason(&status);
                        assert!(!["INTERNAL", "UNAVAILABLE", "INSUFFICIENT_SCOPE", "INVALID_CREDENTIAL"].contains(&&*reason), "{name}: {status:?}");
                    }
                }
                assert_eq!(service.dump(&[]).await, before, "{name} has left something, wrong: {wrong}");
            }
        }
        assert_eq!(unknown, Vec::<String>::new());
        assert!(done.len() > 20 && refused.len() > 10, "the test knows how to ask: {done:?}, {refused:?}");
        for method in ["CreateAccount", "ReplaceAccount", "PatchAccount", "DeleteAccount", "CreateGroup", "ReplaceGroup", "PatchGroup", "DeleteGroup",
            "GenerateToken", "CreateTenant", "UpdateTenant", "EnableProvisioning", "DisableProvisioning", "RevokeToken", "CreateExtensionSchema",
            "UpdateExtensionSchema", "DeleteExtensionSchema", "HoldAccount", "ReleaseAccount", "ProtectAccount", "UnprotectAccount", "RestoreAccount",
            "PurgeAccount", "LinkObjectId", "UnlinkObjectId"]
        {
            assert!(done.iter().any(|(name, wrong)| name.ends_with(&format!("/{method}")) && !wrong), "{method} was refused");
        }
    }

    async fn who_only_asks_with_a_scim_token_is_in_the_log_all_the_same(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant("acme").await;
        let request = CreateAccountRequest {
            tenant: "acme".to_owned(),
            account: Some(Account { title: Some("without a login".to_owned()), ..Account::default() }),
            validate_only: true,
            ..CreateAccountRequest::default()
        };
        let mut request = tonic::Request::new(request);
        let bearer = format!("Bearer {}", tenant.token).parse().expect("it is a header's text");
        request.metadata_mut().insert("authorization", bearer);
        AccountServiceClient::new(service.channel()).create_account(request).await.expect_err("there is no login");
        let entries = panel.log("acme", "outcome eq \"failure\" and actor eq \"scim\"").await;
        assert_eq!(entries.len(), 1, "nobody tries a token unseen: {entries:?}");
    }

    async fn whoever_may_only_ask_cannot_have_anything_done(service: Service) {
        let panel = Panel::of(&service).await;
        let writer = service.caller(&["accounts.write"], Some("acme")).await;
        make_tenant(&panel.admin).await;
        let world = fill(&writer).await;
        let channel = service.channel();
        let jwts = [
            service.jwt(&["platform.operator"], None).await,
            service.jwt(&["provisioning.admin"], Some("acme")).await,
            service.jwt(&["accounts.write"], Some("acme")).await,
        ];
        // That they asked for too much is in the log.
        let before = service.dump(&["log_entries"]).await;
        for method in mutations() {
            let mut message = request(&method, &world, false);
            set(&mut message, "validate_only", Field::Bool(false));
            for jwt in &jwts {
                let authorization = format!("Bearer {jwt}");
                let metadata = [("authorization", authorization.as_str()), ("x-scim-dry-run", "1")];
                let refused = rpc::send(&channel, &rpc::name(&method), encoded(&message), &metadata).await;
                let status = refused.expect_err("it asks for more than a dry run");
                assert_eq!(rpc::reason(&status), "INSUFFICIENT_SCOPE", "{}: {status:?}", rpc::name(&method));
            }
        }
        assert_eq!(service.dump(&["log_entries"]).await, before);
    }
}
