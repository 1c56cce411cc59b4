//! Microsoft's validation tests, by their names: those of the online validator (25, and 7 in preview) and of the gallery's templates, as
//! [`entra_sim::check_readiness`] plays them.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Output,
};

use ::entra_sim::{ReadinessReport, Target, check_readiness, readiness_tests};
use provisioning_proto::{
    admin::v1::{
        CreateExtensionSchemaRequest, ExtensionSchema, RunReadinessCheckRequest,
        RunReadinessCheckResponse, TenantSettings,
        extension_schema_service_client::ExtensionSchemaServiceClient,
        readiness_service_client::ReadinessServiceClient,
    },
    v1::{Attribute, Dialect, Schema},
};
use serde_json::Value;

use crate::support::{
    DIALECTS, Engine, Panel, Process, Service, Tenant, bodies::user, on_both_engines, rpc, run,
};

/// What differs in the `rfc` dialect, and why.
const DIFFERS_IN_RFC: [(&str, &str); 2] = [
    ("validator-20", "names of groups are not unique"),
    (
        "gallery-user-update",
        "a replace through a value path that selects nothing is noTarget, RFC 7644 section 3.5.2.3",
    ),
];

async fn play(tenant: &Tenant) -> ReadinessReport {
    let target = Target::parse(&tenant.endpoint, tenant.token.clone().into())
        .expect("the endpoint is a URL");
    let mut seen = Vec::new();
    let report = check_readiness(&target, &mut |test| seen.push(test.id))
        .await
        .expect("it is reached");
    assert_eq!(seen, readiness_tests().collect::<Vec<_>>());
    report
}

/// Every test must have ended as it does in the dialect.
fn assert_as_in(dialect: Dialect, results: &BTreeMap<String, (bool, String)>) {
    let differs = |id: &str| {
        dialect == Dialect::Rfc && DIFFERS_IN_RFC.iter().any(|(differs, _)| *differs == id)
    };
    assert_eq!(
        results.keys().cloned().collect::<BTreeSet<_>>(),
        readiness_tests().map(str::to_owned).collect()
    );
    let wrong: Vec<_> = results
        .iter()
        .filter(|(id, (passed, _))| *passed == differs(id))
        .collect();
    assert!(wrong.is_empty(), "in {dialect:?}: {wrong:#?}");
}

/// That nobody is left, and that the tests wrote as Entra does: with the token.
async fn assert_clean(tenant: &Tenant) {
    assert_eq!(tenant.scim.all_users().await, Vec::<Value>::new());
    let groups = tenant.scim.get("/Groups").await.expect(200).body;
    assert_eq!(groups["totalResults"], 0, "{groups:#}");
}

async fn over_grpc(service: &Service, tenant: &Tenant) -> RunReadinessCheckResponse {
    let admin = service
        .caller(&["provisioning.admin"], Some(&tenant.identifier))
        .await;
    let request = RunReadinessCheckRequest {
        tenant: tenant.identifier.clone(),
    };
    let mut client = ReadinessServiceClient::new(admin);
    client
        .run_readiness_check(request)
        .await
        .expect("it is played")
        .into_inner()
}

on_both_engines! {
    async fn every_test_of_microsofts_passes_and_leaves_nothing(service: Service) {
        let panel = Panel::of(&service).await;
        for dialect in DIALECTS {
            let tenant = panel.tenant_in(dialect).await;
            let report = play(&tenant).await;
            let results = report.tests.iter().map(|test| (test.id.to_owned(), (test.passed, format!("{:?}, {:?}", test.failure, test.exchanges.last()))));
            assert_as_in(dialect, &results.collect());
            assert_eq!(report.ready(), dialect == Dialect::Entra);
            assert_clean(&tenant).await;
            assert!(!format!("{report:?}").contains(&tenant.token), "the token is shown to nobody");
        }
    }

    async fn an_admin_has_the_tests_played_against_a_copy_of_the_tenant(service: Service) {
        let panel = Panel::of(&service).await;
        for dialect in DIALECTS {
            let tenant = panel.tenant_in(dialect).await;
            tenant.scim.create(&user("alice@contoso.com")).await;
            define_schema(&panel, &tenant).await;
            let state = async || service.dump(&[]).await;
            let before = state().await;
            let found = over_grpc(&service, &tenant).await;
            let results = found.tests.iter().map(|test| (test.id.clone(), (test.passed, format!("{}, {:?}", test.failure, test.exchanges.last()))));
            assert_as_in(dialect, &results.collect());
            assert_eq!(found.ready, dialect == Dialect::Entra);
            assert_eq!(usize::try_from(found.passed + found.failed), Ok(found.tests.len()));
            let schemas = found.tests.iter().find(|test| test.id == "gallery-schema-discoverability").expect("it was played");
            assert!(schemas.exchanges.iter().any(|exchange| exchange.request == "GET /Schemas" && exchange.http_status == 200));
            assert_eq!(state().await, before, "nothing of the tenant was touched");
        }
    }

    async fn one_check_at_a_time_and_none_outlives_its_caller(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant("acme").await;
        let request = || RunReadinessCheckRequest { tenant: tenant.identifier.clone() };
        let mut client = ReadinessServiceClient::new(panel.admin.clone());
        let mut other = client.clone();
        let (one, another) = tokio::join!(client.run_readiness_check(request()), other.run_readiness_check(request()));
        let (done, refused) = if one.is_ok() { (one, another) } else { (another, one) };
        assert!(done.expect("one is played").into_inner().ready);
        assert_eq!(rpc::reason(&refused.expect_err("there is one under way")), "RATE_LIMITED");

        // Whoever goes away has the next one wait no longer than the cleaning up takes.
        let given_up = tokio::time::timeout(std::time::Duration::from_millis(200), client.run_readiness_check(request())).await;
        assert!(given_up.is_err(), "it was played in no time");
        let mut again = client.run_readiness_check(request()).await;
        while again.as_ref().is_err_and(|status| rpc::reason(status) == "RATE_LIMITED") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            again = client.run_readiness_check(request()).await;
        }
        assert!(again.expect("it is played").into_inner().ready);
    }
}

