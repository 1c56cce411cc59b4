//! A tenant's own schemas, from their definition over gRPC to what SCIM and gRPC show.

use prost_types::value::Kind;
use provisioning_proto::{
    admin::v1::{
        CreateExtensionSchemaRequest, DeleteExtensionSchemaRequest, ExtensionSchema,
        ListExtensionSchemasRequest, TenantSettings, UnknownSchemas, UpdateExtensionSchemaRequest,
        UpdateTenantRequest, extension_schema_service_client::ExtensionSchemaServiceClient,
        tenant_service_client::TenantServiceClient,
    },
    v1::{
        Attribute, Dialect, GetAccountRequest, Schema,
        account_service_client::AccountServiceClient, get_account_request::Key,
    },
};
use serde_json::{Value, json};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::{DIALECTS, Panel, ScimClient, on_both_engines, rpc};

const TENANT: &str = "acme";
const URN: &str = "urn:ietf:params:scim:schemas:extension:Acme:2.0:User";
const REQUEST_ID: &str = "6f1c1f0e-5a3c-4d0e-9d5e-0c9a4f3f7b11";

fn attribute(name: &str, kind: &str) -> Attribute {
    Attribute {
        name: name.to_owned(),
        r#type: kind.to_owned(),
        ..Attribute::default()
    }
}

fn extension() -> ExtensionSchema {
    let badge = Attribute {
        case_exact: true,
        mutability: "immutable".to_owned(),
        ..attribute("badge", "string")
    };
    let rooms = Attribute {
        multi_valued: true,
        sub_attributes: vec![attribute("value", "string"), attribute("floor", "integer")],
        ..attribute("rooms", "complex")
    };
    ExtensionSchema {
        schema: Some(Schema {
            id: URN.to_owned(),
            name: "Acme".to_owned(),
            resource_type: "User".to_owned(),
            attributes: vec![
                attribute("costCode", "integer"),
                attribute("isLead", "boolean"),
                badge,
                rooms,
            ],
            ..Schema::default()
        }),
        etag: String::new(),
    }
}

fn create() -> CreateExtensionSchemaRequest {
    CreateExtensionSchemaRequest {
        tenant: TENANT.to_owned(),
        extension_schema: Some(extension()),
        request_id: REQUEST_ID.to_owned(),
        validate_only: false,
    }
}

/// Attributes that are returned in each of the ways there are.
fn with_each_returned(urn: &str, resource_type: &str) -> ExtensionSchema {
    let returned = |name: &str, returned: &str| Attribute {
        returned: returned.to_owned(),
        ..attribute(name, "string")
    };
    let keys = Attribute {
        multi_valued: true,
        sub_attributes: vec![returned("value", ""), returned("code", "request")],
        ..attribute("keys", "complex")
    };
    ExtensionSchema {
        schema: Some(Schema {
            id: urn.to_owned(),
            resource_type: resource_type.to_owned(),
            attributes: vec![
                returned("badge", "always"),
                returned("room", ""),
                returned("note", "request"),
                returned("pin", "never"),
                keys,
            ],
            ..Schema::default()
        }),
        etag: String::new(),
    }
}

