//! The SCIM token's life: made, shown once, replaced, overlapped, revoked; and the switch of the feature.

use std::time::{Duration, Instant};

use provisioning_proto::admin::v1::{
    DisableProvisioningRequest, EnableProvisioningRequest, GenerateTokenRequest,
    GetScimConnectionRequest, ListTokensRequest, LogEntry, RegenerateTokenRequest,
    RegenerateTokenResponse, RevokeTokenRequest, Token, TokenState,
    tenant_service_client::TenantServiceClient, token_service_client::TokenServiceClient,
};
use tonic::{Code, Status};

use crate::support::{Admin, Panel, Tenant, bodies::user, on_both_engines, rpc};

const TENANT: &str = "acme";

fn tokens(panel: &Panel) -> TokenServiceClient<Admin> {
    TokenServiceClient::new(panel.admin.clone())
}

async fn list(panel: &Panel) -> Vec<Token> {
    let request = ListTokensRequest {
        tenant: TENANT.to_owned(),
        ..ListTokensRequest::default()
    };
    tokens(panel)
        .list_tokens(request)
        .await
        .expect("they are listed")
        .into_inner()
        .tokens
}

async fn regenerate(
    panel: &Panel,
    overlap: Option<Duration>,
) -> Result<RegenerateTokenResponse, Status> {
    let overlap = overlap.map(|overlap| overlap.try_into().expect("it is short"));
    let request = RegenerateTokenRequest {
        tenant: TENANT.to_owned(),
        overlap,
        ..RegenerateTokenRequest::default()
    };
    tokens(panel)
        .regenerate_token(request)
        .await
        .map(tonic::Response::into_inner)
}

async fn revoke(panel: &Panel, token_id: &str) -> Vec<Token> {
    let request = RevokeTokenRequest {
        tenant: TENANT.to_owned(),
        token_id: token_id.to_owned(),
        ..RevokeTokenRequest::default()
    };
    tokens(panel)
        .revoke_token(request)
        .await
        .expect("it is revoked")
        .into_inner()
        .tokens
}

async fn status_with(tenant: &Tenant, token: &str) -> u16 {
    tenant
        .scim
        .with_token(Some(token))
        .get("/Users?startIndex=1&count=1")
        .await
        .status
}

/// What the admin is told of requests that were turned away; several of one minute are one entry.
async fn turned_away(panel: &Panel) -> Vec<LogEntry> {
    panel.log(TENANT, "operation eq \"authenticate\"").await
}

