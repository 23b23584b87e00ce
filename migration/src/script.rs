//! Plans printed as scripts for `psql`.

use std::fmt;

use watertight_schema::printable::one_line;

/// Texts, each on a line of its own.
pub(crate) fn lines<T: fmt::Display>(texts: &[T]) -> String {
    texts.iter().map(T::to_string).collect::<Vec<_>>().join("\n")
}

/// Prints each line of a text as a comment.
pub(crate) fn comment(f: &mut fmt::Formatter<'_>, text: &impl fmt::Display) -> fmt::Result {
    text.to_string().split('\n').try_for_each(|line| writeln!(f, "-- {}", one_line(line)))
}

/// Prints statements as one transaction.
pub(crate) fn transaction<'a>(
    f: &mut fmt::Formatter<'_>,
    statements: impl IntoIterator<Item = &'a str>,
) -> fmt::Result {
    writeln!(f, "BEGIN ISOLATION LEVEL READ COMMITTED;")?;
    statements.into_iter().try_for_each(|sql| writeln!(f, "{sql};"))?;
    write!(f, "COMMIT;")
}
