//! `provisiond link` and `provisiond findings dismiss` against the running service.

use serde_json::{Value, json};

use crate::support::{
    Panel, Service,
    bodies::{linked_user, user},
    on_both_engines,
};

const ALICE: &str = "alice@contoso.com";
const OBJECT_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const OTHER_OBJECT_ID: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";

/// What a command prints line by line, as JSON.
async fn lines(service: &Service, args: &[&str]) -> Vec<Value> {
    let output = service.cli(&[args, &["--json"]].concat()).await;
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{args:?}: {stderr}");
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

/// What a command that must succeed prints for people.
async fn shown(service: &Service, args: &[&str]) -> String {
    let output = service.cli(args).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout).expect("it is UTF-8")
}

/// What a command that must fail says.
async fn refused(service: &Service, args: &[&str]) -> String {
    let output = service.cli(args).await;
    assert!(
        !output.status.success() && output.stdout.is_empty(),
        "{output:?}"
    );
    String::from_utf8(output.stderr).expect("it is UTF-8")
}

on_both_engines! {
    async fn an_account_is_linked_after_a_look_and_a_step_is_taken_back(service: Service) {
        let tenant = service.tenant("acme").await;
        let alice = tenant.scim.create_id(&user(ALICE)).await;
        let set = ["link", "set", ALICE, OBJECT_ID, "--tenant", "acme"];
        let dry = shown(&service, &[&set[..], &["--dry-run"]].concat()).await;
        for part in [
            &format!("{ALICE} ({alice})"),
            &format!("  Object ID none -> {OBJECT_ID}"),
            "WHAT MICROSOFT ENTRA'S NEXT QUERIES FIND",
            &format!("externalId eq \"{OBJECT_ID}\"\n    before: none\n    after:  {alice}"),
            "ACCOUNTS THAT ANOTHER ENTRA USER REACHES",
            "Nothing was changed: this is a dry run.",
        ] {
            assert!(dry.contains(part), "{part} is not in\n{dry}");
        }
        assert!(refused(&service, &set).await.contains("--reason"), "who changes a link says why");
        assert_eq!(tenant.scim.read(&alice).await["externalId"], Value::Null);

        let linked = shown(&service, &[&set[..], &["--reason", "Told by HR"]].concat()).await;
        assert!(linked.contains("Done; its etag is \"2\" now."), "{linked}");
        assert_eq!(tenant.scim.read(&alice).await["externalId"], OBJECT_ID);

        // By its id, and as JSON.
        let unset = lines(&service, &["link", "unset", &alice, "--tenant", "acme", "--reason", "Wrong person"]).await.remove(0);
        assert_eq!((&unset["account_id"], &unset["previous_object_id"], &unset["object_id"], &unset["dry_run"]), (&json!(alice), &json!(OBJECT_ID), &json!(null), &json!(false)));
        assert_eq!(unset["preview"]["hand_overs"][0]["object_id_before"], OBJECT_ID);
        let none = refused(&service, &["link", "unset", ALICE, "--tenant", "acme", "--reason", "Again"]).await;
        assert!(none.contains("has no Object ID"), "{none}");

        let steps = lines(&service, &["link", "history", ALICE, "--tenant", "acme"]).await;
        let told: Vec<_> = steps.iter().map(|step| (step["previous_object_id"].as_str(), step["object_id"].as_str(), step["reason"].as_str())).collect();
        assert_eq!(told, [(Some(OBJECT_ID), Some(""), Some("Wrong person")), (Some(""), Some(OBJECT_ID), Some("Told by HR"))]);
        let step = steps[0]["id"].as_str().expect("it has an id");
        let back = lines(&service, &["link", "revert", step, "--tenant", "acme", "--reason", "It was right"]).await.remove(0);
        assert_eq!((&back["object_id"], &back["etag"]), (&json!(OBJECT_ID), &json!("\"4\"")));
        assert_eq!(tenant.scim.read(&alice).await["externalId"], OBJECT_ID);
        let history = shown(&service, &["link", "history", "--tenant", "acme", "--limit", "2"]).await;
        assert!(history.contains(step) && !history.contains("Told by HR"), "the two newest of all accounts: {history}");
        assert!(history.contains(&format!("{OBJECT_ID} -> none by provisiond-cli Wrong person")), "{history}");
    }

    async fn what_cannot_be_linked_is_refused_in_words_and_changes_nothing(service: Service) {
        let tenant = service.tenant("acme").await;
        tenant.scim.create(&user(ALICE)).await;
        tenant.scim.create(&linked_user("bob@contoso.com", OTHER_OBJECT_ID)).await;
        for (account, object_id, told) in [
            (ALICE, OTHER_OBJECT_ID, "bob@contoso.com"),
            (ALICE, "00000000-0000-0000-0000-000000000000", "is a placeholder and no user's"),
            (ALICE, "alice", "is not a GUID"),
            ("nobody@contoso.com", OBJECT_ID, "nobody@contoso.com"),
            ("0190c0de-0000-7000-8000-000000000000", OBJECT_ID, "no such account"),
        ] {
            let text = refused(&service, &["link", "set", account, object_id, "--tenant", "acme", "--reason", "x"]).await;
            assert!(text.contains(told), "{told} is not in: {text}");
        }
        let nobody = refused(&service, &["link", "history", "nobody@contoso.com", "--tenant", "acme"]).await;
        assert!(nobody.contains("no account has this login account"), "{nobody}");
        assert_eq!(lines(&service, &["link", "history", "--tenant", "acme"]).await.len(), 1, "Bob's own");
    }

    async fn a_finding_that_is_meant_is_dismissed(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant("acme").await;
        tenant.scim.create(&user(ALICE)).await;
        tenant.scim.post("/Users", &linked_user(ALICE, OBJECT_ID)).await.expect(409);
        let finding = lines(&service, &["findings", "acme"]).await.remove(0);
        let id = finding["id"].as_str().expect("it has an id");
        let remedies = shown(&service, &["findings", "acme"]).await;
        assert!(remedies.contains("GET https://graph.microsoft.com/v1.0/servicePrincipals/<servicePrincipalId>/synchronization/jobs/<jobId>/schema"), "{remedies}");
        service.cli_json(&["tenant", "update", "acme", "--entra-job", OTHER_OBJECT_ID, "scim.1"]).await;
        let remedies = shown(&service, &["findings", "acme"]).await;
        assert!(remedies.contains(&format!("servicePrincipals/{OTHER_OBJECT_ID}/synchronization/jobs/scim.1/schema")), "{remedies}");
        let forgotten = service.cli_json(&["tenant", "update", "acme", "--no-entra-job"]).await;
        assert_eq!(forgotten["entra_job"], json!(null));

        let dismiss = ["findings", "dismiss", "acme", id];
        assert!(refused(&service, &dismiss).await.contains("--reason"));
        let dry = lines(&service, &[&dismiss[..], &["--reason", "Two people", "--dry-run"]].concat()).await.remove(0);
        assert_eq!(dry["id"], id);
        assert_eq!(lines(&service, &["findings", "acme"]).await.len(), 1);
        let dismissed = lines(&service, &[&dismiss[..], &["--reason", "Two people"]].concat()).await.remove(0);
        assert_eq!((&dismissed["state"], &dismissed["closure"]["actor"]), (&json!("closed"), &json!("provisiond-cli")));
        assert_eq!(lines(&service, &["findings", "acme"]).await, Vec::<Value>::new());
        let closed = shown(&service, &["findings", "acme", "--closed"]).await;
        assert!(closed.contains(id) && closed.contains("Two people"), "{closed}");
    }
}
