//! Extension schemas: defined, read, defined anew, deleted, as every other thing that an admin writes.

use std::time::Duration;

use provisioning_core::{
    accounts::Precondition,
    error::Reason,
    log::{Outcome, ResourceType},
    receipts::{Answer, Once},
    schemas::{AttributeDefinition, Definition, ExtensionSchema, SCHEMAS_MAX},
};

use crate::world::{CONTOSO, FABRIKAM, World, admin, fresh, on_every_engine, once, reason};

const URN: &str = "urn:ietf:params:scim:schemas:extension:Contoso:2.0:User";

fn attribute(name: &str, kind: &str) -> AttributeDefinition {
    AttributeDefinition {
        name: name.to_owned(),
        kind: kind.to_owned(),
        ..AttributeDefinition::default()
    }
}

fn definition(urn: &str, attributes: Vec<AttributeDefinition>) -> Definition {
    Definition {
        id: urn.to_owned(),
        resource_type: "User".to_owned(),
        attributes,
        ..Definition::default()
    }
}

fn costs() -> Definition {
    definition(URN, vec![attribute("costCode", "integer")])
}

async fn define(world: &World, definition: &Definition) -> ExtensionSchema {
    fresh(
        world
            .core
            .create_extension_schema(&admin(CONTOSO), definition, false, None)
            .await,
    )
}

fn etag(etag: &str) -> Precondition {
    Precondition {
        etag: Some(etag.to_owned()),
        validate_only: false,
    }
}

