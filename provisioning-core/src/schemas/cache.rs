//! The schemas that this process has read, by tenant. Never the authority: every statement that reads for a call also returns the tenant's schema
//! version, and schemas of another version are not used.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::TenantSchemas;
use crate::tenants::Identifier;

/// Tenants whose schemas are kept.
const TENANTS_MAX: usize = 1_000;
/// Attributes that are kept in all: each takes a few hundred bytes.
const SIZE_MAX: usize = 100_000;

/// Schemas by tenant; the least recently used ones go first.
#[derive(Default)]
pub(crate) struct SchemaCache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    tenants: HashMap<Identifier, Entry>,
    size: usize,
    uses: u64,
}

struct Entry {
    schemas: Arc<TenantSchemas>,
    used: u64,
}

impl SchemaCache {
    /// What was read last for the tenant; the built-in schemas when nothing was.
    pub fn find(&self, tenant: &Identifier) -> Arc<TenantSchemas> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let used = kept.uses;
        kept.tenants
            .get_mut(tenant)
            .map_or_else(TenantSchemas::built_in, |entry| {
                entry.used = used;
                Arc::clone(&entry.schemas)
            })
    }

    /// Keeps what was read.
    pub fn keep(&self, tenant: &Identifier, schemas: &Arc<TenantSchemas>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(tenant);
        if schemas.size() > SIZE_MAX {
            return;
        }
        kept.uses += 1;
        kept.size += schemas.size();
        let entry = Entry {
            schemas: Arc::clone(schemas),
            used: kept.uses,
        };
        kept.tenants.insert(tenant.clone(), entry);
        while kept.tenants.len() > TENANTS_MAX || kept.size > SIZE_MAX {
            let oldest = kept.tenants.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(tenant, _)| tenant.clone()) else {
                return;
            };
            kept.remove(&oldest);
        }
    }
}

impl Kept {
    fn remove(&mut self, tenant: &Identifier) {
        if let Some(entry) = self.tenants.remove(tenant) {
            self.size -= entry.schemas.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attributes::schema::{ResourceSchema, Schema},
        schemas::{Extended, ExtensionSchema},
    };

    fn identifier(number: usize) -> Identifier {
        Identifier::parse(&format!("tenant-{number}")).expect("it is one")
    }

    /// Schemas of a version, with as many attributes as that.
    fn schemas(version: i64, size: usize) -> Arc<TenantSchemas> {
        let attribute = ResourceSchema::user()
            .attribute("title")
            .expect("it is there")
            .clone();
        let schema = Schema {
            id: "urn:x:y".to_owned(),
            name: String::new(),
            description: String::new(),
            attributes: vec![attribute; size],
            built_in: false,
        };
        let own = ExtensionSchema {
            schema: Arc::new(schema),
            extends: Extended::User,
            version,
        };
        Arc::new(TenantSchemas::new(version, &[own]))
    }

    #[test]
    fn what_was_read_last_is_kept() {
        let cache = SchemaCache::default();
        let tenant = identifier(1);
        assert_eq!(cache.find(&tenant).version, 0);
        for version in [1, 2] {
            cache.keep(&tenant, &schemas(version, 5));
            assert_eq!(cache.find(&tenant).version, version);
        }
        assert_eq!(cache.0.lock().expect("nobody panicked").size, 5);
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let cache = SchemaCache::default();
        for number in 0..TENANTS_MAX {
            cache.keep(&identifier(number), &schemas(1, 1));
        }
        assert_eq!(cache.find(&identifier(0)).version, 1);
        cache.keep(&identifier(TENANTS_MAX), &schemas(1, 1));
        assert_eq!(cache.find(&identifier(0)).version, 1);
        assert_eq!(cache.find(&identifier(1)).version, 0, "it was the oldest");
        cache.keep(&identifier(1), &schemas(1, SIZE_MAX));
        let kept = cache.0.lock().expect("nobody panicked");
        assert_eq!((kept.tenants.len(), kept.size), (1, SIZE_MAX));
    }

    #[test]
    fn what_is_too_large_to_keep_is_not_kept() {
        let cache = SchemaCache::default();
        cache.keep(&identifier(1), &schemas(1, SIZE_MAX + 1));
        assert_eq!(cache.find(&identifier(1)).version, 0);
    }
}
