//! The keywords of JSON Schema.

/// The value of a keyword.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    /// A schema, or a list of schemas.
    Schema,
    /// An object whose fields are schemas.
    Schemas,
    /// An object whose names are patterns and whose fields are schemas.
    Patterns,
    /// A pattern.
    Pattern,
    /// A reference to a schema.
    Reference,
    /// A reference whose target depends on the answers.
    DynamicReference,
    /// A name or an address of the schema.
    Identity,
    /// Anything else: no schema is in it.
    Value,
}

impl Keyword {
    /// The keyword of a name, in any draft from 4 to 2020-12; `None` when no draft has it. Names that begin with `x-`
    /// are annotations of the application.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "additionalItems"
            | "additionalProperties"
            | "allOf"
            | "anyOf"
            | "contains"
            | "contentSchema"
            | "else"
            | "if"
            | "items"
            | "not"
            | "oneOf"
            | "prefixItems"
            | "propertyNames"
            | "then"
            | "unevaluatedItems"
            | "unevaluatedProperties" => Self::Schema,
            "$defs" | "definitions" | "dependencies" | "dependentSchemas" | "properties" => Self::Schemas,
            "patternProperties" => Self::Patterns,
            "pattern" => Self::Pattern,
            "$ref" => Self::Reference,
            "$dynamicRef" | "$recursiveRef" => Self::DynamicReference,
            "$anchor" | "$dynamicAnchor" | "$id" | "$recursiveAnchor" | "id" => Self::Identity,
            "$comment" | "$schema" | "$vocabulary" | "const" | "contentEncoding" | "contentMediaType"
            | "default" | "dependentRequired" | "deprecated" | "description" | "enum" | "examples"
            | "exclusiveMaximum" | "exclusiveMinimum" | "format" | "maxContains" | "maxItems"
            | "maxLength" | "maxProperties" | "maximum" | "minContains" | "minItems" | "minLength"
            | "minProperties" | "minimum" | "multipleOf" | "readOnly" | "required" | "title" | "type"
            | "uniqueItems" | "writeOnly" => Self::Value,
            _ if name.starts_with("x-") => Self::Value,
            _ => return None,
        })
    }

    /// Whether a schema with this name evaluates its siblings a second time.
    pub(super) fn repeats(name: &str) -> bool {
        matches!(name, "unevaluatedItems" | "unevaluatedProperties" | "oneOf")
    }
}