on_every_engine! {
    async fn a_schema_is_defined_read_listed_and_deleted(world: World) {
        let admin = admin(CONTOSO);
        let made = define(&world, &costs()).await;
        let other = define(&world, &definition("urn:a:b", vec![attribute("x", "")])).await;
        assert_eq!(world.core.get_extension_schema(&admin, &URN.to_lowercase()).await.expect("it is there"), made);
        assert_eq!(world.core.list_extension_schemas(&admin).await.expect("they are listed"), [other.clone(), made.clone()]);
        assert_ne!(made.etag(), other.etag());
        let none = Precondition::default();
        fresh(world.core.delete_extension_schema(&admin, URN, &none, None).await);
        assert_eq!(reason(world.core.get_extension_schema(&admin, URN).await), Reason::SchemaNotFound);
        assert_eq!(reason(world.core.delete_extension_schema(&admin, URN, &none, None).await), Reason::SchemaNotFound);
        let again = define(&world, &costs()).await;
        assert_ne!(again.etag(), made.etag(), "an etag never comes again");
    }

    async fn what_a_tenant_defines_is_its_own(world: World) {
        world.create_tenant(FABRIKAM).await;
        define(&world, &costs()).await;
        assert_eq!(world.core.list_extension_schemas(&admin(FABRIKAM)).await.expect("they are listed"), []);
        let schemas = world.core.list_schemas(&admin(FABRIKAM)).await.expect("they are listed");
        assert!(schemas.user.extension(URN).is_none());
        let schemas = world.core.list_schemas(&admin(CONTOSO)).await.expect("they are listed");
        assert!(schemas.user.extension(URN).is_some() && schemas.group.extension(URN).is_none());
    }

    async fn a_urn_is_defined_once_and_none_is_the_beginning_of_another(world: World) {
        define(&world, &costs()).await;
        for urn in [
            URN,
            &URN.to_uppercase(),
            &format!("{URN}:more"),
            "urn:ietf:params:scim:schemas:extension:Contoso",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ] {
            let refused = world.core.create_extension_schema(&admin(CONTOSO), &definition(urn, vec![attribute("x", "")]), false, None).await;
            assert_eq!(reason(refused), Reason::SchemaExists, "{urn}");
        }
    }

    async fn a_schema_is_changed_with_the_etag_that_was_read(world: World) {
        let admin = admin(CONTOSO);
        let made = define(&world, &costs()).await;
        let more = definition(&URN.to_lowercase(), vec![attribute("costCode", "integer"), attribute("site", "")]);
        let changed = fresh(world.core.update_extension_schema(&admin, &more, &etag(&made.etag()), None).await);
        assert_eq!((changed.schema.id.as_str(), changed.schema.attributes.len()), (URN, 2));
        let stale = world.core.update_extension_schema(&admin, &costs(), &etag(&made.etag()), None).await;
        assert_eq!(reason(stale), Reason::EtagMismatch);
        let stale = world.core.delete_extension_schema(&admin, URN, &etag(&made.etag()), None).await;
        assert_eq!(reason(stale), Reason::EtagMismatch);
        let unknown = definition("urn:a:b", vec![attribute("x", "")]);
        assert_eq!(reason(world.core.update_extension_schema(&admin, &unknown, &Precondition::default(), None).await), Reason::SchemaNotFound);
        let other_type = definition(URN, vec![attribute("costCode", "string")]);
        assert_eq!(reason(world.core.update_extension_schema(&admin, &other_type, &Precondition::default(), None).await), Reason::InvalidRequest);
    }

    async fn validating_changes_nothing_and_finds_the_same_faults(world: World) {
        let admin = admin(CONTOSO);
        fresh(world.core.create_extension_schema(&admin, &costs(), true, None).await);
        assert_eq!(world.core.list_extension_schemas(&admin).await.expect("they are listed"), []);
        let bad = definition("no urn", Vec::new());
        assert_eq!(reason(world.core.create_extension_schema(&admin, &bad, true, None).await), Reason::InvalidRequest);
        define(&world, &costs()).await;
        assert_eq!(reason(world.core.create_extension_schema(&admin, &costs(), true, None).await), Reason::SchemaExists);
        let validate = Precondition { etag: None, validate_only: true };
        fresh(world.core.delete_extension_schema(&admin, URN, &validate, None).await);
        world.core.get_extension_schema(&admin, URN).await.expect("it is still there");
        assert_eq!(world.log(CONTOSO, "operation eq \"schema_delete\"").await.len(), 0);
    }

    async fn a_repeated_request_is_answered_as_the_first_time(world: World) {
        let admin = admin(CONTOSO);
        let encode = |schema: &ExtensionSchema| schema.etag().into_bytes();
        let once = |request| Some(Once { encode: &encode, ..once(request, 1) });
        let made = fresh(world.core.create_extension_schema(&admin, &costs(), false, once(1)).await);
        match world.core.create_extension_schema(&admin, &costs(), false, once(1)).await.expect("it is answered") {
            Answer::Replayed(bytes) => assert_eq!(bytes, made.etag().into_bytes()),
            Answer::Fresh(_) => panic!("it was defined twice"),
        }
        // What there is nothing to do for is kept as well.
        let none = Precondition::default();
        let same = fresh(world.core.update_extension_schema(&admin, &costs(), &none, once(2)).await);
        assert_eq!(same, made);
        let replayed = world.core.update_extension_schema(&admin, &costs(), &none, once(2)).await;
        assert!(matches!(replayed, Ok(Answer::Replayed(_))));
        assert!(world.log(CONTOSO, "operation eq \"schema_update\"").await.is_empty(), "nothing changed");
    }

    async fn the_log_tells_what_was_defined(world: World) {
        let admin = admin(CONTOSO);
        let later = || world.clock.advance(Duration::from_millis(1));
        define(&world, &costs()).await;
        later();
        let more = definition(URN, vec![attribute("site", "")]);
        fresh(world.core.update_extension_schema(&admin, &more, &Precondition::default(), None).await);
        later();
        assert_eq!(reason(world.core.create_extension_schema(&admin, &definition("x", Vec::new()), false, None).await), Reason::InvalidRequest);
        later();
        fresh(world.core.delete_extension_schema(&admin, URN, &Precondition::default(), None).await);

        let entries = world.log(CONTOSO, "resourceType eq \"Schema\"").await;
        let told: Vec<_> = entries.iter().map(|entry| (entry.operation.as_str(), entry.outcome, entry.http_status, entry.resource_id.as_str())).collect();
        assert_eq!(
            told,
            [
                ("schema_delete", Outcome::Success, 204, URN),
                ("schema_create", Outcome::Failure, 400, "x"),
                ("schema_update", Outcome::Success, 200, URN),
                ("schema_create", Outcome::Success, 201, URN),
            ]
        );
        assert_eq!(entries[0].resource_type, ResourceType::Schema);
        let changes: Vec<_> = entries[2].changes.iter().map(|change| (change.attribute.as_str(), change.old.is_some(), change.new.is_some())).collect();
        assert_eq!(changes, [("attributes.site", false, true), ("attributes.costCode", true, false)]);
    }

    async fn a_tenant_defines_at_most_so_many_schemas(world: World) {
        for number in 0..SCHEMAS_MAX {
            define(&world, &definition(&format!("urn:x:schema-{number}"), vec![attribute("x", "")])).await;
        }
        let one_more = definition("urn:x:one-more", vec![attribute("x", "")]);
        assert_eq!(reason(world.core.create_extension_schema(&admin(CONTOSO), &one_more, false, None).await), Reason::TooMany);
    }

    async fn definitions_at_once_are_all_there(world: World) {
        let admin = admin(CONTOSO);
        let definitions: Vec<_> = (0..4).map(|number| definition(&format!("urn:x:schema-{number}"), vec![attribute("x", "")])).collect();
        let writes = definitions.iter().map(|definition| world.core.create_extension_schema(&admin, definition, false, None));
        let results = futures_util::future::join_all(writes).await;
        let written = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(world.core.list_extension_schemas(&admin).await.expect("they are listed").len(), written);
        for result in results.into_iter().filter(Result::is_err) {
            assert_eq!(reason(result), Reason::Contention);
        }
    }
}
