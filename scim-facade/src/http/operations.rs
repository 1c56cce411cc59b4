//! The operations on a resource, whether they come as a request or in a bulk: what is read from a body, what is asked of the core, and
//! what comes of it.

use provisioning_proto::v1::{DryRun, GroupView};
use serde_json::{Map, Value};

use crate::{
    entra,
    http::{
        collection::{Caller, Collection, Target, Written},
        exchange::Failure,
        preconditions::{Preconditions, Required},
    },
    scim::{error::ScimError, input, patch, resource::Resource},
};

/// POST to a collection.
pub(crate) async fn create<R: Collection>(
    caller: &Caller<'_>,
    body: Map<String, Value>,
) -> Result<Written<R>, Failure> {
    let resource: R = read(body)?;
    Ok(resource.create(caller).await?)
}

/// PUT.
pub(crate) async fn replace<R: Collection>(
    caller: &Caller<'_>,
    id: &str,
    preconditions: &Preconditions,
    body: Map<String, Value>,
) -> Result<Written<R>, Failure> {
    let resource: R = read(body)?;
    let target = target::<R>(caller, id, preconditions).await?;
    Ok(resource.replace(caller, target).await?)
}

/// PATCH. The resource, and whether the answer shows it though nobody asked.
pub(crate) async fn patch<R: Collection>(
    caller: &Caller<'_>,
    id: &str,
    preconditions: &Preconditions,
    body: Map<String, Value>,
) -> Result<(Written<R>, bool), Failure> {
    let operations = entra::operations(patch::parse(body)?);
    if operations.is_empty() {
        return Ok((unchanged(caller, id, preconditions).await?, false));
    }
    let target = target::<R>(caller, id, preconditions).await?;
    let (written, dialect) = R::patch(caller, target, operations).await?;
    Ok((written, R::is_shown_after_patch(dialect)))
}

/// The resource as a PATCH of which nothing is left leaves it, for example one that only sets a manager to null.
async fn unchanged<R: Collection>(
    caller: &Caller<'_>,
    id: &str,
    preconditions: &Preconditions,
) -> Result<Written<R>, Failure> {
    let resource = R::get(caller, id).await?;
    preconditions.check_write(resource.head().etag)?;
    Ok(Written {
        resource,
        dry_run: caller.metadata.is_dry_run.then(DryRun::default),
    })
}

/// DELETE.
pub(crate) async fn delete<R: Collection>(
    caller: &Caller<'_>,
    id: &str,
    preconditions: &Preconditions,
) -> Result<Option<DryRun>, Failure> {
    let target = target::<R>(caller, id, preconditions).await?;
    Ok(R::delete(caller, target).await?)
}

fn read<R: Resource>(mut body: Map<String, Value>) -> Result<R, ScimError> {
    entra::resource(&mut body);
    input::parse(body)
}

/// What a mutation demands of the core. A version that was checked here is demanded, so that nothing can come in between.
async fn target<R: Collection>(
    caller: &Caller<'_>,
    id: &str,
    preconditions: &Preconditions,
) -> Result<Target, Failure> {
    let etag = match preconditions.required() {
        Required::Nothing => String::new(),
        Required::Version(etag) => etag,
        Required::Current => {
            let without_members = Caller {
                view: GroupView::Basic,
                ..*caller
            };
            let current = R::get(&without_members, id).await?;
            let etag = current.head().etag;
            preconditions.check_write(etag)?;
            etag.to_owned()
        }
    };
    Ok(Target {
        id: id.to_owned(),
        etag,
    })
}
