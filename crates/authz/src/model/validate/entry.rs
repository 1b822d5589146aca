//! Whether anybody can ever have a relation.
//!
//! OpenFGA follows every path; here the same is found in rounds, so that a model cannot be made that takes forever.

use std::collections::{HashMap, HashSet};

use crate::model::{TypeDefinition, Userset};

type Key<'a> = (&'a str, &'a str);

pub(super) struct Entries<'a> {
    possible: HashSet<Key<'a>>,
    /// Of those that are not possible: which turn in a circle.
    circular: HashSet<Key<'a>>,
}

impl<'a> Entries<'a> {
    pub(super) fn of(types: &HashMap<&'a str, &'a TypeDefinition>) -> Self {
        let all: Vec<(Key<'a>, &'a Userset)> = types
            .iter()
            .flat_map(|(name, of)| {
                of.relations.iter().map(|(relation, userset)| ((*name, relation), userset))
            })
            .collect();
        let mut entries = Self { possible: HashSet::new(), circular: HashSet::new() };
        let mut grows = true;
        while grows {
            grows = false;
            for (key, userset) in &all {
                if !entries.possible.contains(key) && entries.has_entry(types, *key, userset) {
                    entries.possible.insert(*key);
                    grows = true;
                }
            }
        }
        // What leads nowhere but in circles is left when everything that ends somewhere is taken away.
        let mut left: HashMap<Key<'a>, Vec<Key<'a>>> = HashMap::new();
        for (key, userset) in all.iter().filter(|(key, _)| !entries.possible.contains(key)) {
            let mut calls = Vec::new();
            entries.failing(types, *key, userset, &mut calls);
            left.insert(*key, calls);
        }
        loop {
            let ends: Vec<Key<'a>> = left
                .iter()
                .filter(|(_, calls)| !calls.iter().any(|c| left.contains_key(c)))
                .map(|(key, _)| *key)
                .collect();
            if ends.is_empty() {
                break;
            }
            for key in ends {
                left.remove(&key);
            }
        }
        entries.circular = left.into_keys().collect();
        entries
    }

    /// `None` when somebody can have the relation; else whether it turns in a circle.
    pub(super) fn missing(&self, type_name: &str, relation: &str) -> Option<bool> {
        let key = (type_name, relation);
        (!self.possible.contains(&key)).then(|| self.circular.contains(&key))
    }

    fn has_entry(
        &self,
        types: &HashMap<&'a str, &'a TypeDefinition>,
        key: Key<'a>,
        userset: &'a Userset,
    ) -> bool {
        let (type_name, relation) = key;
        let Some(of) = types.get(type_name) else { return false };
        match userset {
            Userset::This(_) => of.restrictions(relation).iter().any(|kind| match &kind.relation {
                Some(inner) if kind.wildcard.is_none() => {
                    self.possible.contains(&(kind.type_name.as_str(), inner.as_str()))
                }
                _ => true,
            }),
            Userset::Computed(to) => self.possible.contains(&(type_name, to.relation.as_str())),
            Userset::TupleToUserset(ttu) => of.restrictions(&ttu.tupleset.relation).iter().any(|kind| {
                self.possible.contains(&(kind.type_name.as_str(), ttu.computed.relation.as_str()))
            }),
            Userset::Union(all) => all.child.iter().any(|child| self.has_entry(types, key, child)),
            Userset::Intersection(all) => all.child.iter().all(|child| self.has_entry(types, key, child)),
            Userset::Difference(parts) => {
                self.has_entry(types, key, &parts.base) && self.has_entry(types, key, &parts.subtract)
            }
        }
    }

    /// The relations of the same object for want of which a relation is impossible.
    fn failing(
        &self,
        types: &HashMap<&'a str, &'a TypeDefinition>,
        key: Key<'a>,
        userset: &'a Userset,
        out: &mut Vec<Key<'a>>,
    ) {
        match userset {
            Userset::This(_) | Userset::TupleToUserset(_) => {}
            Userset::Computed(to) => out.push((key.0, to.relation.as_str())),
            Userset::Union(all) => all.child.iter().for_each(|child| self.failing(types, key, child, out)),
            Userset::Intersection(all) => {
                if let Some(child) = all.child.iter().find(|child| !self.has_entry(types, key, child)) {
                    self.failing(types, key, child, out);
                }
            }
            Userset::Difference(parts) => {
                let base = self.has_entry(types, key, &parts.base);
                self.failing(types, key, if base { &parts.subtract } else { &parts.base }, out);
            }
        }
    }
}
