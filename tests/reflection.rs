//! What a generic client can do that knows nothing of the contract but what the service tells it.

use std::{collections::BTreeSet, path::PathBuf, process::Stdio};

use prost_reflect::{
    DescriptorPool, DynamicMessage,
    prost::Message as _,
    prost_types::{FileDescriptorProto, FileDescriptorSet},
};
use provisioning_proto::v1::{
    Account, CreateAccountRequest, ListAccountsRequest,
    account_service_client::AccountServiceClient,
};
use serde_json::{Value, json};
use tokio::process::Command;
use tonic::{Code, Status};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::support::{Engine, Panel, Service, buf, rpc};

const TENANT: &str = "acme";
const OBJECT_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";

#[tokio::test]
async fn reflection_tells_every_service_and_can_be_switched_off() {
    let service = Service::start(Engine::Sqlite).await;
    let served: BTreeSet<String> = reflected(&service)
        .await
        .expect("it is on")
        .into_iter()
        .collect();
    let mut contract: BTreeSet<String> = rpc::contract()
        .iter()
        .map(|method| method.parent_service().full_name().to_owned())
        .collect();
    contract.extend(
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
        ]
        .map(str::to_owned),
    );
    assert_eq!(served, contract);
    for service_name in &contract {
        let request = HealthCheckRequest {
            service: service_name.clone(),
        };
        let health = HealthClient::new(service.channel()).check(request).await;
        if service_name.starts_with("dragonce") {
            assert_eq!(
                health.expect("it is known").into_inner().status(),
                ServingStatus::Serving,
                "{service_name}"
            );
        }
    }
    let whole = HealthClient::new(service.channel())
        .check(HealthCheckRequest::default())
        .await
        .expect("it is known")
        .into_inner();
    assert_eq!(whole.status(), ServingStatus::Serving);

    let service = Service::start_with(Engine::Sqlite, &["--grpc-reflection", "false"]).await;
    assert_eq!(
        reflected(&service).await.expect_err("it is off").code(),
        Code::Unimplemented
    );
}

async fn reflected(service: &Service) -> Result<Vec<String>, Status> {
    match reflect(service, MessageRequest::ListServices(String::new())).await? {
        MessageResponse::ListServicesResponse(list) => Ok(list
            .service
            .into_iter()
            .map(|service| service.name)
            .collect()),
        other => panic!("{other:?}"),
    }
}

async fn reflect(service: &Service, question: MessageRequest) -> Result<MessageResponse, Status> {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(question),
    };
    let mut client = ServerReflectionClient::new(service.channel());
    let mut answers = client
        .server_reflection_info(tokio_stream::iter([request]))
        .await?
        .into_inner();
    let answer = answers.message().await?.expect("one answer to one request");
    Ok(answer.message_response.expect("it says something"))
}

/// The definitions of a message, read from the server as a generic client does: its file, and the files that this one imports.
async fn definitions(service: &Service, message: &str) -> DescriptorPool {
    let mut files: Vec<FileDescriptorProto> = Vec::new();
    let mut questions = vec![MessageRequest::FileContainingSymbol(message.to_owned())];
    while let Some(question) = questions.pop() {
        let answer = reflect(service, question.clone()).await.expect("it is on");
        let MessageResponse::FileDescriptorResponse(answer) = answer else {
            panic!("{question:?}: {answer:?}");
        };
        for file in answer.file_descriptor_proto {
            let file = FileDescriptorProto::decode(file.as_slice()).expect("it is a file");
            let known = |name: &String| files.iter().any(|file| file.name() == name);
            questions.extend(
                file.dependency
                    .iter()
                    .filter(|name| !known(name))
                    .map(|name| MessageRequest::FileByFilename(name.clone())),
            );
            if !known(&file.name().to_owned()) {
                files.push(file);
            }
        }
    }
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_set(FileDescriptorSet { file: files })
        .expect("nothing is missing");
    pool
}

