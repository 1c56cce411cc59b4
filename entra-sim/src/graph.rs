//! The only place that reads Microsoft Graph's calls about a job, so that the text of one can be played as it stands.

use serde_json::Value;

use crate::directory::ObjectId;
use crate::engine::{Engine, Observer, ResetScope};
use crate::mapping::member;

/// Where the job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobAddress {
    /// Object id of the enterprise application's service principal.
    pub service_principal_id: String,
    /// Id of its synchronization job.
    pub job_id: String,
}

/// Graph's answer: the status alone, for none of these calls answers with something that is used.
pub type GraphStatus = u16;

const NO_CONTENT: GraphStatus = 204;
const OK: GraphStatus = 200;
const BAD_REQUEST: GraphStatus = 400;
const NOT_FOUND: GraphStatus = 404;
const CONFLICT: GraphStatus = 409;

impl Engine {
    /// Plays a call of Graph on this job: `start`, `pause`, `restart`, `provisionOnDemand`, the `schema` that is only read, and `DELETE` of one of
    /// the `objectConnections`. `body` is empty where the call has none.
    pub async fn graph(
        &mut self,
        job: &JobAddress,
        method: &str,
        url: &str,
        body: &str,
        observer: Observer<'_>,
    ) -> GraphStatus {
        let Some(call) = call_of(job, url) else {
            return NOT_FOUND;
        };
        let body: Value = match body {
            "" => Value::Null,
            text => match serde_json::from_str(text) {
                Ok(body) => body,
                Err(_) => return BAD_REQUEST,
            },
        };
        match (method, call) {
            ("POST", "start") => {
                self.start();
                NO_CONTENT
            }
            ("POST", "pause") => {
                self.pause();
                NO_CONTENT
            }
            ("POST", "restart") => match reset_scope(&body) {
                Some(scope) => {
                    self.reset(scope);
                    NO_CONTENT
                }
                None => BAD_REQUEST,
            },
            ("GET", "schema") => OK,
            ("POST", "provisionOnDemand") => self.provision_subjects(&body, observer).await,
            ("DELETE", connection) => match connection_of(connection) {
                Some(object_id) => self
                    .delete_connection(object_id)
                    .map_or(CONFLICT, |()| NO_CONTENT),
                None => NOT_FOUND,
            },
            _ => NOT_FOUND,
        }
    }

    async fn provision_subjects(&mut self, body: &Value, observer: Observer<'_>) -> GraphStatus {
        let Some(subjects) = subjects(body) else {
            return BAD_REQUEST;
        };
        for object_id in subjects {
            let users = self.directory().users();
            let Some(index) = users.iter().position(|user| user.object_id == object_id) else {
                return BAD_REQUEST;
            };
            self.provision_on_demand(index, observer).await;
        }
        OK
    }
}

/// What stands behind the job in the URL, of either version of Graph; none for another job.
fn call_of<'u>(job: &JobAddress, url: &'u str) -> Option<&'u str> {
    let path = url.strip_prefix("https://graph.microsoft.com/")?;
    let (_, path) = path
        .split_once('/')
        .filter(|(version, _)| ["v1.0", "beta"].contains(version))?;
    let JobAddress {
        service_principal_id,
        job_id,
    } = job;
    path.strip_prefix(&format!(
        "servicePrincipals/{service_principal_id}/synchronization/jobs/{job_id}/"
    ))
}

/// A restart without a body is the portal's.
fn reset_scope(body: &Value) -> Option<ResetScope> {
    if body.is_null() {
        return Some(ResetScope::PORTAL);
    }
    let scope = member(member(body, "criteria")?, "resetScope")?;
    scope.as_str()?.parse().ok()
}

fn connection_of(call: &str) -> Option<ObjectId> {
    let id = call
        .strip_prefix("objectConnections('")?
        .strip_suffix("')")?;
    id.parse().ok().map(ObjectId)
}

fn subjects(body: &Value) -> Option<Vec<ObjectId>> {
    let parameters = member(body, "parameters")?.as_array()?;
    let mut found = Vec::new();
    for parameter in parameters {
        for subject in member(parameter, "subjects")?.as_array()? {
            let is_user = member(subject, "objectTypeName")? == "User";
            let id = member(subject, "objectId")?.as_str()?.parse().ok()?;
            found.push(ObjectId(id));
            if !is_user {
                return None;
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job() -> JobAddress {
        JobAddress {
            service_principal_id: "sp".to_owned(),
            job_id: "scim.1".to_owned(),
        }
    }

    #[test]
    fn a_url_of_another_job_or_with_placeholders_is_not_found() {
        let of = |sp: &str, job: &str| {
            format!(
                "https://graph.microsoft.com/v1.0/servicePrincipals/{sp}/synchronization/jobs/{job}/start"
            )
        };
        assert_eq!(call_of(&job(), &of("sp", "scim.1")), Some("start"));
        assert_eq!(call_of(&job(), &of("sp", "scim.2")), None);
        assert_eq!(
            call_of(&job(), &of("<servicePrincipalId>", "<jobId>")),
            None
        );
        assert_eq!(call_of(&job(), "https://example.com/v1.0/"), None);
    }

    #[test]
    fn bodies_are_read_as_documented() {
        assert_eq!(reset_scope(&Value::Null), Some(ResetScope::PORTAL));
        let full = json!({"criteria": {"resetScope": "Full"}});
        assert_eq!(reset_scope(&full), Some(ResetScope::FULL));
        assert_eq!(reset_scope(&json!({"criteria": {}})), None);
        let id = "00000000-0000-0000-0000-000000000001";
        let subject = json!({"objectId": id, "objectTypeName": "User"});
        let body = json!({"parameters": [{"ruleId": "r", "subjects": [subject]}]});
        let found = ObjectId(id.parse().unwrap());
        assert_eq!(subjects(&body), Some(vec![found]));
        assert_eq!(
            connection_of(&format!("objectConnections('{id}')")),
            Some(found)
        );
        assert_eq!(connection_of("objectConnections"), None);
    }
}
