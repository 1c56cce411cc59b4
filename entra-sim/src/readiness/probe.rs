//! One test on its way: what it sends, what is recorded of it, what it must clean up.

use std::sync::Arc;

use http::Method;
use percent_encoding::utf8_percent_encode;
use rand::RngExt as _;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::Exchange;
use crate::client::{Answer, ENCODED, Failure, ScimClient};
use crate::scenario::Scenario;
use crate::target::{Target, TargetError};

/// Of a body, so much is recorded.
const BODY_BYTES_MAX: usize = 4 << 10;
/// Of a test, so many exchanges are recorded: the longest test has fewer.
const EXCHANGES_MAX: usize = 100;
/// What stands in place of the token, when a server sends it back.
const TOKEN: &str = "(the token)";
/// A token that is nobody's.
const WRONG_TOKEN: &str = "not-a-token-of-this-endpoint";

/// The same endpoint with three credentials.
pub(super) struct Clients {
    right: ScimClient,
    wrong: ScimClient,
    none: ScimClient,
    token: secrecy::SecretString,
}

impl Clients {
    pub(super) fn new(target: &Target) -> Result<Self, TargetError> {
        let scenario = Scenario::new(0, 0);
        let wrong = target.clone().with_token(WRONG_TOKEN.into());
        Ok(Self {
            right: ScimClient::new(target, &scenario)?,
            wrong: ScimClient::new(&wrong, &scenario)?,
            none: ScimClient::new(target, &scenario)?.without_token(),
            token: target.token().clone(),
        })
    }
}

/// With which credential a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum With {
    Token,
    WrongToken,
    NoToken,
}

/// Why a test did not pass.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) what: String,
    /// What to change, when the symptom tells it.
    pub(super) advice: Option<&'static str>,
}

impl Failed {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            advice: None,
        }
    }

    fn advised(what: impl Into<String>, advice: &'static str) -> Self {
        Self {
            what: what.into(),
            advice: Some(advice),
        }
    }
}

/// Fails unless something holds.
pub(super) fn demand(holds: bool, what: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds {
        Ok(())
    } else {
        Err(Failed::new(what()))
    }
}

/// One test on its way.
pub(super) struct Probe {
    clients: Arc<Clients>,
    exchanges: Vec<Exchange>,
    /// Paths of what was made, in order.
    made: Vec<String>,
}

impl Probe {
    pub(super) fn new(clients: Arc<Clients>) -> Self {
        Self {
            clients,
            exchanges: Vec::new(),
            made: Vec::new(),
        }
    }

    /// Removes what was made, whatever the answers are, the last first: groups before their members.
    pub(super) async fn end(self) -> Vec<Exchange> {
        for path in self.made.iter().rev() {
            if self.clients.right.seems_down() {
                break;
            }
            // There is nobody to tell, and the test may have removed it itself.
            let _ = self.clients.right.send(&Method::DELETE, path, None).await;
        }
        self.exchanges
    }

    /// Twelve random letters, as the validator makes them.
    pub(super) fn letters() -> String {
        let mut random = rand::rng();
        (0..12)
            .map(|_| char::from(random.random_range(b'A'..=b'Z')))
            .collect()
    }

    /// A login name that nobody has.
    pub(super) fn user_name() -> String {
        let mut letters = Self::letters().to_lowercase();
        letters[..1].make_ascii_uppercase();
        format!("{letters}@Hessel.example")
    }

    pub(super) async fn get(&mut self, path: &str) -> Result<Answer, Failed> {
        self.send(With::Token, &Method::GET, path, None).await
    }

    pub(super) async fn post(&mut self, path: &str, body: &Value) -> Result<Answer, Failed> {
        let answer = self
            .send(With::Token, &Method::POST, path, Some(body))
            .await?;
        if let (true, Some(id)) = (answer.is_success(), answer.body["id"].as_str()) {
            self.made.push(one(path, id));
        }
        Ok(answer)
    }