/// Without its definition a generic client could show a detail as base64 only.
#[tokio::test]
async fn what_an_error_carries_can_be_read_by_reflection() {
    let service = Service::start(Engine::Sqlite).await;
    Panel::of(&service).await.tenant(TENANT).await;
    let request = ListAccountsRequest {
        tenant: TENANT.to_owned(),
        filter: "usrName eq \"x\"".to_owned(),
        ..ListAccountsRequest::default()
    };
    let reader = service.caller(&["accounts.read"], Some(TENANT)).await;
    let status = AccountServiceClient::new(reader)
        .list_accounts(request)
        .await
        .expect_err("there is no such attribute");
    let details = tonic_types::Status::decode(status.details())
        .expect("they are a google.rpc.Status")
        .details;
    let mut seen = Vec::new();
    for detail in &details {
        let name = detail.type_url.rsplit('/').next().expect("a name");
        let message = definitions(&service, name)
            .await
            .get_message_by_name(name)
            .expect("it is in its file");
        let read = DynamicMessage::decode(message, detail.value.as_slice())
            .expect("it is what it says to be");
        seen.push((name, read.to_string()));
    }
    seen.sort();
    let [(bad_request, violations), (error_info, info)] = seen.try_into().expect("there are two");
    assert_eq!(
        (bad_request, error_info),
        ("google.rpc.BadRequest", "google.rpc.ErrorInfo")
    );
    assert!(violations.contains("field:\"filter\""), "{violations}");
    assert!(info.contains("reason:\"INVALID_FILTER\""), "{info}");
    // What comes with UNAVAILABLE.
    definitions(&service, "google.rpc.RetryInfo").await;
}

/// A generic client, as in the README: it knows nothing but the address, and reads the contract from the server.
#[tokio::test]
async fn a_generic_client_generates_a_token_lists_the_log_and_links() {
    let service = Service::start(Engine::Sqlite).await;
    service.cli_json(&["tenant", "create", TENANT]).await;
    let buf = Buf {
        program: buf(),
        grpc: service.process.grpc().to_owned(),
        jwt: service.jwt(&["platform.operator"], None).await,
    };
    let generated = buf
        .call(
            "admin.v1.TokenService/GenerateToken",
            &json!({"tenant": TENANT}),
        )
        .await;
    assert!(
        generated["secretToken"]
            .as_str()
            .is_some_and(|token| token.starts_with("dgo_scim_")),
        "{generated}"
    );

    let alice = Account {
        user_name: "alice@contoso.com".to_owned(),
        ..Account::default()
    };
    let request = CreateAccountRequest {
        tenant: TENANT.to_owned(),
        account: Some(alice),
        ..CreateAccountRequest::default()
    };
    let writer = service.caller(&["accounts.write"], Some(TENANT)).await;
    AccountServiceClient::new(writer)
        .create_account(request)
        .await
        .expect("it is created");
    let mut link =
        json!({"tenant": TENANT, "user_name": "alice@contoso.com", "object_id": OBJECT_ID});
    link["validate_only"] = true.into();
    let seen = buf.call("admin.v1.LinkService/LinkObjectId", &link).await;
    link["validate_only"] = false.into();
    link["etag"] = seen["account"]["etag"].clone();
    let linked = buf.call("admin.v1.LinkService/LinkObjectId", &link).await;
    assert_eq!(
        linked["account"]["externalId"]
            .as_str()
            .or(linked["account"]["objectId"].as_str()),
        Some(OBJECT_ID),
        "{linked}"
    );

    let filter = json!({"tenant": TENANT, "filter": "operation eq \"link\" and outcome eq \"success\"", "page_size": 3});
    let log = buf
        .call("admin.v1.LogService/ListLogEntries", &filter)
        .await;
    assert_eq!(log["logEntries"][0]["operation"], "OPERATION_LINK", "{log}");
}

struct Buf {
    program: PathBuf,
    grpc: String,
    jwt: String,
}

impl Buf {
    async fn call(&self, method: &str, request: &Value) -> Value {
        let output = Command::new(&self.program)
            .args([
                "curl",
                "--protocol",
                "grpc",
                "--http2-prior-knowledge",
                "-H",
            ])
            .arg(format!("Authorization: Bearer {}", self.jwt))
            .args(["-d", &request.to_string()])
            .arg(format!("{}/dragonce.provisioning.{method}", self.grpc))
            .stdin(Stdio::null())
            .output()
            .await
            .expect("buf starts");
        assert!(
            output.status.success(),
            "{method}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("it prints JSON")
    }
}
