//! Calls to the core: the only place that sets metadata, deadlines and retries.

use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use opentelemetry::propagation::Injector;
use provisioning_proto::v1::{
    self, account_service_client::AccountServiceClient, facade_service_client::FacadeServiceClient,
    group_service_client::GroupServiceClient, resource_service_client::ResourceServiceClient,
    schema_service_client::SchemaServiceClient,
};
use tokio::time::{Instant, sleep, timeout};
use tonic::{
    Code, Request, Response, Status,
    metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use crate::{
    channel::CoreChannel,
    config::{ANSWER_SIZE_MAX, ATTEMPTS_MAX, FacadeConfig, READINESS_TIMEOUT},
    scim::status::{cause_of, reason_of},
};

/// What every call of one HTTP request tells the core about it.
#[derive(Debug)]
pub(crate) struct CallMetadata {
    pub request_id: Uuid,
    /// `Bearer <token>`; marked sensitive, so that it is never printed.
    pub authorization: MetadataValue<Ascii>,
    /// The client's address.
    pub forwarded_for: Option<MetadataValue<Ascii>>,
    /// Whether only what would be done is asked, by an admin in place of Entra.
    pub is_dry_run: bool,
    /// How long the calls so far took: a request has one deadline, however many calls it makes.
    waited_us: AtomicU64,
}

impl CallMetadata {
    pub(crate) fn new(
        request_id: Uuid,
        authorization: MetadataValue<Ascii>,
        forwarded_for: Option<MetadataValue<Ascii>>,
    ) -> Self {
        Self {
            request_id,
            authorization,
            forwarded_for,
            is_dry_run: false,
            waited_us: AtomicU64::new(0),
        }
    }

    /// That of a dry run.
    pub(crate) fn dry(self) -> Self {
        Self {
            is_dry_run: true,
            ..self
        }
    }

    /// That of one operation of many: with a time of its own, and an id of its own that shows whose it is. Up to 255 ids differ in their last
    /// byte only, and stay random UUIDs.
    pub(crate) fn derived(&self, number: u8) -> Self {
        Self::new(
            Uuid::from_u128(self.request_id.as_u128() ^ u128::from(number)),
            self.authorization.clone(),
            self.forwarded_for.clone(),
        )
    }

    fn waited(&self) -> Duration {
        Duration::from_micros(self.waited_us.load(Ordering::Relaxed))
    }

    fn add_wait(&self, wait: Duration) {
        let wait = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        self.waited_us.fetch_add(wait, Ordering::Relaxed);
    }

    fn request<M>(&self, message: M, time_left: Duration) -> Request<M> {
        let mut request = Request::new(message);
        request.set_timeout(time_left);
        let metadata = request.metadata_mut();
        metadata.insert("authorization", self.authorization.clone());
        let request_id = self
            .request_id
            .to_string()
            .try_into()
            .expect("a UUID is ASCII");
        metadata.insert("x-request-id", request_id);
        if self.is_dry_run {
            metadata.insert("x-scim-dry-run", MetadataValue::from_static("1"));
        }
        if let Some(address) = &self.forwarded_for {
            metadata.insert("x-forwarded-for", address.clone());
        }
        let context = tracing::Span::current().context();
        opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&context, &mut TraceInjector(metadata));
        });
        request
    }
}

/// Writes the trace context into the metadata of a call.
struct TraceInjector<'a>(&'a mut MetadataMap);

impl Injector for TraceInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(key), Ok(value)) = (MetadataKey::from_bytes(key.as_bytes()), value.try_into()) {
            self.0.insert(key, value);
        }
    }
}

/// Reaches the core's services.
#[derive(Clone)]
pub(crate) struct CoreClient {
    channel: CoreChannel,
    call_timeout: Duration,
    attempts_max: u32,
}

/// One method of the contract: its name here, its generated client, its messages.
macro_rules! calls {
    ($($client:ident . $method:ident ($request:ident) -> $answer:ident;)+) => {
        $(
            pub(crate) async fn $method(&self, metadata: &CallMetadata, message: v1::$request) -> Result<v1::$answer, Status> {
                self.call(metadata, message, |channel, request| async move {
                    $client::new(channel).max_decoding_message_size(ANSWER_SIZE_MAX).$method(request).await
                })
                .await
            }
        )+
    };
}

impl CoreClient {
    pub(crate) fn new(channel: CoreChannel, config: &FacadeConfig) -> Self {
        Self {
            channel,
            call_timeout: config.call_timeout,
            attempts_max: if config.retries_enabled {
                ATTEMPTS_MAX
            } else {
                1
            },
        }
    }

