//! The README's commands, pasted as they stand: only where the service and its data are is another than there.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use tokio::process::Command;

use crate::support::{
    BINARY, Panel, Service,
    bodies::{linked_user, user},
    buf, on_both_engines,
};

const README: &str = include_str!("../README.md");
/// What the README says, and what is put in its place.
const DATA_DIR: &str = "/var/lib/provisiond";
const GRPC_URL: &str = "http://127.0.0.1:50051";

/// The shell blocks of a section, also those within a list.
fn blocks(heading: &str) -> Vec<String> {
    let section = README
        .split("\n## ")
        .find_map(|section| section.strip_prefix(heading)?.strip_prefix('\n'))
        .unwrap_or_else(|| panic!("the README has no section {heading:?}"));
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in section.lines() {
        match (line.trim(), block.take()) {
            ("```sh", None) => block = Some(String::new()),
            ("```", Some(whole)) => blocks.push(whole),
            (line, Some(begun)) => block = Some(begun + line + "\n"),
            (_, None) => {}
        }
    }
    assert!(block.is_none(), "{heading}: a block does not end");
    blocks
}

/// Pastes a block into a shell that stops at the first command that fails.
async fn paste(service: &Service, block: &str) -> String {
    for named in [DATA_DIR, "provisiond "] {
        assert!(block.contains(named), "it is about the service: {block}");
    }
    let data_dir = service.data_dir().to_str().expect("the path is UTF-8");
    let script = block
        .replace(DATA_DIR, data_dir)
        .replace(GRPC_URL, service.process.grpc());
    let folder = |program: &Path| program.parent().expect("it is in a folder").to_owned();
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [folder(Path::new(BINARY)), folder(&buf())]
        .into_iter()
        .chain(std::env::split_paths(&search_path));
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new("sh")
        .args(["-euc", &script])
        .env(
            "PATH",
            std::env::join_paths(folders).expect("a search path"),
        )
        .env("PROVISIOND_GRPC", service.process.grpc())
        .current_dir(service.data_dir())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("there is a shell");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    assert!(
        status.success(),
        "{status}\n{script}\n--- printed ---\n{stdout}\n--- errors ---\n{stderr}"
    );
    stdout.into_owned()
}

on_both_engines! {
    async fn entra_is_connected_as_the_readme_says(service: Service) {
        let [token, failures] = blocks("Connect Microsoft Entra ID").try_into().expect("a block for each step with commands");
        let printed = paste(&service, &token).await;
        assert!(printed.contains("dgo_scim_") && printed.contains("/scim/contoso/v2"), "what is to be pasted into Entra: {printed}");

        let panel = Panel::of(&service).await;
        assert!(panel.log("contoso", "outcome eq \"failure\"").await.is_empty());
        paste(&service, &failures).await;
    }

    async fn the_doctor_answers_as_the_readme_says(service: Service) {
        let [commands] = blocks("Ask the doctor").try_into().expect("one block");
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant("contoso").await;
        let clean = paste(&service, &commands).await;
        assert!(clean.contains("Nothing stands between") && clean.contains("DragOnce has no account"), "{clean}");

        // An account without Object ID, which is posted with one in vain.
        let alice = "alice@contoso.com";
        assert_eq!(tenant.scim.post("/Users", &user(alice)).await.status, 201);
        let posted = linked_user(alice, "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef");
        assert_eq!(tenant.scim.post("/Users", &posted).await.status, 409);
        let printed = paste(&service, &commands).await;
        for shown in [
            "ERROR login_not_linked",
            "has no Object ID",
            "POST /Users, answered 409",
            "WHAT MICROSOFT ENTRA WILL SEND",
            "externalId eq \"0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef\" -> 200",
            "OPEN FINDINGS",
            "LinkService/LinkObjectId {",
        ] {
            assert!(printed.contains(shown), "{shown} is not shown:\n{printed}");
        }
    }

    async fn the_calls_of_the_readme_work(service: Service) {
        let [calls] = blocks("gRPC calls").try_into().expect("one block");
        let printed = paste(&service, &calls).await;
        for shown in [
            "dragonce.provisioning.v1.AccountService/CreateAccount",
            "\"secretToken\":\"dgo_scim_",
            "\"userName\":\"alice@fabrikam.com\"",
            "\"operation\":\"OPERATION_LINK\"",
            "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        ] {
            assert!(printed.replace(": ", ":").contains(shown), "{shown} is not shown:\n{printed}");
        }
    }
}
