//! Two cores on one PostgreSQL, each behind a facade of its own.

use serde_json::json;

use crate::support::{Engine, Panel, Process, ScimClient, Service};

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
    let second_core = service.replica("second-core", &core_args).await;
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

    let renewed = service.regenerate("acme").await;
    for client in &clients {
        let refused = client.get("/Users").await.expect(401);
        assert!(
            refused.header("www-authenticate").contains("invalid_token"),
            "{:?}",
            refused.headers
        );
        client
            .with_token(Some(&renewed.token))
            .get("/Users")
            .await
            .expect(200);
    }

    let entries = Panel::of(&service)
        .await
        .log("acme", "operation eq \"authenticate\"")
        .await;
    let detail = &entries.first().expect("the admin is told").detail;
    assert!(
        detail.contains(&tenant.mask) && detail.contains("replaced"),
        "{detail}"
    );
}
