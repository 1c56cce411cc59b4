//! Two cores on one PostgreSQL, each behind a facade of its own.

use serde_json::json;

use crate::support::{Engine, Panel, Process, ScimClient, Service};

const SECOND: &str = "second-core";

async fn facade(service: &Service, core: &Process, name: &str) -> Process {
    let args = format!(
        "serve --role facade --http-addr 127.0.0.1:0 --core-url {}",
        core.grpc()
    );
    let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
    Process::start(&args, &service.data_dir().join(name)).await
}

#[tokio::test]
async fn a_regenerated_token_is_dead_on_every_replica_with_the_next_request() {
    let core_args = [
        "--role",
        "core",
        "--public-base-url",
        "https://scim.example",
    ];
    let service = Service::start_with(Engine::Postgres, &core_args).await;
    assert!(service.process.ready.get("http").is_none());
    let second_core = service.replica(SECOND, &core_args).await;
    let facades = [
        facade(&service, &service.process, "facade-1").await,
        facade(&service, &second_core, "facade-2").await,
    ];
    assert!(facades[0].ready.get("grpc").is_none());

    let tenant = service.tenant("acme").await;
    assert_eq!(tenant.endpoint, "https://scim.example/scim/acme/v2");
    let clients: Vec<ScimClient> = facades
        .iter()
        .map(|facade| {
            ScimClient::new(
                format!("{}/scim/acme/v2", facade.http()),
                Some(tenant.token.clone()),
            )
        })
        .collect();
    for client in &clients {
        client.get("/Users").await.expect(200);
    }
    // What one wrote the other reads.
    let id = clients[0]
        .post("/Users", &json!({"userName": "a@contoso.com"}))
        .await
        .expect(201)
        .id();
    clients[1].get(&format!("/Users/{id}")).await.expect(200);

    // Through the one core and the other in turn, so that neither can know of the other's by itself.
    let mut old = tenant;
    let mut masks = Vec::new();
    for round in 0..4 {
        let renewed = if round % 2 == 0 {
            service.regenerate("acme").await
        } else {
            service.regenerate_at(&second_core, SECOND, "acme").await
        };
        for client in &clients {
            let refused = client
                .with_token(Some(&old.token))
                .get("/Users")
                .await
                .expect(401);
            assert!(
                refused.header("www-authenticate").contains("invalid_token"),
                "round {round}: {:?}",
                refused.headers
            );
            client
                .with_token(Some(&renewed.token))
                .get("/Users")
                .await
                .expect(200);
        }
        masks.push(old.mask);
        old = renewed;
    }

    let entries = Panel::of(&service)
        .await
        .log("acme", "operation eq \"authenticate\"")
        .await;
    for mask in masks {
        assert!(
            entries
                .iter()
                .any(|entry| entry.detail.contains(&mask) && entry.detail.contains("replaced")),
            "the admin is told of {mask}: {entries:#?}"
        );
    }
}
