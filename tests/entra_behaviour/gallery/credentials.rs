//! The templates' test of the token.

use serde_json::json;

use crate::support::{bodies::user, in_both_dialects};

in_both_dialects! {
    async fn validate_credentials(scim: ScimClient) {
        let path = "/Users?startIndex=1&count=1";
        let empty = scim.get(path).await.expect(200).body;
        assert_eq!((&empty["totalResults"], &empty["startIndex"], &empty["Resources"]), (&json!(0), &json!(1), &json!([])));
        let first = scim.create(&user("first@test.com")).await;
        scim.create(&user("second@test.com")).await;
        let found = scim.get(path).await.expect(200).body;
        assert_eq!((&found["totalResults"], &found["itemsPerPage"], &found["Resources"]), (&json!(2), &json!(1), &json!([first])));
        scim.with_token(Some("wrong")).get(path).await.expect(401);
        scim.with_token(None).get(path).await.expect(401);
    }
}