    calls! {
        AccountServiceClient.create_account(CreateAccountRequest) -> CreateAccountResponse;
        AccountServiceClient.get_account(GetAccountRequest) -> GetAccountResponse;
        AccountServiceClient.list_accounts(ListAccountsRequest) -> ListAccountsResponse;
        AccountServiceClient.replace_account(ReplaceAccountRequest) -> ReplaceAccountResponse;
        AccountServiceClient.patch_account(PatchAccountRequest) -> PatchAccountResponse;
        AccountServiceClient.delete_account(DeleteAccountRequest) -> DeleteAccountResponse;
        GroupServiceClient.create_group(CreateGroupRequest) -> CreateGroupResponse;
        GroupServiceClient.get_group(GetGroupRequest) -> GetGroupResponse;
        GroupServiceClient.list_groups(ListGroupsRequest) -> ListGroupsResponse;
        GroupServiceClient.replace_group(ReplaceGroupRequest) -> ReplaceGroupResponse;
        GroupServiceClient.patch_group(PatchGroupRequest) -> PatchGroupResponse;
        GroupServiceClient.delete_group(DeleteGroupRequest) -> DeleteGroupResponse;
        ResourceServiceClient.list_resources(ListResourcesRequest) -> ListResourcesResponse;
        FacadeServiceClient.authenticate(AuthenticateRequest) -> AuthenticateResponse;
        FacadeServiceClient.report_rejected_request(ReportRejectedRequestRequest) -> ReportRejectedRequestResponse;
        SchemaServiceClient.list_schemas(ListSchemasRequest) -> ListSchemasResponse;
    }

    /// Whether the core answers and says that it serves; else why not, for the request line. A core without the health service is
    /// taken at its answer.
    pub(crate) async fn check_ready(&self) -> Result<(), String> {
        let mut client = HealthClient::new(self.channel.clone());
        match timeout(
            READINESS_TIMEOUT,
            client.check(HealthCheckRequest::default()),
        )
        .await
        {
            Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => Ok(()),
            Ok(Ok(_not_serving)) => Err("NotServing".to_owned()),
            Ok(Err(status)) if status.code() == Code::Unimplemented => Ok(()),
            Ok(Err(status)) => Err(cause_of(&status)),
            Err(_elapsed) => Err(format!("{:?}", Code::DeadlineExceeded)),
        }
    }

    /// The deadline also holds here, since a core in this process has nothing else that would stop it.
    async fn call<M, A, F>(
        &self,
        metadata: &CallMetadata,
        message: M,
        call: impl Fn(CoreChannel, Request<M>) -> F,
    ) -> Result<A, Status>
    where
        M: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let started = Instant::now();
        let deadline = started + self.call_timeout.saturating_sub(metadata.waited());
        let answer = self.attempts(metadata, message, deadline, call).await;
        metadata.add_wait(started.elapsed());
        answer
    }

    /// A pause that would outlast the deadline is not worth its wait.
    async fn attempts<M, A, F>(
        &self,
        metadata: &CallMetadata,
        message: M,
        deadline: Instant,
        call: impl Fn(CoreChannel, Request<M>) -> F,
    ) -> Result<A, Status>
    where
        M: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        for attempt in 1..self.attempts_max {
            let pause = backoff(metadata.request_id, attempt);
            match self
                .attempt(metadata, message.clone(), deadline, &call)
                .await
            {
                Err(status) if may_pass(&status) && Instant::now() + pause < deadline => {
                    sleep(pause).await;
                }
                answer => return answer,
            }
        }
        self.attempt(metadata, message, deadline, &call).await
    }

    async fn attempt<M, A, F>(
        &self,
        metadata: &CallMetadata,
        message: M,
        deadline: Instant,
        call: &impl Fn(CoreChannel, Request<M>) -> F,
    ) -> Result<A, Status>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let time_left = deadline.saturating_duration_since(Instant::now());
        let request = metadata.request(message, time_left);
        match timeout(time_left, call(self.channel.clone(), request)).await {
            Ok(answer) => answer.map(Response::into_inner),
            Err(_elapsed) => Err(Status::deadline_exceeded("the core did not answer in time")),
        }
    }
}

/// Whether the same call may succeed a moment later: the core was away, or other writers were in the way.
fn may_pass(status: &Status) -> bool {
    status.code() == Code::Unavailable || reason_of(status) == Some(v1::ErrorReason::Contention)
}

/// 50 ms, then 100 ms, each plus up to as much again, so that the requests of one outage do not come back together.
fn backoff(request_id: Uuid, attempt: u32) -> Duration {
    let base = Duration::from_millis(25) * 2_u32.pow(attempt);
    base + base * u32::from(request_id.as_bytes()[0]) / 256
}