on_both_engines! {
    async fn it_is_shown_once_and_masked_ever_after(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant(TENANT).await;
        let parts: Vec<&str> = tenant.token.split('_').collect();
        let ["dgo", "scim", id, secret, crc] = parts[..] else { panic!("{}", tenant.mask) };
        assert_eq!((id, secret.len(), crc.len()), (tenant.token_id.as_str(), 64, 8));
        assert!(tenant.mask.starts_with(&format!("dgo_scim_{id}_")) && !tenant.mask.contains(secret), "{}", tenant.mask);

        let request = GetScimConnectionRequest { tenant: TENANT.to_owned() };
        let shown = tokens(&panel).get_scim_connection(request).await.expect("it is shown").into_inner();
        assert_eq!((shown.endpoint.as_str(), shown.provisioning_enabled), (tenant.endpoint.as_str(), true));
        assert_eq!(shown.token.as_ref().map(|token| (token.mask.as_str(), token.state())), Some((tenant.mask.as_str(), TokenState::Live)));
        let log = panel.log(TENANT, "").await;
        let said = format!("{shown:?} {:?} {log:?}", list(&panel).await);
        assert!(said.contains(&tenant.mask) && !said.contains(secret));

        let request = GenerateTokenRequest { tenant: TENANT.to_owned(), ..GenerateTokenRequest::default() };
        let refused = tokens(&panel).generate_token(request).await.expect_err("there is one");
        assert_eq!((refused.code(), rpc::reason(&refused).as_str()), (Code::AlreadyExists, "TOKEN_EXISTS"));
        assert_eq!(status_with(&tenant, &tenant.token).await, 200);
    }

    async fn the_old_one_dies_at_once_and_the_admin_is_told_why(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant(TENANT).await;
        tenant.scim.create(&user("alice@contoso.com")).await;
        let made = regenerate(&panel, None).await.expect("there is one to replace");
        let renewed = made.token.expect("it is told");
        let old = made.replaced.expect("it is told");
        assert_eq!((old.state(), old.replaced_by.as_deref()), (TokenState::Replaced, Some(renewed.id.as_str())));

        for _ in 0..3 {
            let refused = tenant.scim.get("/Users").await.expect(401);
            assert_eq!(refused.header("www-authenticate"), "Bearer error=\"invalid_token\"");
            let detail = refused.body["detail"].as_str().expect("a text");
            assert!(detail.contains("Admin Panel"), "{detail}");
        }
        tenant.scim.post("/Users", &user("late@contoso.com")).await.expect(401);
        let scim = tenant.scim.with_token(Some(&made.secret_token));
        assert_eq!(scim.all_users().await.len(), 1, "the account is there, and the late one is not");

        let entries = turned_away(&panel).await;
        // Two when the clock went over the minute in between.
        assert!((1..=2).contains(&entries.len()), "{entries:?}");
        let entry = &entries[0];
        let replaced_at = old.expire_time.expect("it ended").to_string();
        for word in [tenant.mask.as_str(), renewed.mask.as_str(), "replaced", &replaced_at[..19]] {
            assert!(entry.detail.contains(word), "{word}: {}", entry.detail);
        }
        assert_eq!((entry.http_status, entry.reason.as_str(), entry.token_id.as_str()), (401, "INVALID_CREDENTIAL", tenant.token_id.as_str()));
        let regenerated = panel.log(TENANT, "operation eq \"token_regenerate\"").await;
        assert_eq!(regenerated.len(), 1);
        assert!(regenerated[0].detail.contains(&tenant.mask), "{}", regenerated[0].detail);
    }

    async fn an_overlap_keeps_two_alive_and_never_three(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant(TENANT).await;
        let hour = Some(Duration::from_hours(1));
        let second = regenerate(&panel, hour).await.expect("there is one").secret_token;
        assert_eq!((status_with(&tenant, &tenant.token).await, status_with(&tenant, &second).await), (200, 200));
        assert_eq!(list(&panel).await.iter().map(Token::state).collect::<Vec<_>>(), [TokenState::Live, TokenState::Overlap]);

        let third = regenerate(&panel, hour).await.expect("there is one");
        let statuses = [&tenant.token, &second, &third.secret_token].map(|token| status_with(&tenant, token));
        assert_eq!(futures_util::future::join_all(statuses).await, [401, 200, 200]);

        let second_id = third.replaced.expect("it is told").id;
        assert_eq!(revoke(&panel, &second_id).await[0].state(), TokenState::Revoked);
        assert_eq!((status_with(&tenant, &second).await, status_with(&tenant, &third.secret_token).await), (401, 200));

        let too_long = regenerate(&panel, Some(Duration::from_hours(25))).await.expect_err("a day at most");
        assert_eq!(rpc::reason(&too_long), "INVALID_REQUEST");
        assert_eq!(status_with(&tenant, &third.secret_token).await, 200);
    }

    async fn an_overlap_ends_by_itself(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant(TENANT).await;
        let overlap = Duration::from_secs(2);
        let asked = Instant::now();
        let renewed = regenerate(&panel, Some(overlap)).await.expect("there is one").secret_token;
        while status_with(&tenant, &tenant.token).await == 200 {
            assert!(asked.elapsed() < overlap + Duration::from_secs(20), "it does not end");
        }
        assert!(asked.elapsed() >= overlap, "it ended early");
        assert_eq!((status_with(&tenant, &tenant.token).await, status_with(&tenant, &renewed).await), (401, 200));
    }

    async fn a_revoked_one_is_dead_and_another_can_be_made(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant(TENANT).await;
        regenerate(&panel, Some(Duration::from_hours(1))).await.expect("there is one");
        assert_eq!(revoke(&panel, "").await.len(), 2, "all that are accepted");
        assert_eq!(status_with(&tenant, &tenant.token).await, 401);
        assert!(turned_away(&panel).await[0].detail.contains("revoked"));

        let refused = regenerate(&panel, None).await.expect_err("there is none");
        assert_eq!((refused.code(), rpc::reason(&refused).as_str()), (Code::FailedPrecondition, "NO_LIVE_TOKEN"));
        let request = RevokeTokenRequest { tenant: TENANT.to_owned(), token_id: "0123456789ab".to_owned(), ..RevokeTokenRequest::default() };
        let refused = tokens(&panel).revoke_token(request).await.expect_err("there is no such token");
        assert_eq!(rpc::reason(&refused), "TOKEN_NOT_FOUND");
        let request = GenerateTokenRequest { tenant: TENANT.to_owned(), ..GenerateTokenRequest::default() };
        let made = tokens(&panel).generate_token(request).await.expect("there is none").into_inner();
        assert_eq!(status_with(&tenant, &made.secret_token).await, 200);
        assert_eq!(status_with(&tenant, &tenant.token).await, 401);
    }

    async fn a_switched_off_feature_is_403_and_loses_nothing(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant(TENANT).await;
        let id = tenant.scim.create_id(&user("alice@contoso.com")).await;
        let before = tenant.scim.all_users().await;
        let mut tenants = TenantServiceClient::new(panel.admin.clone());
        tenants.disable_provisioning(DisableProvisioningRequest { tenant: TENANT.to_owned(), ..DisableProvisioningRequest::default() }).await.expect("it is switched off");
        for answer in [
            tenant.scim.get("/Users").await,
            tenant.scim.get("/Schemas").await,
            tenant.scim.get(&format!("/Users/{id}")).await,
            tenant.scim.post("/Users", &user("bob@contoso.com")).await,
            tenant.scim.delete(&format!("/Users/{id}")).await,
        ] {
            let answer = answer.expect(403);
            assert!(answer.body["detail"].as_str().is_some_and(|detail| detail.contains("switched off")), "{}", answer.body);
        }
        // Whoever has no valid token is not told.
        assert_eq!(status_with(&tenant, "dgo_scim_x").await, 401);
        let entry = &turned_away(&panel).await[0];
        assert_eq!((entry.http_status, entry.reason.as_str()), (403, "PROVISIONING_DISABLED"));

        tenants.enable_provisioning(EnableProvisioningRequest { tenant: TENANT.to_owned(), ..EnableProvisioningRequest::default() }).await.expect("it is switched on");
        assert_eq!(tenant.scim.all_users().await, before);
    }

    async fn its_last_use_is_told(service: Service) {
        let mut service = service;
        let tenant = Panel::of(&service).await.tenant(TENANT).await;
        tenant.scim.get("/Users").await.expect(200);
        // Uses are written from time to time, and when the service stops.
        assert!(service.process.stop().await.success());
        service.restart_stopped().await;
        let token = list(&Panel::of(&service).await).await.remove(0);
        let (used, created) = (token.last_used_time.expect("it was used"), token.create_time.expect("it was made"));
        assert!((used.seconds, used.nanos) >= (created.seconds, created.nanos), "{used} {created}");
        assert_eq!(token.last_used_from.as_deref(), Some("127.0.0.1"));
    }
}
