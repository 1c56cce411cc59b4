//! What every service reads from a request in the same way: the call, the page size, the request id.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Instant,
};

use http::HeaderMap;
use prost::Message;
use provisioning_proto::RequestMessage;
use sha2::{Digest as _, Sha256};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{failures::Seen, status};
use crate::{
    call::{Call, Credential, Principal, Scope, Settled, invalid_credential, tenant_not_found},
    error::{Error, Reason, Refusal},
    ids::RequestId,
    receipts::{Answer, Once, ReceiptKey},
    tenants::Identifier,
};

/// Which tenant a call was for: only the message says it, and whoever put this into the request learns it, for its line in the log.
#[derive(Clone, Debug, Default)]
pub struct CallTenant(Arc<OnceLock<Identifier>>);

impl CallTenant {
    /// The tenant, once the message was read and the caller may act for it.
    pub fn get(&self) -> Option<&str> {
        self.0.get().map(Identifier::as_str)
    }

    fn tell(&self, tenant: &Identifier) {
        self.0.get_or_init(|| tenant.clone());
    }
}

/// The call of a request for `tenant`. The authentication has put the credential into the request.
///
/// Here ends whoever may only ask what would be done, and asks for it to be done: no use case sees the call.
pub fn call<T: RequestMessage>(request: &Request<T>, tenant: &str) -> Result<Call, Status> {
    let credential = request
        .extensions()
        .get::<Credential>()
        .cloned()
        .ok_or_else(|| status(invalid_credential().into()))?;
    let Some(tenant) = Identifier::parse(tenant) else {
        return Err(status(no_such_tenant(tenant, &credential).into()));
    };
    if let Credential::Principal(principal) | Credential::DryRun(principal) = &credential
        && !may_act_for(principal, &tenant)
    {
        return Err(status(tenant_not_found(&tenant).into()));
    }
    let validate_only = request.get_ref().validate_only();
    let is_dry_run = matches!(credential, Credential::DryRun(_));
    if is_dry_run && validate_only == Some(false) {
        return Err(status(not_a_dry_run().into()));
    }
    if let Some(seen) = request.extensions().get::<CallTenant>() {
        seen.tell(&tenant);
    }
    // What comes with a SCIM token is in the log and counts as a use, also when it only asks: nobody tries a stolen token unseen.
    let leaves_no_trace = is_dry_run
        || validate_only == Some(true) && !matches!(credential, Credential::ScimToken(_));
    let call =
        of_headers(request.metadata().as_ref(), credential, tenant).validating(leaves_no_trace);
    if let Some(seen) = request.extensions().get::<Seen>() {
        seen.tell(&call);
    }
    Ok(call)
}

/// The call of a request with these headers.
pub(super) fn of_headers(headers: &HeaderMap, credential: Credential, tenant: Identifier) -> Call {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    Call {
        credential,
        tenant,
        request_id: RequestId::from_caller(text("x-request-id")),
        remote: text("x-forwarded-for")
            .and_then(|text| text.parse::<IpAddr>().ok())
            .map(|address| address.to_string()),
        started: Instant::now(),
        validate_only: false,
        settled: Settled::default(),
    }
}

/// A JWT with a tenant claim is for that tenant only, whatever its scopes; an operator's has none.
fn may_act_for(principal: &Principal, tenant: &Identifier) -> bool {
    match &principal.tenant {
        Some(own) => own == tenant,
        None => !principal.scopes.contains(&Scope::ProvisioningAdmin),
    }
}

/// Refuses a caller whose JWT is bound to one tenant where the answer is about all of them.
pub fn across_tenants<T>(request: &Request<T>) -> Result<(), Status> {
    match request.extensions().get::<Credential>() {
        Some(Credential::Principal(principal)) if principal.tenant.is_none() => Ok(()),
        _ => Err(status(
            Refusal::new(
                Reason::InsufficientScope,
                "This method is about all tenants: it needs a JWT without a tenant claim.",
            )
            .into(),
        )),
    }
}

/// A SCIM token is not told whether a tenant exists.
fn no_such_tenant(tenant: &str, credential: &Credential) -> Refusal {
    match credential {
        Credential::ScimToken(_) | Credential::Malformed => invalid_credential(),
        Credential::Principal(_) | Credential::DryRun(_) if tenant.is_empty() => {
            Refusal::new(Reason::InvalidRequest, "Say which tenant: its Subscriber Identifier.").field("tenant")
        }
        Credential::Principal(_) | Credential::DryRun(_) => Refusal::new(
            Reason::TenantNotFound,
            "There is no such tenant: a Subscriber Identifier has 1 to 63 characters of a-z, 0-9 and -.",
        )
        .field("tenant"),
    }
}

fn not_a_dry_run() -> Refusal {
    Refusal::new(
        Reason::InsufficientScope,
        "With x-scim-dry-run an admin may ask what would be done, and nothing else: set validate_only.",
    )
    .field("validate_only")
}

/// Reads a `request_id`: the work is to be done once. Without one there is nothing to replay.
pub fn once<'a, R>(
    call: &Call,
    method: &'static str,
    request_id: &str,
    request: &impl Message,
    encode: &'a (dyn Fn(&R) -> Vec<u8> + Send + Sync),
) -> Result<Option<Once<'a, R>>, Status> {
    if request_id.is_empty() {
        return Ok(None);
    }
    let Ok(request_id) = Uuid::try_parse(request_id) else {
        return Err(status(
            Refusal::new(Reason::InvalidRequest, "request_id must be a UUID.")
                .field("request_id")
                .into(),
        ));
    };
    let caller = match &call.credential {
        Credential::ScimToken(token) => format!("scim/{}", token.id),
        Credential::Principal(principal) | Credential::DryRun(principal) => {
            format!("jwt/{}", principal.subject)
        }
        Credential::Malformed => return Err(status(invalid_credential().into())),
    };
    let key = ReceiptKey {
        caller,
        method: method.to_owned(),
        request_id,
    };
    Ok(Some(Once {
        key,
        body_sha256: Sha256::digest(request.encode_to_vec()).into(),
        encode,
    }))
}

/// The response to an answer: made now, or the one that was given before.
pub fn idempotent<R, M>(
    answer: Result<Answer<R>, Error>,
    respond: impl FnOnce(R) -> Result<M, Status>,
) -> Result<Response<M>, Status>
where
    M: Message + Default,
{
    match answer.map_err(status)? {
        Answer::Fresh(answer) => respond(answer).map(Response::new),
        Answer::Replayed(bytes) => M::decode(bytes.as_slice())
            .map(Response::new)
            .map_err(|error| status(Error::Internal(error.into()))),
    }
}
