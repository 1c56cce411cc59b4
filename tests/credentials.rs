//! Every RPC of the contract against every kind of credential: what is not enough changes nothing.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use provisioning_proto::admin::v1::{
    GetTenantRequest, ListTenantsRequest, ListTokensRequest,
    tenant_service_client::TenantServiceClient, token_service_client::TokenServiceClient,
};
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{
    Engine, Panel, Service, Tenant,
    bodies::{unknown_token, user},
    on_both_engines, rpc,
};

/// Who may call an RPC, as the issue says; the program's own table is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// A SCIM token and nothing else.
    Scim,
    /// A SCIM token, or a JWT that may read accounts.
    Read,
    /// A SCIM token, or a JWT that may write accounts.
    Write,
    /// A JWT of the tenant's admin.
    Admin,
    /// A JWT of the operator.
    Operator,
}

/// A new RPC must be put here before the tests pass again.
fn needs(rpc: &str) -> Needs {
    let (service, method) = rpc.rsplit_once('/').expect("a service and a method");
    let service = service.rsplit('.').next().unwrap_or_default();
    match (service, method) {
        ("FacadeService", "Authenticate" | "ReportRejectedRequest") => Needs::Scim,
        ("AccountService", "GetAccount" | "BatchGetAccounts" | "ListAccounts")
        | ("GroupService", "GetGroup" | "BatchGetGroups" | "ListGroups" | "ListGroupMembers")
        | ("ResourceService", "ListResources")
        | ("SchemaService", "ListSchemas") => Needs::Read,
        (
            "AccountService",
            "CreateAccount" | "ReplaceAccount" | "PatchAccount" | "DeleteAccount",
        )
        | ("GroupService", "CreateGroup" | "ReplaceGroup" | "PatchGroup" | "DeleteGroup") => {
            Needs::Write
        }
        (
            "TokenService",
            "GetScimConnection" | "GenerateToken" | "RegenerateToken" | "RevokeToken"
            | "ListTokens",
        )
        | (
            "LinkService",
            "LinkObjectId" | "UnlinkObjectId" | "BulkLinkObjectIds" | "ListLinkHistory"
            | "RevertLinkStep" | "ListFindings" | "GetFinding" | "DismissFinding"
            | "DiagnoseAccount",
        )
        | (
            "DeprovisionGuardService",
            "GetDeprovisionGuard"
            | "ListDeprovisionBatches"
            | "ListDeprovisionBatchItems"
            | "ApproveDeprovisionBatch"
            | "DismissDeprovisionBatch",
        )
        | (
            "AccountAdminService",
            "HoldAccount"
            | "ReleaseAccount"
            | "ProtectAccount"
            | "UnprotectAccount"
            | "ListDeletedAccounts"
            | "RestoreAccount"
            | "PurgeAccount",
        )
        | (
            "ExtensionSchemaService",
            "CreateExtensionSchema"
            | "GetExtensionSchema"
            | "ListExtensionSchemas"
            | "UpdateExtensionSchema"
            | "DeleteExtensionSchema",
        )
        | ("LogService", "ListLogEntries" | "GetLogEntry")
        | ("ReadinessService", "RunReadinessCheck")
        | ("TenantService", "GetTenant") => Needs::Admin,
        (
            "TenantService",
            "CreateTenant"
            | "ListTenants"
            | "UpdateTenant"
            | "EnableProvisioning"
            | "DisableProvisioning",
        ) => Needs::Operator,
        _ => panic!("{rpc} has no rule in this test"),
    }
}

const UNAUTHENTICATED: (Code, &str) = (Code::Unauthenticated, "INVALID_CREDENTIAL");
const FORBIDDEN: (Code, &str) = (Code::PermissionDenied, "INSUFFICIENT_SCOPE");
const UNKNOWN_TENANT: (Code, &str) = (Code::NotFound, "TENANT_NOT_FOUND");