async fn define_schema(panel: &Panel, tenant: &Tenant) {
    let schema = Schema {
        id: "urn:example:provisioning:2.0:User".to_owned(),
        name: "Example".to_owned(),
        resource_type: "User".to_owned(),
        attributes: vec![Attribute {
            name: "badge".to_owned(),
            r#type: "string".to_owned(),
            ..Attribute::default()
        }],
        ..Schema::default()
    };
    let request = CreateExtensionSchemaRequest {
        tenant: tenant.identifier.clone(),
        extension_schema: Some(ExtensionSchema {
            schema: Some(schema),
            etag: String::new(),
        }),
        ..CreateExtensionSchemaRequest::default()
    };
    ExtensionSchemaServiceClient::new(panel.admin.clone())
        .create_extension_schema(request)
        .await
        .expect("it is defined");
}

#[tokio::test]
async fn the_copy_has_the_tenants_settings() {
    let service = Service::start(Engine::Sqlite).await;
    let panel = Panel::of(&service).await;
    let settings = TenantSettings {
        group_display_name_unique: Some(false),
        ..TenantSettings::default()
    };
    let tenant = panel.tenant_with("acme", settings).await;
    let found = over_grpc(&service, &tenant).await;
    let failed: Vec<_> = found.tests.iter().filter(|test| !test.passed).collect();
    let [test] = failed.as_slice() else {
        panic!("only one differs: {failed:?}")
    };
    assert_eq!((test.id.as_str(), found.ready), ("validator-20", false));
    assert!(
        test.failure.contains("must be answered 409") && test.advice.contains("409"),
        "{test:?}"
    );
}

#[tokio::test]
async fn without_a_folder_for_it_no_check_is_played_and_the_answer_says_why() {
    let mut service = Service::start(Engine::Sqlite).await;
    assert!(service.process.stop().await.success());
    let data_dir = service.data_dir().to_owned();
    let args = [
        "serve",
        "--http-addr",
        "127.0.0.1:0",
        "--grpc-addr",
        "127.0.0.1:0",
        "--data-dir",
    ]
    .map(str::to_owned);
    let args = [
        &args[..],
        &[data_dir.to_str().expect("it is UTF-8").to_owned()],
    ]
    .concat();
    let env = [("TMPDIR", &*data_dir.join("missing"))];
    service.process = Process::start_with_env(&args, &data_dir.join("log"), &env).await;
    let panel = Panel::of(&service).await;
    let tenant = panel.tenant("acme").await;
    let request = RunReadinessCheckRequest {
        tenant: tenant.identifier.clone(),
    };
    let mut client = ReadinessServiceClient::new(panel.admin.clone());
    let status = client
        .run_readiness_check(request)
        .await
        .expect_err("it has no folder");
    assert_eq!(rpc::reason(&status), "UNAVAILABLE");
    assert!(status.message().contains("TMPDIR"), "{status:?}");
}

async fn cli(tenant: &Tenant, more: &[&str]) -> Output {
    let args = [
        &[
            "entra-sim",
            "--readiness",
            "--url",
            &tenant.endpoint,
            "--token",
            &tenant.token,
        ],
        more,
    ]
    .concat();
    run(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn the_command_prints_a_table_or_json_and_its_exit_code_tells_whether_all_is_well() {
    let service = Service::start(Engine::Sqlite).await;
    let panel = Panel::of(&service).await;
    let entra = panel.tenant_in(Dialect::Entra).await;
    let output = cli(&entra, &[]).await;
    let text = String::from_utf8(output.stdout).expect("it is text");
    assert!(
        output.status.success() && text.ends_with("passed, 0 failed: ready\n"),
        "{text}"
    );
    assert!(
        text.contains("validator-13")
            && text.contains("Delete a User")
            && !text.contains(&entra.token),
        "{text}"
    );

    let rfc = panel.tenant_in(Dialect::Rfc).await;
    let output = cli(&rfc, &[]).await;
    let text = String::from_utf8(output.stdout).expect("it is text");
    assert!(
        !output.status.success() && text.ends_with("NOT ready\n"),
        "{text}"
    );
    assert!(
        text.contains("change: Answer a second POST with the same displayName with 409."),
        "{text}"
    );
    let output = cli(&rfc, &["--json"]).await;
    let json: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(
        (&json["ready"], json["failed"].as_u64()),
        (&Value::Bool(false), Some(DIFFERS_IN_RFC.len() as u64))
    );
}
