//! The work that a form's schema can cause, bounded before the schema is compiled.

use serde_json::{Map, Value as Json};

use super::keywords::Keyword;
use crate::vocabulary::{InvalidInput, json, limits};

/// Checks that a schema is within the limits, with each reference replaced by its target. A form that is saved has
/// only keywords of JSON Schema.
pub(super) fn check(schema: &Json, saved: bool) -> Result<Work, InvalidInput> {
    json::check("form schema", schema)?;
    let mut budget = Budget { root: schema, saved, schemas: 0, choices: 0, patterns: 0 };
    budget.visit(schema, 1, 1)?;
    // A choice that does not match costs far less than a schema that reports an error.
    Ok(Work(budget.schemas.saturating_add(budget.choices / 8)))
}

/// The checks of one value by a form.
pub(super) struct Work(usize);

impl Work {
    /// Checks that a validation of answers is within the limit.
    pub(super) fn check(&self, responses: &Json) -> Result<(), InvalidInput> {
        let values = json::check("responses", responses)?;
        let work = self.0.saturating_mul(values);
        if work > limits::FORM_CHECKS {
            let most = limits::FORM_CHECKS;
            let reason =
                format!("is the number of checks of these answers by the form; the maximum is {most}");
            return Err(InvalidInput::new("responses", work.to_string(), reason));
        }
        Ok(())
    }
}

struct Budget<'a> {
    root: &'a Json,
    saved: bool,
    schemas: usize,
    choices: usize,
    patterns: usize,
}

impl<'a> Budget<'a> {
    /// Visits a schema. The weight is the number of times that a validation can evaluate it.
    fn visit(&mut self, schema: &'a Json, depth: usize, weight: usize) -> Result<(), InvalidInput> {
        if let Json::Array(schemas) = schema {
            return schemas.iter().try_for_each(|schema| self.visit(schema, depth, weight));
        }
        within("levels through references", depth, limits::FORM_DEPTH)?;
        self.schemas = self.schemas.saturating_add(weight);
        within("schemas through references", self.schemas, limits::FORM_SCHEMAS)?;
        let Json::Object(fields) = schema else { return Ok(()) };
        let repeats = fields.keys().any(|name| Keyword::repeats(name));
        let weight = if repeats { weight.saturating_mul(2) } else { weight };
        fields.iter().try_for_each(|(name, value)| self.keyword(name, value, depth, weight))
    }

    fn keyword(
        &mut self,
        name: &str,
        value: &'a Json,
        depth: usize,
        weight: usize,
    ) -> Result<(), InvalidInput> {
        match Keyword::of(name) {
            Some(Keyword::Schema) => self.visit(value, depth + 1, weight),
            Some(Keyword::Schemas) => self.visit_fields(value, depth, weight),
            Some(Keyword::Patterns) => {
                self.count_patterns(value.as_object().map_or(0, Map::len))?;
                self.visit_fields(value, depth, weight)
            }
            Some(Keyword::Pattern) => self.count_patterns(1),
            Some(Keyword::Reference) => {
                let target = self.target(value)?;
                self.visit(target, depth + 1, weight)
            }
            Some(Keyword::DynamicReference) => {
                Err(refused(name, "refers to a schema that depends on the answers; use $ref"))
            }
            Some(Keyword::Identity) if name == "$id" || name == "id" => self.identity(value, depth),
            Some(Keyword::Value) => {
                let choices = value.as_array().map_or(0, Vec::len).saturating_mul(weight);
                self.choices = self.choices.saturating_add(choices);
                Ok(())
            }
            None if self.saved => Err(refused(
                name,
                "is not a keyword of JSON Schema; correct it, or begin the name of an annotation with x-",
            )),
            Some(Keyword::Identity) | None => Ok(()),
        }
    }

    fn visit_fields(&mut self, value: &'a Json, depth: usize, weight: usize) -> Result<(), InvalidInput> {
        let fields = value.as_object().into_iter().flat_map(Map::values);
        fields.into_iter().try_for_each(|schema| self.visit(schema, depth + 1, weight))
    }

    fn count_patterns(&mut self, more: usize) -> Result<(), InvalidInput> {
        self.patterns = self.patterns.saturating_add(more);
        within("patterns through references", self.patterns, limits::FORM_PATTERNS)
    }

    /// The target of a reference. Only a JSON Pointer into the same schema has one, so that no target is overlooked.
    fn target(&self, reference: &Json) -> Result<&'a Json, InvalidInput> {
        let text = reference.as_str().unwrap_or_default();
        let pointer = text.strip_prefix('#').filter(|pointer| !pointer.contains('%'));
        pointer.and_then(|pointer| self.root.pointer(pointer)).ok_or_else(|| {
            refused(text, "does not refer to a part of this schema; refer to it as #/$defs/NAME")
        })
    }

    /// An identity within the schema changes what the references below it mean.
    fn identity(&self, value: &Json, depth: usize) -> Result<(), InvalidInput> {
        if depth == 1 || !self.saved && value.as_str().is_some_and(|id| id.starts_with('#')) {
            return Ok(());
        }
        Err(refused(
            &value.to_string(),
            "is the identity of a part of the schema; only the whole schema can have one",
        ))
    }
}

fn within(what: &str, number: usize, most: usize) -> Result<(), InvalidInput> {
    if number > most {
        return Err(refused(
            &number.to_string(),
            &format!(
                "is the number of its {what}; the maximum is {most}, and a schema cannot refer to itself"
            ),
        ));
    }
    Ok(())
}

fn refused(value: &str, reason: &str) -> InvalidInput {
    InvalidInput::new("form schema", value, reason)
}
