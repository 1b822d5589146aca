//! A model as OpenFGA's API carries it: what may be related to what, and what follows from it.

mod ordered;
mod print;
pub(crate) mod validate;

use serde::{Deserialize, Deserializer, Serialize};

pub use ordered::Ordered;
pub(crate) use print::definition;
pub use print::{PrintError, PrintOptions, modules, to_dsl};

/// An authorization model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// `1.1`, or `1.2` for a model of several modules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<String>,
    /// The types of objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_definitions: Option<Vec<TypeDefinition>>,
    /// The conditions by name.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Ordered<Condition>>,
}

impl Model {
    /// The types; none for a model without any.
    pub fn types(&self) -> &[TypeDefinition] {
        self.type_definitions.as_deref().unwrap_or_default()
    }

    /// A type by its name. Of two types with one name it is the later one.
    pub(crate) fn get_type(&self, name: &str) -> Option<&TypeDefinition> {
        self.types().iter().rev().find(|t| t.name == name)
    }

    pub(crate) fn condition(&self, name: &str) -> Option<&Condition> {
        self.conditions.as_ref()?.get(name)
    }
}

/// A type of objects and its relations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TypeDefinition {
    /// Its name.
    #[serde(rename = "type")]
    pub name: String,
    /// What its relations follow from, by name.
    #[serde(default, deserialize_with = "or_default")]
    pub relations: Ordered<Userset>,
    /// What can be said directly, and where the type was written.
    #[serde(default)]
    pub metadata: Option<Metadata>,
}

impl TypeDefinition {
    pub(crate) fn relation_metadata(&self, relation: &str) -> Option<&RelationMetadata> {
        self.metadata.as_ref()?.relations.as_ref()?.get(relation)
    }

    /// What a tuple of the relation may name as its user.
    pub(crate) fn restrictions(&self, relation: &str) -> &[RelationReference] {
        self.relation_metadata(relation)
            .and_then(|m| m.directly_related_user_types.as_deref())
            .unwrap_or_default()
    }

    pub(crate) fn module(&self) -> Option<&str> {
        self.metadata.as_ref()?.module.as_deref()
    }

    pub(crate) fn file(&self) -> Option<&str> {
        self.metadata.as_ref()?.source_info.as_ref()?.file.as_deref()
    }
}

/// What is noted about a type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// About its relations, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relations: Option<Ordered<RelationMetadata>>,
    /// The module it was written in.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The file it was written in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
}

/// Where something was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// Path of the file within the model.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// What is noted about a relation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RelationMetadata {
    /// What a tuple of the relation may name as its user.
    #[serde(default)]
    pub directly_related_user_types: Option<Vec<RelationReference>>,
    /// The module it was written in, when that is not the module of the type.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The file it was written in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
}

/// A kind of user: an object of a type, everything of a type, or those who have a relation to an object of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationReference {
    /// The type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// For `group#member` the relation.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// For `user:*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wildcard: Option<Empty>,
    /// The condition a tuple of this kind must name.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

impl std::fmt::Display for RelationReference {
    /// As it is written between brackets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.type_name)?;
        if self.wildcard.is_some() {
            f.write_str(":*")?;
        }
        if let Some(relation) = &self.relation {
            write!(f, "#{relation}")?;
        }
        if let Some(condition) = &self.condition {
            write!(f, " with {condition}")?;
        }
        Ok(())
    }
}

/// An empty object of the wire form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// What a relation follows from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Userset {
    /// From tuples of the relation itself.
    #[serde(rename = "this")]
    This(Empty),
    /// From another relation of the same object.
    #[serde(rename = "computedUserset", alias = "computed_userset")]
    Computed(ObjectRelation),
    /// From a relation of the objects that another relation names: `viewer from parent`.
    #[serde(rename = "tupleToUserset", alias = "tuple_to_userset")]
    TupleToUserset(TupleToUserset),
    /// From any of several.
    #[serde(rename = "union")]
    Union(Usersets),
    /// From all of several.
    #[serde(rename = "intersection")]
    Intersection(Usersets),
    /// From one and not from another.
    #[serde(rename = "difference")]
    Difference(Box<Difference>),
}

/// A relation of an object; the object is given by what surrounds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRelation {
    /// Always empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// The relation.
    #[serde(default)]
    pub relation: String,
}

/// `computed from tupleset`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TupleToUserset {
    /// The relation that names the other objects.
    pub tupleset: ObjectRelation,
    /// The relation of those objects.
    #[serde(rename = "computedUserset", alias = "computed_userset")]
    pub computed: ObjectRelation,
}

/// Several usersets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usersets {
    /// They.
    #[serde(default)]
    pub child: Vec<Userset>,
}

/// One userset without another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// From this.
    pub base: Userset,
    /// Not from this.
    pub subtract: Userset,
}

/// A condition: an expression of the Common Expression Language over named parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// The expression.
    #[serde(default)]
    pub expression: String,
    /// The parameters by name.
    #[serde(default, deserialize_with = "or_default")]
    pub parameters: Ordered<ParameterType>,
    /// Where it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ConditionMetadata>,
}

/// What is noted about a condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionMetadata {
    /// The module it was written in.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The file it was written in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
}

/// The type of a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterType {
    /// `TYPE_NAME_STRING` and so on.
    #[serde(default)]
    pub type_name: String,
    /// What a list or a map consists of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generic_types: Vec<ParameterType>,
}

/// The wire form says `null` for an empty map.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// The wire form says `""` for an absent name.
fn not_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.filter(|s| !s.is_empty()))
}