/// Goes through the answers that show a resource.
async fn assert_answers(scim: &ScimClient, resource_type: &str, urn: &str, dialect: Dialect) {
    let collection = format!("/{resource_type}s");
    let name = if resource_type == "User" {
        "userName"
    } else {
        "displayName"
    };
    let all = json!({"badge": "B", "room": "R", "note": "N", "pin": "P", "keys": [{"value": "v", "code": "c"}]});
    let plain = json!({"badge": "B", "room": "R", "keys": [{"value": "v"}]});
    let written =
        json!({"badge": "B", "room": "R", "note": "N", "keys": [{"value": "v", "code": "c"}]});
    let resource = json!({name: "a@contoso.com", urn: all});

    let created = scim.post(&collection, &resource).await.expect(201);
    assert_eq!(created.body[urn], written, "what was written is shown");
    let path = format!("{collection}/{}", created.id());
    let replaced = scim.put(&path, &resource).await.expect(200).body;
    assert_eq!(replaced[urn], written);
    let cut = scim
        .put(&format!("{path}?attributes={name}"), &resource)
        .await
        .expect(200)
        .body;
    assert_eq!(cut[urn], json!({"badge": "B"}));
    let without = scim.put(&path, &json!({name: "a@contoso.com", urn: {"badge": "B", "room": "R", "keys": [{"value": "v"}]}})).await.expect(200).body;
    assert_eq!(without[urn], plain);
    scim.put(&path, &resource).await.expect(200);

    let patched = |query: &'static str, operation: Value| {
        let path = format!("{path}{query}");
        async move { scim.patch(&path, &patch(&json!([operation]))).await }
    };
    let room = json!({"op": "replace", "path": format!("{urn}:room"), "value": "R"});
    let note = json!({"op": "replace", "path": format!("{urn}:note"), "value": "N"});
    assert_eq!(
        patched("?attributes=meta", note.clone())
            .await
            .expect(200)
            .body[urn],
        json!({"badge": "B"})
    );
    assert_eq!(
        patched("?excludedAttributes=meta", room.clone())
            .await
            .body
            .get(urn),
        (dialect == Dialect::Rfc && resource_type == "User").then_some(&plain)
    );
    if dialect == Dialect::Rfc && resource_type == "User" {
        assert_eq!(patched("", room).await.expect(200).body[urn], plain);
        let mut expected = plain.clone();
        expected["note"] = json!("N");
        assert_eq!(patched("", note).await.expect(200).body[urn], expected);
    }

    let queries = [
        (String::new(), plain.clone()),
        (format!("excludedAttributes={urn}"), json!({"badge": "B"})),
        (format!("attributes={name}"), json!({"badge": "B"})),
        (
            format!("attributes={urn}:note"),
            json!({"badge": "B", "note": "N"}),
        ),
        (
            format!("attributes={urn}:keys"),
            json!({"badge": "B", "keys": [{"value": "v"}]}),
        ),
        (
            format!("attributes={urn}:keys.code"),
            json!({"badge": "B", "keys": [{"code": "c"}]}),
        ),
        (format!("attributes={urn}:pin"), json!({"badge": "B"})),
    ];
    for (query, expected) in queries {
        let one = scim.get(&format!("{path}?{query}")).await.expect(200).body;
        assert_eq!(one[urn], expected, "{query}");
        let filter = format!("{urn}:note+eq+%22n%22");
        for place in [collection.as_str(), ""] {
            let listed = scim
                .get(&format!("{place}?filter={filter}&{query}"))
                .await
                .expect(200)
                .body;
            assert_eq!(listed["Resources"][0][urn], expected, "{place} {query}");
        }
        let mut search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": format!("{urn}:note eq \"n\"")});
        if let Some((parameter, value)) = query.split_once('=') {
            search[parameter] = json!([value]);
        }
        for place in [format!("{collection}/.search"), "/.search".to_owned()] {
            let found = scim.post(&place, &search).await.expect(200).body;
            assert_eq!(found["Resources"][0][urn], expected, "{place} {query}");
        }
    }
}