    /// Sends a request and records it.
    pub(super) async fn send(
        &mut self,
        with: With,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failed> {
        let client = match with {
            With::Token => &self.clients.right,
            With::WrongToken => &self.clients.wrong,
            With::NoToken => &self.clients.none,
        };
        if client.seems_down() {
            return Err(Failed::advised(
                "the server does not answer any more; the test was not played",
                "See why the server does not answer, and play again.",
            ));
        }
        let answer = client.send(method, path, body).await;
        let (http_status, text) = match &answer {
            Ok(answer) => (answer.status, answer.text.as_str()),
            Err(_) => (0, ""),
        };
        let exchange = Exchange {
            request: format!("{method} {path}"),
            request_body: bounded(&body.map(Value::to_string).unwrap_or_default()),
            http_status,
            response_body: bounded(&self.without_token(text)),
        };
        if self.exchanges.len() < EXCHANGES_MAX {
            self.exchanges.push(exchange);
        }
        answer.map_err(|failure| unanswered(method, path, &failure))
    }

    fn without_token(&self, text: &str) -> String {
        text.replace(self.clients.token.expose_secret(), TOKEN)
    }

    /// Sends a request that must be answered so.
    fn expect(&self, what: &str, answer: Answer, wanted: &[u16]) -> Result<Answer, Failed> {
        if wanted.contains(&answer.status) {
            return Ok(answer);
        }
        let wanted: Vec<String> = wanted.iter().map(u16::to_string).collect();
        let text = bounded(&self.without_token(&answer.text));
        Err(Failed {
            what: format!(
                "{what} must be answered {}, and was answered {}: {text}",
                wanted.join(" or "),
                answer.status
            ),
            advice: advice_of_status(answer.status),
        })
    }

    /// Creates a resource as the validator does: 201 with an id.
    pub(super) async fn create(&mut self, collection: &str, body: &Value) -> Result<Value, Failed> {
        let answer = self.post(collection, body).await?;
        let answer = self.expect(&format!("POST {collection}"), answer, &[201])?;
        demand(answer.body["id"].is_string(), || {
            format!("POST {collection} was answered without an id")
        })?;
        Ok(answer.body)
    }

    /// The same; its id.
    pub(super) async fn create_id(
        &mut self,
        collection: &str,
        body: &Value,
    ) -> Result<String, Failed> {
        Ok(id_of(&self.create(collection, body).await?))
    }

    /// Reads a resource.
    pub(super) async fn read(&mut self, path: &str) -> Result<Value, Failed> {
        let answer = self.get(path).await?;
        Ok(self.expect(&format!("GET {path}"), answer, &[200])?.body)
    }

    /// Sends a request that must be answered with this status.
    pub(super) async fn must(
        &mut self,
        with: With,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) -> Result<Answer, Failed> {
        let answer = self.send(with, method, path, body).await?;
        let named = match with {
            With::Token => "",
            With::WrongToken => " with a wrong token",
            With::NoToken => " without a token",
        };
        let what = format!("{method} {path}{named}");
        if with != With::Token && answer.status != status {
            let what = format!(
                "{what} must be answered {status}, and was answered {}",
                answer.status
            );
            return Err(Failed::new(what));
        }
        self.expect(&what, answer, &[status])
    }

    /// Removes a resource: 204, and gone.
    pub(super) async fn remove(&mut self, path: &str) -> Result<(), Failed> {
        self.must(With::Token, &Method::DELETE, path, None, 204)
            .await?;
        Ok(())
    }

    /// A resource that is not there.
    pub(super) async fn is_gone(&mut self, path: &str) -> Result<(), Failed> {
        self.must(With::Token, &Method::GET, path, None, 404)
            .await?;
        Ok(())
    }

    /// Applies a PATCH, and reads what came of it.
    pub(super) async fn patched(&mut self, path: &str, body: &Value) -> Result<Value, Failed> {
        let answer = self
            .send(With::Token, &Method::PATCH, path, Some(body))
            .await?;
        let patched = self.expect(&format!("PATCH {path}"), answer, &[200, 204]);
        patched.map_err(|failed| Failed {
            advice: failed.advice.or_else(|| advice_of_ops(body)),
            ..failed
        })?;
        self.read(path).await
    }

    /// The resources of a list, and the list.
    pub(super) async fn list(&mut self, path: &str) -> Result<(Vec<Value>, Value), Failed> {
        let list = self.read(path).await?;
        let resources = match &list["Resources"] {
            Value::Array(resources) => resources.clone(),
            // RFC 7644 section 3.4.2 demands it only where there are some.
            Value::Null => Vec::new(),
            _ => return Err(Failed::new("Resources is no list")),
        };
        demand(list["totalResults"].is_u64(), || {
            format!("GET {path} was answered without a number in totalResults")
        })?;
        Ok((resources, list))
    }

    /// What a filter finds.
    pub(super) async fn find(
        &mut self,
        collection: &str,
        filter: &str,
    ) -> Result<Vec<Value>, Failed> {
        self.find_with(collection, filter, "").await
    }

    /// What a filter finds, with more parameters in the query.
    pub(super) async fn find_with(
        &mut self,
        collection: &str,
        filter: &str,
        more: &str,
    ) -> Result<Vec<Value>, Failed> {
        let encoded = utf8_percent_encode(filter, ENCODED)
            .to_string()
            .replace("%20", "+");
        let (resources, list) = self
            .list(&format!("{collection}?{more}filter={encoded}"))
            .await?;
        demand(list["totalResults"] == resources.len(), || {
            format!(
                "totalResults is {} and there are {} resources",
                list["totalResults"],
                resources.len()
            )
        })?;
        Ok(resources)
    }

    /// The one resource that a filter finds.
    pub(super) async fn find_one(
        &mut self,
        collection: &str,
        filter: &str,
    ) -> Result<Value, Failed> {
        self.find_one_with(collection, filter, "").await
    }

    /// The same, with more parameters in the query.
    pub(super) async fn find_one_with(
        &mut self,
        collection: &str,
        filter: &str,
        more: &str,
    ) -> Result<Value, Failed> {
        let found = self.find_with(collection, filter, more).await?;
        let count = found.len();
        let [one] = <[Value; 1]>::try_from(found)
            .map_err(|_| Failed::new(format!("{filter} must find one, and found {count}")))?;
        Ok(one)
    }

    /// That a filter finds nothing.
    pub(super) async fn find_none(&mut self, collection: &str, filter: &str) -> Result<(), Failed> {
        let found = self.find(collection, filter).await?;
        demand(found.is_empty(), || {
            format!("{filter} must find nothing, and found {}", found.len())
        })
    }
}

/// The path of a resource.
pub(super) fn one(collection: &str, id: &str) -> String {
    format!("{collection}/{}", utf8_percent_encode(id, ENCODED))
}

/// The id of a resource that was created.
pub(super) fn id_of(resource: &Value) -> String {
    resource["id"].as_str().unwrap_or_default().to_owned()
}

fn bounded(text: &str) -> String {
    if text.len() <= BODY_BYTES_MAX {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(BODY_BYTES_MAX)])
}