/// What a refusal must be; none when the credential is enough.
type Refusal = Option<(Code, &'static str)>;

/// A credential, and what it comes to on an RPC.
struct Credential {
    name: &'static str,
    authorization: Option<String>,
    refusal: fn(Needs) -> Refusal,
}

async fn credentials(service: &Service, acme: &Tenant, other: &Tenant) -> Vec<Credential> {
    let signer = Signer::of(service).await;
    let jwt = |scope: &str, tenant: Option<&str>| {
        Some(format!(
            "Bearer {}",
            signer.sign(&json!({"scope": scope, "tenant": tenant}))
        ))
    };
    let nobody: fn(Needs) -> Refusal = |_| Some(UNAUTHENTICATED);
    // That a SCIM token is not what an admin's RPC takes is known before it is looked up.
    let no_token: fn(Needs) -> Refusal = |needs| match needs {
        Needs::Scim | Needs::Read | Needs::Write => Some(UNAUTHENTICATED),
        Needs::Admin | Needs::Operator => Some(FORBIDDEN),
    };
    let credential = |name, authorization, refusal| Credential {
        name,
        authorization,
        refusal,
    };
    vec![
        credential("none", None, nobody),
        credential("Basic", Some("Basic YWxpY2U6c2VjcmV0".to_owned()), nobody),
        credential("an empty token", Some("Bearer ".to_owned()), nobody),
        credential(
            "a malformed token",
            Some(format!("Bearer {}0", acme.token)),
            nobody,
        ),
        credential("a damaged JWT", Some("Bearer a.b.c".to_owned()), nobody),
        credential(
            "an unknown token",
            Some(format!("Bearer {}", unknown_token())),
            no_token,
        ),
        credential(
            "another tenant's token",
            Some(format!("Bearer {}", other.token)),
            no_token,
        ),
        credential(
            "the SCIM token",
            Some(format!("Bearer {}", acme.token)),
            |needs| match needs {
                Needs::Scim | Needs::Read | Needs::Write => None,
                Needs::Admin | Needs::Operator => Some(FORBIDDEN),
            },
        ),
        credential("a JWT without a scope", jwt("", Some("acme")), |_| {
            Some(FORBIDDEN)
        }),
        credential(
            "a JWT with unknown scopes",
            jwt("root admin *", Some("acme")),
            |_| Some(FORBIDDEN),
        ),
        credential(
            "a JWT that may read",
            jwt("accounts.read", None),
            |needs| match needs {
                Needs::Read => None,
                Needs::Scim | Needs::Write | Needs::Admin | Needs::Operator => Some(FORBIDDEN),
            },
        ),
        credential(
            "a JWT that may write",
            jwt("accounts.write", Some("acme")),
            |needs| match needs {
                Needs::Read | Needs::Write => None,
                Needs::Scim | Needs::Admin | Needs::Operator => Some(FORBIDDEN),
            },
        ),
        credential(
            "another tenant's JWT",
            jwt(
                "accounts.read accounts.write provisioning.admin",
                Some("other"),
            ),
            |needs| match needs {
                Needs::Read | Needs::Write | Needs::Admin => Some(UNKNOWN_TENANT),
                Needs::Scim | Needs::Operator => Some(FORBIDDEN),
            },
        ),
        credential(
            "an admin's JWT without a tenant",
            jwt("provisioning.admin", None),
            nobody,
        ),
    ]
}

/// What there is to change, as its owner sees it. When a token was last used is no part of it: the service writes that from time to time.
async fn state(panel: &Panel, tenants: [&Tenant; 2]) -> String {
    let mut client = TenantServiceClient::new(panel.admin.clone());
    let mut tokens = TokenServiceClient::new(panel.admin.clone());
    let mut state = vec![format!(
        "{:?}",
        client
            .list_tenants(ListTenantsRequest::default())
            .await
            .expect("read")
            .into_inner()
    )];
    for tenant in tenants {
        let request = GetTenantRequest {
            tenant: tenant.identifier.clone(),
        };
        state.push(format!(
            "{:?}",
            client.get_tenant(request).await.expect("read").into_inner()
        ));
        let request = ListTokensRequest {
            tenant: tenant.identifier.clone(),
            ..ListTokensRequest::default()
        };
        let listed = tokens.list_tokens(request).await.expect("read");
        let mut listed = listed.into_inner();
        for token in &mut listed.tokens {
            (token.last_used_time, token.last_used_from) = (None, None);
        }
        state.push(format!("{listed:?}"));
        state.push(json!(tenant.scim.all_users().await).to_string());
    }
    state.join("\n")
}

on_both_engines! {
    async fn every_rpc_refuses_what_is_not_enough(service: Service) {
        let panel = Panel::of(&service).await;
        let (acme, other) = (panel.tenant("acme").await, panel.tenant("other").await);
        acme.scim.create(&user("alice@contoso.com")).await;
        let before = state(&panel, [&acme, &other]).await;
        let channel = service.channel();
        let mut admitted = 0;
        for credential in credentials(&service, &acme, &other).await {
            for method in rpc::contract() {
                let name = rpc::name(&method);
                let what = format!("{name} with {}", credential.name);
                let answer = rpc::call(&channel, &method, "acme", credential.authorization.as_deref()).await;
                match (answer, (credential.refusal)(needs(&name))) {
                    (Err(status), Some(wanted)) => assert_eq!((status.code(), rpc::reason(&status).as_str()), wanted, "{what}: {status:?}"),
                    (Ok(()), Some(wanted)) => panic!("{what}: answered, not {wanted:?}"),
                    // There is no such account, but it got as far as that.
                    (Err(status), None) => {
                        assert!(![UNAUTHENTICATED.0, FORBIDDEN.0].contains(&status.code()), "{what}: {status:?}");
                        admitted += 1;
                    }
                    (Ok(()), None) => admitted += 1,
                }
            }
        }
        assert_eq!(state(&panel, [&acme, &other]).await, before);
        assert!(admitted > 15, "the test knows how to call: {admitted}");
    }
}

#[tokio::test]
async fn a_jwt_with_any_flaw_is_refused() {
    let service = Service::start(Engine::Sqlite).await;
    let panel = Panel::of(&service).await;
    panel.tenant("acme").await;
    let signer = Signer::of(&service).await;
    let stranger = Signer::of(&Service::start(Engine::Sqlite).await).await;
    let list = rpc::contract()
        .into_iter()
        .find(|method| method.name() == "ListAccounts")
        .expect("it is there");
    let channel = service.channel();
    let good = json!({"scope": "accounts.read", "tenant": "acme"});
    let call = async |jwt: String| {
        rpc::call(&channel, &list, "acme", Some(&format!("Bearer {jwt}"))).await
    };
    call(signer.sign(&good)).await.expect("it is a good JWT");

    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signer.sign(&claims)
    };
    let mut parts: Vec<String> = signer.sign(&good).split('.').map(str::to_owned).collect();
    parts[1] = BASE64_URL_SAFE_NO_PAD.encode(json!({"scope": "platform.operator"}).to_string());
    let changed = parts.join(".");
    let none = BASE64_URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": signer.kid}).to_string());
    let unsigned = format!("{none}.{}.", parts[1]);
    let symmetric = {
        // The public key as a secret: the classic confusion.
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(signer.kid.clone());
        jsonwebtoken::encode(
            &header,
            &signer.claims(&good),
            &EncodingKey::from_secret(signer.public.as_bytes()),
        )
        .expect("it is signed")
    };
    let borrowed_kid = Signer {
        kid: signer.kid.clone(),
        ..stranger.clone()
    };
    for (flaw, jwt) in [
        ("expired", with("exp", json!(1_700_000_000))),
        ("not valid yet", with("nbf", json!(4_000_000_000_u64))),
        ("of another issuer", with("iss", json!("somebody"))),
        ("for another audience", with("aud", json!("somebody"))),
        ("without an end", with("exp", json!(null))),
        ("without a subject", with("sub", json!(null))),
        (
            "with a tenant that cannot be one",
            with("tenant", json!("Not A Tenant")),
        ),
        ("with an unknown key", stranger.sign(&good)),
        ("signed by another key", borrowed_kid.sign(&good)),
        ("changed after it was signed", changed),
        ("unsigned", unsigned),
        ("signed with the public key", symmetric),
    ] {
        let status = call(jwt).await.expect_err(flaw);
        assert_eq!(
            (status.code(), rpc::reason(&status).as_str()),
            UNAUTHENTICATED,
            "{flaw}: {status:?}"
        );
    }
}