fn patch(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

on_both_engines! {
    async fn a_tenants_schema_is_enforced_found_by_and_published(service: Service) {
        let panel = Panel::of(&service).await;
        let scim = panel.tenant(TENANT).await.scim;
        let old = scim.create_id(&json!({"userName": "old@contoso.com", URN: {"costCode": 7, "badge": "b"}})).await;
        let admin = service.caller(&["provisioning.admin"], Some(TENANT)).await;
        let mut schemas = ExtensionSchemaServiceClient::new(admin);
        let made = schemas.create_extension_schema(create()).await.expect("it is defined").into_inner();
        let again = schemas.create_extension_schema(create()).await.expect("it is answered again").into_inner();
        assert_eq!(again, made);

        let published = scim.get(&format!("/Schemas/{URN}")).await.expect(200).body;
        assert_eq!(published["attributes"][0]["type"], "integer");
        assert_eq!(published["attributes"][3]["subAttributes"][1]["name"], "floor");
        let types = scim.get("/ResourceTypes/User").await.expect(200).body;
        assert!(types["schemaExtensions"].to_string().contains(URN));

        let alice = scim.create(&json!({"userName": "alice@contoso.com", URN: {"COSTCODE": "42", "isLead": "True", "badge": "B", "rooms": [{"value": "N", "floor": "3"}]}})).await;
        let expected = json!({"costCode": 42, "isLead": true, "badge": "B", "rooms": [{"value": "N", "floor": 3}]});
        assert_eq!(alice[URN], expected);
        let id = alice["id"].as_str().expect("it has one");
        let user = scim.patched(id, &patch(&json!([{"op": "Replace", "path": format!("{URN}:isLead"), "value": "False"}]))).await;
        assert_eq!(user[URN]["isLead"], false);
        let refused = scim.patch(&format!("/Users/{id}"), &patch(&json!([{"op": "replace", "path": format!("{URN}:badge"), "value": "C"}]))).await.expect(400);
        assert_eq!(refused.body["scimType"], "mutability");
        let refused = scim.post("/Users", &json!({"userName": "bob@contoso.com", URN: {"costCode": "x"}})).await.expect(400);
        assert_eq!(refused.body["scimType"], "invalidValue");

        for cost_code in [json!(9_007_199_254_740_993_i64), json!("9007199254740993")] {
            scim.post("/Users", &json!({"userName": "bob@contoso.com", URN: {"costCode": cost_code}})).await.expect(400);
        }

        let found = async |filter: &str| -> Vec<String> {
            let users = scim.find(&format!("{URN}:{filter}")).await;
            users.iter().map(|user| user["userName"].as_str().expect("it has one").to_owned()).collect()
        };
        assert_eq!(found("costCode gt 6").await, ["old@contoso.com", "alice@contoso.com"]);
        let greatest = 9_007_199_254_740_992_i64;
        let bob = scim.create(&json!({"userName": "bob@contoso.com", URN: {"costCode": greatest}})).await;
        assert_eq!(bob[URN]["costCode"], greatest);
        assert_eq!(found(&format!("costCode ge {greatest}")).await, ["bob@contoso.com"]);
        assert!(found(&format!("costCode gt {greatest}")).await.is_empty());
        scim.delete(&format!("/Users/{}", bob["id"].as_str().expect("it has one"))).await.expect(204);
        assert_eq!(found("badge eq \"b\"").await, ["old@contoso.com"], "also what was written before the definition");
        assert_eq!(found("rooms[floor eq 3]").await, ["alice@contoso.com"]);
        let sorted = scim.get(&format!("/Users?sortBy={URN}:costCode&sortOrder=descending")).await.expect(200).body;
        assert_eq!(sorted["Resources"][0]["id"], id);

        let mut accounts = AccountServiceClient::new(service.caller(&["accounts.read"], Some(TENANT)).await);
        let request = GetAccountRequest { tenant: TENANT.to_owned(), key: Some(Key::Id(id.to_owned())) };
        let account = accounts.get_account(request).await.expect("it is there").into_inner().account.expect("it is answered");
        let fields = &account.extensions[URN].fields;
        assert_eq!(fields["costCode"].kind, Some(Kind::NumberValue(42.0)));
        assert_eq!(fields["isLead"].kind, Some(Kind::BoolValue(false)));

        let delete = DeleteExtensionSchemaRequest { tenant: TENANT.to_owned(), urn: URN.to_owned(), ..DeleteExtensionSchemaRequest::default() };
        schemas.delete_extension_schema(delete).await.expect("it is deleted");
        scim.get(&format!("/Schemas/{URN}")).await.expect(404);
        assert_eq!(scim.read(&old).await[URN], json!({"costCode": 7, "badge": "b"}), "values stay");
        assert_eq!(found("badge eq \"b\"").await, ["old@contoso.com", "alice@contoso.com"]);
    }

    async fn a_group_has_what_its_tenant_defines_for_groups(service: Service) {
        let panel = Panel::of(&service).await;
        let scim = panel.tenant(TENANT).await.scim;
        let mut request = create();
        let schema = request.extension_schema.as_mut().and_then(|extension| extension.schema.as_mut()).expect("it is there");
        "Group".clone_into(&mut schema.resource_type);
        let mut schemas = ExtensionSchemaServiceClient::new(service.caller(&["provisioning.admin"], Some(TENANT)).await);
        schemas.create_extension_schema(request).await.expect("it is defined");
        let types = scim.get("/ResourceTypes").await.expect(200).body;
        let extended: Vec<_> = types["Resources"].as_array().expect("it is a list").iter().filter(|kind| kind["schemaExtensions"].to_string().contains(URN)).map(|kind| &kind["name"]).collect();
        assert_eq!(extended, ["Group"]);
        let group = scim.post("/Groups", &json!({"displayName": "Leads", URN: {"costCode": "42", "badge": "B"}})).await.expect(201);
        assert_eq!(group.body[URN], json!({"costCode": 42, "badge": "B"}));
        let refused = scim.patch(&format!("/Groups/{}", group.id()), &patch(&json!([{"op": "replace", "path": format!("{URN}:badge"), "value": "C"}]))).await.expect(400);
        assert_eq!(refused.body["scimType"], "mutability");
        let put = async |extension: Value| scim.put(&format!("/Groups/{}", group.id()), &json!({"displayName": "Leads", URN: extension})).await;
        let refused = put(json!({"costCode": 42, "badge": "C"})).await.expect(400);
        assert_eq!(refused.body["scimType"], "mutability");
        let replaced = put(json!({"costCode": 42})).await.expect(200);
        assert_eq!(replaced.body[URN], json!({"costCode": 42, "badge": "B"}), "what is set once stays");
        let found = scim.get(&format!("/Groups?filter={URN}:costCode+eq+42")).await.expect(200).body;
        assert_eq!(found["totalResults"], 1);
        // For a user the schema is one that nobody defined.
        let alice = scim.create(&json!({"userName": "alice@contoso.com", URN: {"costCode": "42"}})).await;
        assert_eq!(alice[URN], json!({"costCode": "42"}));
    }

    async fn each_answer_shows_what_the_definition_says(service: Service) {
        let panel = Panel::of(&service).await;
        for dialect in DIALECTS {
            let tenant = panel.tenant_in(dialect).await;
            let scim = tenant.scim;
            for resource_type in ["User", "Group"] {
                let urn = format!("urn:ietf:params:scim:schemas:extension:Acme:2.0:{resource_type}");
                let request = CreateExtensionSchemaRequest {
                    tenant: tenant.identifier.clone(),
                    extension_schema: Some(with_each_returned(&urn, resource_type)),
                    ..CreateExtensionSchemaRequest::default()
                };
                let admin = service.caller(&["provisioning.admin"], Some(&tenant.identifier)).await;
                ExtensionSchemaServiceClient::new(admin).create_extension_schema(request).await.expect("it is defined");
                let published = scim.get(&format!("/Schemas/{urn}")).await.expect(200).body;
                let returned = |attribute: &Value| attribute["returned"].as_str().expect("it is published").to_owned();
                let attributes = published["attributes"].as_array().expect("it is a list");
                assert_eq!(attributes.iter().map(returned).collect::<Vec<_>>(), ["always", "default", "request", "never", "default"]);
                assert_eq!(returned(&attributes[4]["subAttributes"][1]), "request");
                assert_answers(&scim, resource_type, &urn, dialect).await;
            }
        }
    }

    async fn a_definition_is_told_what_to_mend(service: Service) {
        let panel = Panel::of(&service).await;
        panel.tenant(TENANT).await;
        let mut schemas = ExtensionSchemaServiceClient::new(service.caller(&["provisioning.admin"], Some(TENANT)).await);
        let mut request = create();
        let schema = request.extension_schema.as_mut().and_then(|extension| extension.schema.as_mut()).expect("it is there");
        "acme".clone_into(&mut schema.id);
        "number".clone_into(&mut schema.attributes[0].r#type);
        let status = schemas.create_extension_schema(request).await.expect_err("it is refused");
        assert_eq!((status.code(), rpc::reason(&status)), (Code::InvalidArgument, "INVALID_REQUEST".to_owned()));
        let details = status.get_error_details();
        let fields: Vec<_> = details.bad_request().expect("it names them").field_violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["extension_schema.schema.id", "extension_schema.schema.attributes[0].type"]);

        schemas.create_extension_schema(create()).await.expect("it is defined");
        let stale = ExtensionSchema { etag: "\"99\"".to_owned(), ..extension() };
        let request = UpdateExtensionSchemaRequest { tenant: TENANT.to_owned(), extension_schema: Some(stale), ..UpdateExtensionSchemaRequest::default() };
        let status = schemas.update_extension_schema(request).await.expect_err("it has changed");
        assert_eq!(rpc::reason(&status), "ETAG_MISMATCH");
        let request = ListExtensionSchemasRequest { tenant: TENANT.to_owned(), ..ListExtensionSchemasRequest::default() };
        let listed = schemas.list_extension_schemas(request).await.expect("they are listed").into_inner();
        assert_eq!(listed.extension_schemas.len(), 1);
        assert!(listed.extension_schemas[0].schema.as_ref().is_some_and(|schema| schema.extension));
        let told: Vec<_> = panel.log(TENANT, "resourceType eq \"Schema\"").await.into_iter().map(|entry| (entry.operation, entry.reason)).collect();
        assert_eq!(told.len(), 3, "{told:?}");
    }

    async fn unknown_schemas_are_never_an_error(service: Service) {
        let panel = Panel::of(&service).await;
        let scim = panel.tenant(TENANT).await.scim;
        let user = json!({"userName": "alice@contoso.com", "urn:x:Unknown:2.0:User": {"a": "1"}});
        assert_eq!(scim.create(&user).await["urn:x:Unknown:2.0:User"], json!({"a": "1"}));
        let tenant = provisioning_proto::admin::v1::Tenant {
            identifier: TENANT.to_owned(),
            settings: Some(TenantSettings { unknown_schemas: UnknownSchemas::Ignore.into(), ..TenantSettings::default() }),
            ..Default::default()
        };
        let request = UpdateTenantRequest { tenant: Some(tenant), ..UpdateTenantRequest::default() };
        TenantServiceClient::new(panel.admin.clone()).update_tenant(request).await.expect("it is changed");
        let bob = scim.create(&json!({"userName": "bob@contoso.com", "urn:x:Unknown:2.0:User": {"a": "1"}})).await;
        assert_eq!(bob.get("urn:x:Unknown:2.0:User"), None);
        let id = bob["id"].as_str().expect("it has one");
        let patched = scim.patched(id, &patch(&json!([{"op": "Add", "path": "urn:x:Unknown:2.0:User:a", "value": "2"}, {"op": "Replace", "path": "title", "value": "T"}]))).await;
        assert_eq!((patched.get("urn:x:Unknown:2.0:User"), &patched["title"]), (None, &json!("T")));
        let entries = panel.log(TENANT, "userName eq \"bob@contoso.com\"").await;
        assert!(entries.iter().all(|entry| entry.detail.contains("urn:x:Unknown:2.0:User")), "{entries:?}");
    }
}
