//! The body of a PATCH (RFC 7644 section 3.5.2): JSON to operations, operations to the contract's messages.

use provisioning_proto::{json, v1};
use serde_json::{Map, Value};

use crate::{
    config::OPERATIONS_MAX,
    scim::error::{ScimError, ScimType},
};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Replace,
    Remove,
}

/// One operation. The path and the names in the value are as the client wrote them: the core knows the schema.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operation {
    pub op: Op,
    /// Absent: the value is an object of attributes.
    pub path: Option<String>,
    /// Absent and null are two things.
    pub value: Option<Value>,
}

/// Reads the operations. Names have no case, and neither has `op`, though the RFC writes it small: Entra capitalises it
/// (MicrosoftDocs/entra-docs, application-provisioning-config-problem-scim-compatibility). What else is in the body is ignored.
pub(crate) fn parse(body: Map<String, Value>) -> Result<Vec<Operation>, ScimError> {
    let Some(Value::Array(operations)) = take(body, "Operations") else {
        return Err(ScimError::syntax("A PATCH needs \"Operations\", an array."));
    };
    match operations.len() {
        0 => Err(ScimError::syntax(
            "\"Operations\" is empty: there is nothing to do.",
        )),
        1..=OPERATIONS_MAX => operations
            .into_iter()
            .zip(1..)
            .map(|(value, number)| operation(number, value))
            .collect(),
        given => Err(ScimError::bad_request(
            ScimType::TooMany,
            format!(
                "The PATCH has {given} operations; at most {OPERATIONS_MAX} are taken. Map fewer attributes in Entra, or send several \
                 PATCHes."
            ),
        )),
    }
}

/// Errors count as people do, from 1.
fn operation(number: usize, value: Value) -> Result<Operation, ScimError> {
    let Value::Object(fields) = value else {
        return Err(ScimError::syntax(format!(
            "operation {number}: it must be an object."
        )));
    };
    let (mut op, mut path, mut operand) = (None, None, None);
    for (name, value) in fields {
        match name.to_ascii_lowercase().as_str() {
            "op" => op = value.as_str().and_then(parse_op),
            "path" => path = Some(value),
            "value" => operand = Some(value),
            _ => {}
        }
    }
    let op = op.ok_or_else(|| {
        ScimError::syntax(format!(
            "operation {number}: \"op\" must be \"add\", \"replace\" or \"remove\"."
        ))
    })?;
    let path = match path {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) => Some(path),
        Some(_) => {
            return Err(ScimError::syntax(format!(
                "operation {number}: \"path\" must be a string."
            )));
        }
    };
    Ok(Operation {
        op,
        path: path.filter(|path| !path.is_empty()),
        value: operand,
    })
}

fn parse_op(word: &str) -> Option<Op> {
    match word.to_ascii_lowercase().as_str() {
        "add" => Some(Op::Add),
        "replace" => Some(Op::Replace),
        "remove" => Some(Op::Remove),
        _ => None,
    }
}

fn take(object: Map<String, Value>, name: &str) -> Option<Value> {
    object
        .into_iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

impl From<Operation> for v1::PatchOperation {
    fn from(operation: Operation) -> Self {
        let op = match operation.op {
            Op::Add => v1::patch_operation::Op::Add,
            Op::Replace => v1::patch_operation::Op::Replace,
            Op::Remove => v1::patch_operation::Op::Remove,
        };
        Self {
            op: op.into(),
            path: operation.path,
            value: operation.value.map(json::to_proto),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: Value) -> Result<Vec<Operation>, String> {
        let Value::Object(object) = json else {
            panic!("a body is an object")
        };
        parse(object).map_err(|error| error.detail)
    }

    fn operation(op: Op, path: Option<&str>, value: Option<Value>) -> Operation {
        Operation {
            op,
            path: path.map(str::to_owned),
            value,
        }
    }

    #[test]
    fn words_have_no_case_and_extra_keys_do_not_matter() {
        let body = json!({"id": "1", "operations": [
            {"name": "x", "OP": "Add", "Path": "nickName", "Value": "Babs"},
            {"op": "REPLACE", "value": {"active": false}},
            {"op": "remove", "path": "title"},
            {"op": "replace", "path": "title", "value": null},
            {"op": "replace", "path": null, "value": {}},
            {"op": "replace", "path": "", "value": {}},
        ]});
        let expected = vec![
            operation(Op::Add, Some("nickName"), Some(json!("Babs"))),
            operation(Op::Replace, None, Some(json!({"active": false}))),
            operation(Op::Remove, Some("title"), None),
            operation(Op::Replace, Some("title"), Some(Value::Null)),
            operation(Op::Replace, None, Some(json!({}))),
            operation(Op::Replace, None, Some(json!({}))),
        ];
        assert_eq!(read(body).unwrap(), expected);
    }

    #[test]
    fn an_error_says_which_operation() {
        let add = json!({"op": "add", "path": "a", "value": 1});
        let refused = |operations: Value| read(json!({"Operations": operations})).unwrap_err();
        assert_eq!(
            refused(json!([add, 1])),
            "operation 2: it must be an object."
        );
        for op in [
            json!({"op": "move"}),
            json!({"op": 1}),
            json!({"path": "a"}),
        ] {
            assert_eq!(
                refused(json!([op])),
                "operation 1: \"op\" must be \"add\", \"replace\" or \"remove\"."
            );
        }
        assert_eq!(
            refused(json!([{"op": "add", "path": 1}])),
            "operation 1: \"path\" must be a string."
        );
        assert!(refused(json!([])).contains("nothing to do"));
        assert!(refused(json!(vec![add.clone(); 101])).contains("101 operations; at most 100"));
        assert_eq!(
            read(json!({"Operations": vec![add; 100]})).unwrap().len(),
            100
        );
        assert!(
            read(json!({"schemas": []}))
                .unwrap_err()
                .contains("\"Operations\"")
        );
        assert!(
            read(json!({"Operations": {}}))
                .unwrap_err()
                .contains("an array")
        );
    }

    #[test]
    fn null_is_not_absence_in_the_contract() {
        let of =
            |value| v1::PatchOperation::from(operation(Op::Replace, Some("title"), value)).value;
        assert_eq!(of(None), None);
        assert_eq!(of(Some(Value::Null)), Some(json::to_proto(Value::Null)));
    }
}
