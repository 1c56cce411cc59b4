//! The layer in front of every service: finds the rule of the RPC, reads the credential, and lets only calls through that may be tried.
//!
//! A JWT is decided here. A SCIM token is only read here: whether it holds is decided by the statement that also reads the data.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use secrecy::SecretString;
use tonic::{Status, service::Routes};
use tower::Service;

use super::{
    failures::Seen,
    jwt::{JwtError, JwtKeys},
    request,
    rules::{DRY_RUN_SCOPES, Rule, SCIM_DRY_RUN, rule},
    status::{status, unavailable},
};
use crate::{
    call::{Credential, Principal, Scope, invalid_credential},
    error::{Reason, Refusal},
    tokens::PresentedToken,
};

/// Decides who calls. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator {
    jwt: Arc<JwtKeys>,
}

impl Authenticator {
    /// Trusts the JWTs of `jwt`.
    pub fn new(jwt: Arc<JwtKeys>) -> Self {
        Self { jwt }
    }

    /// Puts the authentication in front of the services.
    pub(super) fn protect(&self, routes: Routes) -> Routes {
        let authenticator = self.clone();
        let layer = tower::layer::layer_fn(move |inner| Authenticated {
            inner,
            authenticator: authenticator.clone(),
        });
        Routes::from(routes.into_axum_router().layer(layer))
    }

    async fn authenticate(
        &self,
        path: &str,
        headers: &HeaderMap,
        seen: Option<&Seen>,
    ) -> Result<Option<Credential>, Status> {
        let Some(rule) = rule(path) else {
            return Err(Status::unimplemented("there is no such method"));
        };
        if rule == Rule::Public {
            return Ok(None);
        }
        let bearer = bearer(headers).map_err(|refusal| status(refusal.into()))?;
        match self.credential(&bearer).await {
            Ok(credential) => {
                if let (Credential::Principal(principal), Some(seen)) = (&credential, seen)
                    && let Some(tenant) = &principal.tenant
                {
                    let tenant = tenant.clone();
                    seen.tell_bound(request::of_headers(headers, credential.clone(), tenant));
                }
                dry_run(headers, credential)
                    .and_then(|credential| permit(rule, credential))
                    .map(Some)
                    .map_err(|refusal| status(refusal.into()))
            }
            Err(JwtError::Unknown) => Err(unavailable(
                "The keys of JWTs cannot be read, so it is not known whether yours is valid. Try again.",
            )),
            Err(JwtError::Invalid(why)) => {
                let refusal = Refusal::new(
                    Reason::InvalidCredential,
                    format!("The JWT is not accepted: {why}."),
                )
                .with("why", why);
                Err(status(refusal.into()))
            }
        }
    }

    /// A text with two dots is a JWT; a SCIM token has none.
    async fn credential(&self, bearer: &SecretString) -> Result<Credential, JwtError> {
        use secrecy::ExposeSecret as _;
        let text = bearer.expose_secret();
        if text.bytes().filter(|byte| *byte == b'.').count() == 2 {
            return self.jwt.verify(text).await.map(Credential::Principal);
        }
        Ok(PresentedToken::parse(bearer).map_or(Credential::Malformed, Credential::ScimToken))
    }
}

fn bearer(headers: &HeaderMap) -> Result<SecretString, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Refusal::new(
            Reason::InvalidCredential,
            "No credential was sent. Send the header `Authorization: Bearer` with a SCIM token or a JWT, once.",
        ));
    };
    let (scheme, text) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(text.trim().into())
    } else {
        Err(invalid_credential())
    }
}

/// Turns a JWT with the metadata of a dry run into the lesser credential that it then is. A SCIM token with it is refused: whoever asks for a dry
/// run shall never get a real one.
fn dry_run(headers: &HeaderMap, credential: Credential) -> Result<Credential, Refusal> {
    if !headers.contains_key(SCIM_DRY_RUN) {
        return Ok(credential);
    }
    match credential {
        Credential::Principal(principal) => Ok(Credential::DryRun(principal)),
        Credential::ScimToken(_) => Err(Refusal::new(
            Reason::InsufficientScope,
            "A dry run of SCIM is for admins: it takes a JWT with the scope provisioning.admin or platform.operator, and not the SCIM token.",
        )),
        other @ (Credential::Malformed | Credential::DryRun(_)) => Ok(other),
    }
}

fn permit(rule: Rule, credential: Credential) -> Result<Credential, Refusal> {
    match (rule, &credential) {
        (_, Credential::Malformed) => Err(invalid_credential()),
        (Rule::Public, _)
        | (Rule::ScimToken | Rule::ScimTokenOrScopes(_), Credential::ScimToken(_)) => {
            Ok(credential)
        }
        (
            Rule::Scopes(scopes) | Rule::ScimTokenOrScopes(scopes),
            Credential::Principal(principal),
        ) => {
            permit_principal(scopes, principal)?;
            Ok(credential)
        }
        (Rule::ScimToken | Rule::ScimTokenOrScopes(_), Credential::DryRun(principal)) => {
            permit_principal(DRY_RUN_SCOPES, principal)?;
            Ok(credential)
        }
        (Rule::Scopes(_), Credential::DryRun(_)) => Err(Refusal::new(
            Reason::InsufficientScope,
            "This method is none of SCIM's: there is no SCIM request to try. Leave x-scim-dry-run out.",
        )),
        (Rule::Scopes(scopes), Credential::ScimToken(_)) => Err(insufficient_scope(scopes)),
        (Rule::ScimToken, Credential::Principal(_)) => Err(Refusal::new(
            Reason::InsufficientScope,
            "This method is for SCIM front ends: it takes a SCIM token, not a JWT.",
        )),
    }
}

fn permit_principal(scopes: &[Scope], principal: &Principal) -> Result<(), Refusal> {
    if principal.scopes.iter().any(|scope| scopes.contains(scope)) {
        Ok(())
    } else {
        Err(insufficient_scope(scopes))
    }
}

fn insufficient_scope(scopes: &[Scope]) -> Refusal {
    let needed = scopes
        .iter()
        .map(|scope| scope.as_str())
        .collect::<Vec<_>>()
        .join(" or ");
    Refusal::new(
        Reason::InsufficientScope,
        format!("This method needs a JWT with the scope {needed}."),
    )
    .with("scopes", needed)
}

/// A service behind the authentication.
#[derive(Clone)]
struct Authenticated<S> {
    inner: S,
    authenticator: Authenticator,
}

impl<S, B, R> Service<Request<B>> for Authenticated<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The clone takes the place of the service that is ready.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let authenticator = self.authenticator.clone();
        Box::pin(async move {
            let seen = request.extensions().get::<Seen>();
            match authenticator
                .authenticate(request.uri().path(), request.headers(), seen)
                .await
            {
                Ok(credential) => {
                    if let Some(credential) = credential {
                        request.extensions_mut().insert(credential);
                    }
                    inner.call(request).await
                }
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}
