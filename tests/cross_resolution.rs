//! No text from outside is ever taken for an internal id, nor an internal id for a text from outside.

use serde_json::json;

use crate::support::{
    Panel,
    bodies::{linked_user, patch_one, user},
    on_both_engines,
};

/// What other systems have taken for the number of a row.
const NUMBERS: [&str; 6] = ["0", "1", "-1", "01", "1e0", "null"];

on_both_engines! {
    async fn an_id_is_found_as_an_id_only(service: Service) {
        let panel = Panel::of(&service).await;
        let (acme, other) = (panel.tenant("acme").await.scim, panel.tenant("other").await.scim);
        let mut ids = Vec::new();
        for (number, text) in NUMBERS.iter().enumerate() {
            for scim in [&acme, &other] {
                ids.push(scim.create_id(&linked_user(&format!("user{number}@contoso.com"), text)).await);
            }
        }
        let (alice, bob) = (acme.create_id(&user("alice@contoso.com")).await, other.create_id(&user("bob@contoso.com")).await);
        for text in NUMBERS.iter().copied().chain(["alice@contoso.com"]) {
            acme.get(&format!("/Users/{text}")).await.expect(404);
            acme.delete(&format!("/Users/{text}")).await.expect(404);
        }
        for id in ids.iter().chain([&alice, &bob]) {
            for attribute in ["externalId", "userName", "emails.value", "displayName"] {
                let filter = format!("{attribute} eq \"{id}\"");
                assert_eq!(acme.find(&filter).await, Vec::<serde_json::Value>::new(), "{filter}");
            }
        }
        acme.get(&format!("/Users/{bob}")).await.expect(404);

        // An account whose external values are the ids of others is that account and no other.
        let mut mallory = linked_user(&bob, &alice);
        mallory["displayName"] = json!(alice);
        let before = acme.read(&alice).await;
        let mallory = acme.create_id(&mallory).await;
        for filter in [format!("externalId eq \"{alice}\""), format!("userName eq \"{bob}\"")] {
            let found = acme.find(&filter).await;
            assert_eq!((found.len(), &found[0]["id"]), (1, &json!(mallory)), "{filter}");
        }
        acme.patched(&mallory, &patch_one("Replace", "active", &json!("False"))).await;
        acme.delete(&format!("/Users/{mallory}")).await.expect(204);
        assert_eq!(acme.read(&alice).await, before);
        other.get(&format!("/Users/{bob}")).await.expect(200);
    }
}
