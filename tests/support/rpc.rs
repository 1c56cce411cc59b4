//! Calls any RPC of the contract by its name, with any credential: what a generic client does.

use prost_reflect::{
    DescriptorPool, DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, Value,
    prost::{
        Message as _,
        bytes::{Buf as _, BufMut as _},
    },
};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};
use tonic_types::StatusExt as _;

/// Every RPC of the contract.
pub fn contract() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(provisioning_proto::FILE_DESCRIPTOR_SET)
        .expect("it is a descriptor set");
    let methods: Vec<_> = pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect();
    assert!(methods.len() > 20, "the contract was read");
    methods
}

/// `package.Service/Method`.
pub fn name(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

/// Calls an RPC about a tenant.
pub async fn call(
    channel: &Channel,
    method: &MethodDescriptor,
    tenant: &str,
    authorization: Option<&str>,
) -> Result<(), Status> {
    let messages = vec![about(method, tenant).encode_to_vec()];
    let metadata: Vec<_> = authorization
        .map(|authorization| ("authorization", authorization))
        .into_iter()
        .collect();
    send(channel, &name(method), messages, &metadata)
        .await
        .map(drop)
}

/// Sends a request, given as JSON, to the RPC of this full name: what an admin does with the call of a remedy.
pub async fn send_json(
    channel: &Channel,
    full_name: &str,
    request_json: &str,
    authorization: &str,
) -> Result<(), Status> {
    let methods = contract();
    let method = methods
        .iter()
        .find(|method| name(method) == full_name)
        .unwrap_or_else(|| panic!("the contract has no {full_name}"));
    let mut json = serde_json::Deserializer::from_str(request_json);
    let message = DynamicMessage::deserialize(method.input(), &mut json)
        .unwrap_or_else(|error| panic!("no request of {full_name}: {error}: {request_json}"));
    json.end().expect("nothing follows the request");
    let metadata = [("authorization", authorization)];
    send(channel, full_name, vec![message.encode_to_vec()], &metadata)
        .await
        .map(drop)
}

/// Sends encoded messages to the RPC of this full name, as many as it takes, with this metadata; the answers, or how it was refused. On the wire a
/// call of one message is a stream of one.
pub async fn send(
    channel: &Channel,
    name: &str,
    messages: Vec<Vec<u8>>,
    metadata: &[(&'static str, &str)],
) -> Result<Vec<Vec<u8>>, Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.expect("it listens");
    let mut request = Request::new(tokio_stream::iter(messages));
    for (name, value) in metadata {
        let value = value.parse().expect("it is a header's text");
        request.metadata_mut().insert(*name, value);
    }
    let path = format!("/{name}").parse().expect("it is a path");
    let mut stream = grpc.streaming(request, path, Bytes).await?.into_inner();
    let mut answers = Vec::new();
    while let Some(answer) = stream.message().await? {
        answers.push(answer);
    }
    Ok(answers)
}

/// The reason that the service gives.
pub fn reason(status: &Status) -> String {
    let info = status
        .get_details_error_info()
        .unwrap_or_else(|| panic!("an error without a reason: {status:?}"));
    assert_eq!(
        info.domain,
        provisioning_proto::ERROR_DOMAIN,
        "another's error: {status:?}"
    );
    info.reason
}

/// A request that says enough to be looked at, and changes nothing where it can say so.
fn about(method: &MethodDescriptor, tenant: &str) -> DynamicMessage {
    const SOME_ID: &str = "0190c0de-0000-7000-8000-000000000000";
    let mut message = DynamicMessage::new(method.input());
    for field in method.input().fields() {
        let value = match (field.name(), field.kind()) {
            ("tenant", Kind::String) => Value::String(tenant.to_owned()),
            ("tenant", Kind::Message(inner)) => {
                with(&inner, "identifier", Value::String(tenant.to_owned()))
            }
            ("options", Kind::Message(inner)) => {
                with(&inner, "tenant", Value::String(tenant.to_owned()))
            }
            ("account", Kind::Message(inner)) => with(
                &inner,
                "user_name",
                Value::String("mallory@contoso.com".to_owned()),
            ),
            ("operations", Kind::Message(inner)) => {
                let mut operation = DynamicMessage::new(inner);
                operation.set_field_by_name("op", Value::EnumNumber(3));
                operation.set_field_by_name("path", Value::String("title".to_owned()));
                Value::List(vec![Value::Message(operation)])
            }
            ("id" | "account_id" | "object_id" | "log_entry_id", Kind::String) => {
                Value::String(SOME_ID.to_owned())
            }
            ("validate_only", Kind::Bool) => Value::Bool(true),
            _ => continue,
        };
        message.set_field(&field, value);
    }
    message
}

fn with(message: &MessageDescriptor, field: &str, value: Value) -> Value {
    let mut message = DynamicMessage::new(message.clone());
    message.set_field_by_name(field, value);
    Value::Message(message)
}

/// Encoded messages as they are.
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining()).to_vec()))
    }
}
