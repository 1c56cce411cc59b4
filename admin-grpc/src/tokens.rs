//! `TokenService`.

use std::time::Duration;

use prost::Message as _;
use provisioning_core::{
    Core,
    call::Call,
    grpc::{accounts::timestamp, call, idempotent, once, status},
    tokens::{self, GeneratedToken, TokenId, TokenState},
};
use provisioning_proto::admin::v1::{
    self, GenerateTokenRequest, GenerateTokenResponse, GetScimConnectionRequest,
    GetScimConnectionResponse, ListTokensRequest, ListTokensResponse, RegenerateTokenRequest,
    RegenerateTokenResponse, RevokeTokenRequest, RevokeTokenResponse,
    token_service_server::TokenService,
};
use secrecy::ExposeSecret as _;
use tonic::{Request, Response, Status};

use crate::wire;

/// The service.
pub struct Service {
    core: Core,
}

impl Service {
    /// Serves the tokens of `core`.
    pub const fn new(core: Core) -> Self {
        Self { core }
    }

    fn token(&self, token: &tokens::Token) -> v1::Token {
        v1::Token {
            id: token.id.to_string(),
            mask: tokens::mask(&token.id),
            state: state(token.state(self.core.now())).into(),
            create_time: Some(timestamp(token.created_at)),
            created_by: token.created_by.clone(),
            expire_time: token.expires_at.map(timestamp),
            replaced_by: token.replaced_by.as_ref().map(TokenId::to_string),
            last_used_time: token.last_used_at.map(timestamp),
            last_used_from: token.last_used_from.clone(),
        }
    }

    fn revoked(&self, tokens: &[tokens::Token]) -> RevokeTokenResponse {
        RevokeTokenResponse {
            tokens: tokens.iter().map(|token| self.token(token)).collect(),
        }
    }

    /// The secret and the token that were made; of a dry run, which makes none, neither.
    fn made(&self, call: &Call, generated: &GeneratedToken) -> (String, Option<v1::Token>) {
        if call.validate_only {
            return (String::new(), None);
        }
        (
            generated.text.expose_secret().to_owned(),
            Some(self.token(&generated.token)),
        )
    }
}

#[tonic::async_trait]
impl TokenService for Service {
    async fn get_scim_connection(
        &self,
        request: Request<GetScimConnectionRequest>,
    ) -> Result<Response<GetScimConnectionResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let connection = self.core.get_scim_connection(&call).await.map_err(status)?;
        Ok(Response::new(GetScimConnectionResponse {
            endpoint: connection.endpoint,
            token: connection.token.as_ref().map(|token| self.token(token)),
            provisioning_enabled: connection.provisioning_enabled,
        }))
    }

    async fn generate_token(
        &self,
        request: Request<GenerateTokenRequest>,
    ) -> Result<Response<GenerateTokenResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let once = once(
            &call,
            "TokenService/GenerateToken",
            &request.request_id,
            &request,
            &secret,
        )?;
        let answer = self.core.generate_token(&call, once).await;
        idempotent(answer, |generated| {
            let (secret_token, token) = self.made(&call, &generated);
            Ok(GenerateTokenResponse {
                secret_token,
                token,
                endpoint: generated.endpoint,
            })
        })
    }

    async fn regenerate_token(
        &self,
        request: Request<RegenerateTokenRequest>,
    ) -> Result<Response<RegenerateTokenResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let once = once(
            &call,
            "TokenService/RegenerateToken",
            &request.request_id,
            &request,
            &secret,
        )?;
        let overlap = match &request.overlap {
            Some(overlap) => wire::duration("overlap", overlap)?,
            None => Duration::ZERO,
        };
        let answer = self.core.regenerate_token(&call, overlap, once).await;
        idempotent(answer, |generated| {
            let (secret_token, token) = self.made(&call, &generated);
            let replaced = generated.replaced.as_ref().map(|old| v1::Token {
                replaced_by: token.as_ref().map(|token| token.id.clone()),
                ..self.token(old)
            });
            Ok(RegenerateTokenResponse {
                secret_token,
                token,
                replaced,
                endpoint: generated.endpoint,
            })
        })
    }

    async fn revoke_token(
        &self,
        request: Request<RevokeTokenRequest>,
    ) -> Result<Response<RevokeTokenResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let encode = |tokens: &Vec<tokens::Token>| self.revoked(tokens).encode_to_vec();
        let once = once(
            &call,
            "TokenService/RevokeToken",
            &request.request_id,
            &request,
            &encode,
        )?;
        let token_id = (!request.token_id.is_empty()).then(|| TokenId::from_text(request.token_id));
        let answer = self.core.revoke_token(&call, token_id.as_ref(), once).await;
        idempotent(answer, |tokens| Ok(self.revoked(&tokens)))
    }

    async fn list_tokens(
        &self,
        request: Request<ListTokensRequest>,
    ) -> Result<Response<ListTokensResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let page_size = wire::page_size(request.page_size)?;
        let page = self
            .core
            .list_tokens(&call, page_size, &request.page_token)
            .await
            .map_err(status)?;
        Ok(Response::new(ListTokensResponse {
            tokens: page.tokens.iter().map(|token| self.token(token)).collect(),
            next_page_token: page.next_page_token.unwrap_or_default(),
        }))
    }
}

/// The answer holds a secret, and is not kept.
const fn secret(_: &GeneratedToken) -> Vec<u8> {
    Vec::new()
}

const fn state(state: TokenState) -> v1::TokenState {
    match state {
        TokenState::Live => v1::TokenState::Live,
        TokenState::Overlap => v1::TokenState::Overlap,
        TokenState::Replaced => v1::TokenState::Replaced,
        TokenState::Revoked => v1::TokenState::Revoked,
    }
}
