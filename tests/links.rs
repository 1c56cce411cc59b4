//! Links as the panel sets them over gRPC and Entra meets them over SCIM: previews, history, many at once, and what SCIM cannot overwrite.

use prost_reflect::prost::Message as _;
use provisioning_proto::{
    admin::v1::{
        BulkLinkLine, BulkLinkObjectIdsRequest, BulkLinkObjectIdsResponse, BulkLinkOptions,
        BulkLinkOutcome, LinkObjectIdRequest, LinkStep, ListLinkHistoryRequest,
        RevertLinkStepRequest, bulk_link_object_ids_request::Message,
        link_object_id_request::Account, link_service_client::LinkServiceClient,
    },
    v1,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::support::{
    Admin, Panel, Service, Tenant,
    bodies::{linked_user, patch, user},
    on_both_engines, rpc,
};

const TENANT: &str = "acme";
const OBJECT_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const OTHER_OBJECT_ID: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";

/// A tenant, and its admin's way to links.
async fn start(service: &Service) -> (Panel, Tenant, LinkServiceClient<Admin>) {
    let panel = Panel::of(service).await;
    let tenant = panel.tenant(TENANT).await;
    let admin = service.caller(&["provisioning.admin"], Some(TENANT)).await;
    (panel, tenant, LinkServiceClient::new(admin))
}

fn link(user_name: &str, object_id: &str) -> LinkObjectIdRequest {
    LinkObjectIdRequest {
        tenant: TENANT.to_owned(),
        account: Some(Account::UserName(user_name.to_owned())),
        object_id: object_id.to_owned(),
        ..LinkObjectIdRequest::default()
    }
}

/// Looks, and links what was seen.
async fn linked(
    links: &mut LinkServiceClient<Admin>,
    user_name: &str,
    object_id: &str,
) -> v1::Account {
    let dry = LinkObjectIdRequest {
        validate_only: true,
        ..link(user_name, object_id)
    };
    let seen = links.link_object_id(dry).await.expect("it could be");
    let etag = seen.into_inner().account.expect("it is answered").etag;
    let wet = LinkObjectIdRequest {
        etag,
        reason: "Connected by hand".to_owned(),
        ..link(user_name, object_id)
    };
    let done = links.link_object_id(wet).await.expect("it is linked");
    done.into_inner().account.expect("it is answered")
}

async fn history(links: &mut LinkServiceClient<Admin>, account_id: &str) -> Vec<LinkStep> {
    let request = ListLinkHistoryRequest {
        tenant: TENANT.to_owned(),
        account_id: account_id.to_owned(),
        ..ListLinkHistoryRequest::default()
    };
    let page = links.list_link_history(request).await.expect("it is there");
    page.into_inner().steps
}

fn options(validate_only: bool) -> BulkLinkObjectIdsRequest {
    let options = BulkLinkOptions {
        tenant: TENANT.to_owned(),
        reason: "Moved".to_owned(),
        validate_only,
    };
    BulkLinkObjectIdsRequest {
        message: Some(Message::Options(options)),
    }
}

fn line(user_name: &str, object_id: &str) -> BulkLinkObjectIdsRequest {
    let line = BulkLinkLine {
        user_name: user_name.to_owned(),
        object_id: object_id.to_owned(),
        etag: String::new(),
    };
    BulkLinkObjectIdsRequest {
        message: Some(Message::Line(line)),
    }
}

async fn next(
    answers: &mut Streaming<BulkLinkObjectIdsResponse>,
) -> Result<BulkLinkObjectIdsResponse, Status> {
    answers
        .message()
        .await
        .map(|answer| answer.expect("each line is answered"))
}

/// What becomes of a stream of these messages: the outcomes of its lines, and how it ended.
async fn sent(
    links: &mut LinkServiceClient<Admin>,
    messages: Vec<BulkLinkObjectIdsRequest>,
) -> (Vec<(BulkLinkOutcome, String)>, Result<(), Status>) {
    let mut outcomes = Vec::new();
    let mut answers = match links
        .bulk_link_object_ids(tokio_stream::iter(messages))
        .await
    {
        Ok(answers) => answers.into_inner(),
        Err(status) => return (outcomes, Err(status)),
    };
    loop {
        match answers.message().await {
            Ok(Some(answer)) => outcomes.push((answer.outcome(), answer.reason)),
            Ok(None) => return (outcomes, Ok(())),
            Err(status) => return (outcomes, Err(status)),
        }
    }
}

on_both_engines! {
    async fn a_preview_tells_what_entra_will_find_and_what_it_tells_comes(service: Service) {
        let (_panel, tenant, mut links) = start(&service).await;
        let alice = tenant.scim.create_id(&linked_user("alice@contoso.com", OTHER_OBJECT_ID)).await;
        let bob = tenant.scim.create_id(&linked_user("bob@contoso.com", OTHER_OBJECT_ID)).await;
        let dry = LinkObjectIdRequest { validate_only: true, ..link("alice@contoso.com", OBJECT_ID) };
        let shown = links.link_object_id(dry).await.expect("it could be").into_inner();
        let preview = shown.preview.expect("it is asked for");
        assert_eq!(preview.matches.len(), 3);
        for matched in &preview.matches {
            let found: Vec<Value> = tenant.scim.find(&matched.filter).await;
            assert_eq!(found.iter().map(|user| user["id"].as_str().unwrap_or_default()).collect::<Vec<_>>(), matched.account_ids_before, "{}", matched.filter);
        }
        let handed: Vec<_> = preview.hand_overs.iter().map(|hand| (hand.account_id.as_str(), hand.object_id_before.as_str(), hand.object_id_after.as_str())).collect();
        assert_eq!(handed, [(alice.as_str(), "", OBJECT_ID), (bob.as_str(), "", OTHER_OBJECT_ID)]);

        let seen = shown.account.expect("it is answered");
        let unseen = links.link_object_id(link("alice@contoso.com", OBJECT_ID)).await.expect_err("nobody has looked");
        assert_eq!((unseen.code(), rpc::reason(&unseen).as_str()), (Code::InvalidArgument, "INVALID_REQUEST"));
        assert!(unseen.message().contains("validate_only"), "{}", unseen.message());
        links.link_object_id(LinkObjectIdRequest { etag: seen.etag, ..link("alice@contoso.com", OBJECT_ID) }).await.expect("that is the etag");
        for matched in &preview.matches {
            let found: Vec<Value> = tenant.scim.find(&matched.filter).await;
            assert_eq!(found.iter().map(|user| user["id"].as_str().unwrap_or_default()).collect::<Vec<_>>(), matched.account_ids_after, "{}", matched.filter);
        }
    }

    async fn what_an_admin_linked_is_kept_and_a_suspension_beside_it_is_done(service: Service) {
        let (panel, tenant, mut links) = start(&service).await;
        let alice = tenant.scim.create_id(&linked_user("alice@contoso.com", OTHER_OBJECT_ID)).await;
        linked(&mut links, "alice@contoso.com", OBJECT_ID).await;
        let wish = patch(&json!([
            {"op": "Replace", "path": "externalId", "value": OTHER_OBJECT_ID},
            {"op": "Replace", "path": "active", "value": "False"}
        ]));
        tenant.scim.patch(&format!("/Users/{alice}"), &wish).await.expect(204);
        let after = tenant.scim.read(&alice).await;
        assert_eq!((&after["externalId"], &after["active"]), (&json!(OBJECT_ID), &json!(false)));
        let entry = panel.log(TENANT, "operation eq \"suspend\"").await.remove(0);
        assert!(entry.detail.contains(OTHER_OBJECT_ID) && entry.detail.contains("was kept"), "{}", entry.detail);
        let only = patch(&json!([{"op": "Add", "path": "externalId", "value": OTHER_OBJECT_ID}]));
        tenant.scim.patch(&format!("/Users/{alice}"), &only).await.expect(204);
        let entry = panel.log(TENANT, "operation eq \"patch\" and outcome eq \"success\"").await.remove(0);
        assert!(entry.detail.contains("was kept"), "{}", entry.detail);

        // Over delete and restore as well.
        tenant.scim.delete(&format!("/Users/{alice}")).await.expect(204);
        assert_eq!(tenant.scim.create_id(&linked_user("alice@contoso.com", OBJECT_ID)).await, alice);
        tenant.scim.patch(&format!("/Users/{alice}"), &only).await.expect(204);
        assert_eq!(tenant.scim.read(&alice).await["externalId"], OBJECT_ID);
    }

    async fn a_name_taken_since_the_deletion_is_a_conflict_that_tells_the_way_out(service: Service) {
        let (_panel, tenant, mut links) = start(&service).await;
        let alice = tenant.scim.create_id(&linked_user("alice@contoso.com", OBJECT_ID)).await;
        tenant.scim.delete(&format!("/Users/{alice}")).await.expect(204);
        let other = tenant.scim.create_id(&user("alice@contoso.com")).await;
        let refused = tenant.scim.send(Method::POST, "/Users", Some(&linked_user("alice@contoso.com", OBJECT_ID))).await.expect(409);
        assert_eq!(refused.body["scimType"], "uniqueness");
        let detail = refused.body["detail"].as_str().expect("a text");
        assert!(detail.contains(&alice) && detail.contains(&other), "{detail}");
        linked(&mut links, "alice@contoso.com", OBJECT_ID).await;
        let [found] = tenant.scim.find(&format!("externalId eq \"{OBJECT_ID}\"")).await.try_into().expect("one is found");
        assert_eq!(found["id"], other);
    }

    async fn the_history_tells_who_when_and_why_and_a_step_is_taken_back(service: Service) {
        let (_panel, tenant, mut links) = start(&service).await;
        let alice = tenant.scim.create_id(&linked_user("alice@contoso.com", OTHER_OBJECT_ID)).await;
        linked(&mut links, "alice@contoso.com", OBJECT_ID).await;
        let steps = history(&mut links, &alice).await;
        let told: Vec<_> = steps.iter().map(|step| (step.previous_object_id.as_str(), step.object_id.as_str(), step.reason.as_str())).collect();
        assert_eq!(told, [(OTHER_OBJECT_ID, OBJECT_ID, "Connected by hand"), ("", OTHER_OBJECT_ID, "")]);
        assert_eq!(steps[1].actor, "scim");
        assert!(steps.iter().all(|step| step.time.is_some() && !step.request_id.is_empty() && step.user_name == "alice@contoso.com"));

        let request = RevertLinkStepRequest {
            tenant: TENANT.to_owned(),
            link_step_id: steps[0].id.clone(),
            validate_only: true,
            ..RevertLinkStepRequest::default()
        };
        let seen = links.revert_link_step(request.clone()).await.expect("it could be").into_inner();
        assert_eq!(seen.preview.expect("it is asked for").hand_overs.len(), 1);
        let request = RevertLinkStepRequest {
            etag: seen.account.expect("it is answered").etag,
            validate_only: false,
            request_id: "6f1c1f0e-5a3c-4d0e-9d5e-0c9a4f3f7b11".to_owned(),
            ..request
        };
        let reverted = links.revert_link_step(request.clone()).await.expect("it is taken back").into_inner();
        assert_eq!(links.revert_link_step(request).await.expect("it is answered again").into_inner(), reverted);
        assert_eq!(tenant.scim.read(&alice).await["externalId"], OTHER_OBJECT_ID);
        assert_eq!(history(&mut links, &alice).await.len(), 3);
        let unknown = RevertLinkStepRequest { tenant: TENANT.to_owned(), link_step_id: "nonsense".to_owned(), ..RevertLinkStepRequest::default() };
        let status = links.revert_link_step(unknown).await.expect_err("there is none");
        assert_eq!((status.code(), rpc::reason(&status).as_str()), (Code::NotFound, "LINK_STEP_NOT_FOUND"));
    }

    async fn each_line_is_answered_before_the_next_is_sent(service: Service) {
        let (panel, tenant, mut links) = start(&service).await;
        for name in ["alice", "bob"] {
            tenant.scim.create(&user(&format!("{name}@contoso.com"))).await;
        }
        let (sender, messages) = mpsc::channel(1);
        sender.send(options(false)).await.expect("it is taken");
        let mut answers = links.bulk_link_object_ids(ReceiverStream::new(messages)).await.expect("it begins").into_inner();
        for (number, (name, object_id, outcome)) in [
            ("alice@contoso.com", OBJECT_ID, BulkLinkOutcome::Linked),
            ("alice@contoso.com", OBJECT_ID, BulkLinkOutcome::Unchanged),
            ("bob@contoso.com", OBJECT_ID, BulkLinkOutcome::Failed),
            ("bob@contoso.com", OTHER_OBJECT_ID, BulkLinkOutcome::Linked),
        ].into_iter().enumerate() {
            sender.send(line(name, object_id)).await.expect("it is taken");
            let answer = next(&mut answers).await.expect("it is answered");
            assert_eq!((usize::try_from(answer.line).ok(), answer.user_name.as_str(), answer.outcome()), (Some(number + 1), name, outcome));
            assert_eq!(answer.reason.is_empty(), outcome != BulkLinkOutcome::Failed);
            assert!(!answer.account_id.is_empty());
        }
        drop(sender);
        assert_eq!(answers.message().await.expect("it ends well"), None);
        assert_eq!(panel.log(TENANT, "operation eq \"link\" and justification eq \"Moved\"").await.len(), 3);
        let [found] = tenant.scim.find(&format!("externalId eq \"{OTHER_OBJECT_ID}\"")).await.try_into().expect("one is found");
        assert_eq!(found["userName"], "bob@contoso.com");
    }

    async fn a_stream_that_is_none_is_refused_with_the_reason(service: Service) {
        let (panel, tenant, mut links) = start(&service).await;
        tenant.scim.create(&user("alice@contoso.com")).await;
        let alice = || line("alice@contoso.com", OBJECT_ID);
        for (messages, before) in [
            (vec![], 0),
            (vec![alice()], 0),
            (vec![BulkLinkObjectIdsRequest { message: None }], 0),
            (vec![options(true), options(true)], 0),
            (vec![options(true), alice(), BulkLinkObjectIdsRequest { message: None }], 1),
        ] {
            let (outcomes, end) = sent(&mut links, messages).await;
            assert_eq!(outcomes.len(), before);
            let status = end.expect_err("it is refused");
            assert_eq!((status.code(), rpc::reason(&status).as_str()), (Code::InvalidArgument, "INVALID_REQUEST"));
        }
        let mut elsewhere = LinkServiceClient::new(service.caller(&["provisioning.admin"], Some("other")).await);
        let (_, end) = sent(&mut elsewhere, vec![options(true), alice()]).await;
        assert_eq!(rpc::reason(&end.expect_err("it is another tenant's")), "TENANT_NOT_FOUND");
        let mut reader = LinkServiceClient::new(service.caller(&["accounts.write"], Some(TENANT)).await);
        let (_, end) = sent(&mut reader, vec![options(true), alice()]).await;
        assert_eq!(rpc::reason(&end.expect_err("it is no admin's")), "INSUFFICIENT_SCOPE");
        assert!(panel.log(TENANT, "operation eq \"link\"").await.is_empty());
        let rejected = panel.log(TENANT, "operation eq \"request_rejected\"").await;
        assert_eq!(rejected.len(), 2, "those whose tenant was known: {rejected:?}");
        assert!(rejected.iter().all(|entry| entry.request.ends_with("/BulkLinkObjectIds")));
        assert!(tenant.scim.find(&format!("externalId eq \"{OBJECT_ID}\"")).await.is_empty());
    }

    async fn a_stream_that_breaks_on_the_way_is_in_the_log_with_how_far_it_came(service: Service) {
        const RPC: &str = "dragonce.provisioning.admin.v1.LinkService/BulkLinkObjectIds";
        let (panel, tenant, _links) = start(&service).await;
        tenant.scim.create(&user("alice@contoso.com")).await;
        let bearer = format!("Bearer {}", service.jwt(&["provisioning.admin"], Some(TENANT)).await);
        // A number where the line should stand.
        let malformed = vec![0x10, 0x01, 0x08];
        let messages = vec![options(false).encode_to_vec(), line("alice@contoso.com", OBJECT_ID).encode_to_vec(), malformed];
        let status = rpc::send(&service.channel(), RPC, messages, &[("authorization", &bearer)]).await.expect_err("it cannot be read");
        assert_eq!(rpc::reason(&status), "INVALID_REQUEST");
        assert!(status.message().contains("Lines answered before: 1 (1 linked"), "{status:?}");
        assert_eq!(tenant.scim.find(&format!("externalId eq \"{OBJECT_ID}\"")).await.len(), 1, "what was done stays so");
        let [entry] = panel.log(TENANT, "operation eq \"request_rejected\"").await.try_into().expect("one is written");
        assert_eq!((entry.request.as_str(), entry.detail.as_str()), (RPC, status.message()));
    }

    async fn a_csv_file_is_imported_after_a_dry_run(service: Service) {
        let (panel, tenant, _links) = start(&service).await;
        for name in ["alice", "bob"] {
            tenant.scim.create(&user(&format!("{name}@contoso.com"))).await;
        }
        let file = service.data_dir().join("links.csv");
        std::fs::write(&file, format!("user_name,object_id\nalice@contoso.com,{OBJECT_ID}\nbob@contoso.com,{OBJECT_ID}\n")).expect("it is written");
        let file = file.to_str().expect("the path is UTF-8");
        let args = ["link", "import", file, "--tenant", TENANT, "--reason", "From the HR list", "--json"];
        let outcomes = |output: &std::process::Output| -> Vec<Value> {
            let text = String::from_utf8(output.stdout.clone()).expect("it is UTF-8");
            text.lines().map(|line| serde_json::from_str::<Value>(line).expect("it is JSON")["outcome"].clone()).collect()
        };
        let dry = service.cli(&[&args[..], &["--dry-run"]].concat()).await;
        assert_eq!((dry.status.code(), outcomes(&dry)), (Some(1), vec![json!("linked"), json!("failed")]));
        assert!(panel.log(TENANT, "operation eq \"link\"").await.is_empty());
        let done = service.cli(&args).await;
        assert_eq!((done.status.code(), outcomes(&done)), (Some(1), vec![json!("linked"), json!("failed")]));
        assert_eq!(panel.log(TENANT, "justification eq \"From the HR list\" and outcome eq \"success\"").await.len(), 1);

        std::fs::write(file, format!("user_name,object_id\nalice@contoso.com,{OBJECT_ID}\n")).expect("it is written");
        let again = service.cli(&args[..5]).await;
        let shown = String::from_utf8(again.stdout).expect("it is UTF-8");
        assert!(again.status.success() && shown.contains("unchanged") && shown.contains("alice@contoso.com"), "{shown}");
        std::fs::write(file, "login,oid\na,b\n").expect("it is written");
        let refused = service.cli(&args).await;
        assert!(!refused.status.success());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("user_name"));
    }
}