/// Signs JWTs that the command line would not.
#[derive(Clone)]
struct Signer {
    key: EncodingKey,
    kid: String,
    public: String,
    /// The claims of a good one.
    claims: Value,
}

impl Signer {
    async fn of(service: &Service) -> Self {
        let minted = service.jwt(&["accounts.read"], None).await;
        let claims = minted.split('.').nth(1).expect("it has three parts");
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("it is base64");
        let read = |name: &str| {
            std::fs::read(service.data_dir().join(name)).expect("it is in the data folder")
        };
        let jwks: Value = serde_json::from_slice(&read("jwks.json")).expect("it is JSON");
        let text = |name: &str| jwks["keys"][0][name].as_str().expect("a text").to_owned();
        Self {
            key: EncodingKey::from_ed_pem(&read("jwt-key.pem")).expect("it is a key"),
            kid: text("kid"),
            public: text("x"),
            claims: serde_json::from_slice(&claims).expect("they are JSON"),
        }
    }

    /// The claims of a good one with these in place of its own; null takes one away.
    fn claims(&self, other: &Value) -> Value {
        let mut claims = self.claims.as_object().expect("an object").clone();
        claims.extend(other.as_object().expect("an object").clone());
        claims.retain(|_, value| !value.is_null());
        claims.into()
    }

    fn sign(&self, other: &Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, &self.claims(other), &self.key).expect("it is signed")
    }
}