fn unanswered(method: &Method, path: &str, failure: &Failure) -> Failed {
    let (what, advice) = match failure {
        Failure::Unreachable(why) => (
            format!("no connection: {why}"),
            "Make the endpoint reachable, with a certificate that is trusted.",
        ),
        Failure::Lost(why) => (
            format!("the connection broke: {why}"),
            "See the server's log for why it ended the connection without an answer.",
        ),
        Failure::TimedOut => (
            "no answer in time".to_owned(),
            "Answer within 30 seconds; Entra gives up then.",
        ),
    };
    Failed::advised(format!("{method} {path}: {what}"), advice)
}

/// Where Entra's way of writing operations may be what was refused.
fn advice_of_ops(body: &Value) -> Option<&'static str> {
    let mut operations = body["Operations"].as_array().into_iter().flatten();
    let has_capital = operations.any(|operation| {
        let op = operation["op"].as_str().unwrap_or_default();
        op.starts_with(|c: char| c.is_ascii_uppercase())
    });
    has_capital.then_some(
        "Read the op of a PATCH without regard to case: Entra writes Add, Replace and Remove.",
    )
}

/// What a status tells by itself, whatever was asked.
fn advice_of_status(status: u16) -> Option<&'static str> {
    match status {
        401 => Some("The token was refused. Check that it is the endpoint's current one."),
        403 => Some(
            "The request was refused: a firewall that demands a User-Agent answers so; Entra sends none. Let the SCIM path through.",
        ),
        405 | 501 => Some("Support the method: Entra sends POST, GET, PATCH and DELETE."),
        415 => Some("Accept the media type application/scim+json, with and without a charset."),
        429 => Some("Allow the 25 requests a second that Microsoft asks of a SCIM endpoint."),
        500..=599 => {
            Some("The server failed. See its log: what a client sends must never end in a 5xx.")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_bounded() {
        let long = "é".repeat(BODY_BYTES_MAX);
        assert!(bounded(&long).len() <= BODY_BYTES_MAX + '…'.len_utf8());
        assert_eq!(bounded("short"), "short");
    }

    #[test]
    fn names_are_random() {
        assert_ne!(Probe::user_name(), Probe::user_name());
        assert!(Probe::user_name().starts_with(|c: char| c.is_ascii_uppercase()));
    }
}
