//! That the calls of remedies can be sent: those of this service by its contract, those of Microsoft Graph by its documentation.

use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use serde_json::Value;

use super::{
    super::{Remedy, RemedyCall},
    examples::POSTED,
};

const GRAPH: &str = "https://graph.microsoft.com/";

fn method(pool: &DescriptorPool, name: &str) -> MethodDescriptor {
    let (service, method) = name.split_once('/').expect("it has a service");
    let service = pool
        .get_service_by_name(service)
        .unwrap_or_else(|| panic!("there is no service of {name}"));
    service
        .methods()
        .find(|candidate| candidate.name() == method)
        .unwrap_or_else(|| panic!("there is no method {name}"))
}

/// Reads the request as a client would, unknown fields being errors.
pub(super) fn check_request(pool: &DescriptorPool, name: &str, request: &Value) {
    let input = method(pool, name).input();
    let read = DynamicMessage::deserialize(input, request.clone())
        .unwrap_or_else(|error| panic!("{name} {request}: {error}"));
    let written = serde_json::to_value(&read).expect("it is JSON");
    assert_eq!(
        written, *request,
        "{name}: in the canonical form, with nothing that is left out"
    );
    assert_eq!(request["tenant"], "contoso", "{name}");
    assert!(!request.to_string().contains('<'), "{name} {request}");
}

fn check_graph(
    http_method: &str,
    url: &str,
    body: Option<&Value>,
    service_principal: &str,
    job: &str,
) {
    let path = url.strip_prefix(GRAPH).unwrap_or_else(|| panic!("{url}"));
    let (version, path) = path.split_once('/').expect("it has a version");
    let path = path
        .strip_prefix(&format!(
            "servicePrincipals/{service_principal}/synchronization/jobs/{job}/"
        ))
        .unwrap_or_else(|| panic!("{url}"));
    let connection = path
        .strip_prefix("objectConnections('")
        .and_then(|rest| rest.strip_suffix("')"));
    match (http_method, version, path, body) {
        ("POST", "v1.0", "pause" | "start", None) | ("GET", "v1.0", "schema", None) => {}
        ("POST", "v1.0", "restart", Some(body)) => {
            let scope = &body["criteria"]["resetScope"];
            assert!(
                ["Full", "Watermark"].iter().any(|known| scope == known),
                "{body}"
            );
        }
        ("POST", "v1.0", "provisionOnDemand", Some(body)) => {
            let subject = &body["parameters"][0]["subjects"][0];
            assert_eq!(subject["objectTypeName"], "User");
            assert_eq!(subject["objectId"], POSTED, "{body}");
            assert!(body["parameters"][0]["ruleId"].is_string(), "{body}");
        }
        ("DELETE", "beta", _, None) => assert_eq!(connection, Some(POSTED), "{url}"),
        _ => panic!("no documented call: {http_method} {url} {body:?}"),
    }
}

pub(super) fn check(
    pool: &DescriptorPool,
    remedies: &[Remedy],
    service_principal: &str,
    job: &str,
) {
    for remedy in remedies {
        assert!(
            !remedy.title.is_empty() && !remedy.steps.is_empty(),
            "{remedy:?}"
        );
        for step in &remedy.steps {
            assert!(!step.effect.is_empty(), "{remedy:?}");
            match &step.call {
                RemedyCall::Rpc { method, request } => check_request(pool, method, request),
                RemedyCall::Graph {
                    http_method,
                    url,
                    body,
                } => {
                    check_graph(http_method, url, body.as_ref(), service_principal, job);
                }
                RemedyCall::Portal {
                    portal,
                    instruction,
                } => {
                    assert!(!portal.is_empty() && !instruction.is_empty(), "{remedy:?}");
                }
            }
        }
    }
}

pub(super) fn pool() -> DescriptorPool {
    DescriptorPool::decode(provisioning_proto::FILE_DESCRIPTOR_SET).expect("it is a descriptor set")
}

/// The calls of this service, read as a client would; what is sent elsewhere may have placeholders.
pub(super) fn check_requests(remedies: &[Remedy]) {
    let pool = pool();
    for step in remedies.iter().flat_map(|remedy| &remedy.steps) {
        if let RemedyCall::Rpc { method, request } = &step.call {
            check_request(&pool, method, request);
        }
    }
}
