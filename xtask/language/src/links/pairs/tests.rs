use std::path::Path;

use super::*;

const PAGE: &str = "service/docs/guide/start.md";
const ADDRESS: &str = "https://docs.rs/watertight/latest/watertight";

/// The messages for a page with these definitions before it and at its foot.
fn messages(text: &str, links: &str, foot: &str) -> Vec<String> {
    let mut guide = Guide::default();
    let includes = "include_str!(\"../docs/links.md\") #![doc = include_str!(\"../docs/guide/start.md\")]
                    include_str!(\"../docs/guide/limits.md\") include_str!(\"../docs/auth.md\")";
    guide.add_source("service/src/guide.rs", includes);
    guide.add_definitions(layout::LINKS, links);
    guide.add_definitions("service/docs/links/auth.md", "[auth]: crate::auth\n");
    guide.add_page(&format!("[`E`]\n\n[`E`]: {ADDRESS}/enum.E.html\n"));
    let documentation = Documentation::at(Path::new("none"));
    let page = Page::read(&format!("{text}\n\n{foot}"));
    let found = Pairs { guide: &guide, documentation: &documentation }.check(PAGE, &page);
    found.into_iter().map(|(_, message)| message).collect()
}

/// Asserts that there is one message, which has these parts.
fn assert_message(found: &[String], parts: &[&str]) {
    let [message] = found else { panic!("{found:#?}") };
    assert!(parts.iter().all(|part| message.contains(part)), "{message}");
}

#[test]
fn definitions_that_agree_are_right() {
    let links = "[`A::f`]: crate::m::A::f\n[limits#a-b]: crate::guide::limits#a-b\n\
                 [`T`]: https://docs.rs/watertight-migration/latest/watertight_migration/struct.T.html\n";
    let foot = format!(
        "[`A::f`]: {ADDRESS}/m/struct.A.html#method.f\n[limits#a-b]: limits.md#a-b\n\
         [`T`]: https://docs.rs/watertight-migration/latest/watertight_migration/struct.T.html\n"
    );
    assert_eq!(messages("[`A::f`] [b][limits#a-b] [`T`]", links, &foot), [""; 0]);
}

#[test]
fn a_label_without_definitions_gets_both() {
    let found = messages("[x][limits#a-b]", "", "");
    assert_message(
        &found,
        &[
            "`[limits#a-b]: crate::guide::limits#a-b` to service/docs/links.md",
            "`[limits#a-b]: limits.md#a-b` at the end",
        ],
    );
    assert_message(
        &messages("[`F`]", "", ""),
        &["`[`F`]: crate::PATH` to service/docs/links.md", "struct.NAME.html`"],
    );
}

#[test]
fn a_missing_definition_is_written_out() {
    let foot = format!("[`A::f`]: {ADDRESS}/m/struct.A.html#method.f\n");
    assert_message(
        &messages("[`A::f`]", "", &foot),
        &["`[`A::f`]: crate::m::A::f` to service/docs/links.md"],
    );
    let foot = format!("[`U`]: {ADDRESS}/auth/struct.U.html\n");
    assert_message(&messages("[`U`]", "", &foot), &["`[`U`]: crate::auth::U` to service/docs/links/auth.md"]);
    let links = "[`E`]: crate::E\n[`G`]: crate::m::G\n[limits]: crate::guide::limits\n";
    // The address that another page has, and otherwise a guess.
    assert_message(&messages("[`E`]", links, ""), &["watertight/enum.E.html` at the end"]);
    assert_message(&messages("[`G`]", links, ""), &["watertight/m/struct.G.html` at the end"]);
    assert_message(&messages("[limits]", links, ""), &["`[limits]: limits.md` at the end"]);
    assert_message(&messages("[z]", "", "[z]: https://z.org/\n"), &["write the target in parentheses"]);
}

#[test]
fn definitions_that_differ_are_reported() {
    let links = "[`E`]: crate::E\n[limits]: crate::guide::limits\n[limits#a]: crate::guide::limits#a\n";
    let other = format!("[`E`]: {ADDRESS}/m/enum.E.html\n");
    assert_message(&messages("[`E`]", links, &other), &["write `[`E`]: ", "watertight/enum.E.html` here"]);
    let member = format!("[`E`]: {ADDRESS}/enum.E.html#variant.A\n");
    assert_eq!(messages("[`E`]", links, &member).len(), 1);
    assert_message(
        &messages("[limits]", links, "[limits]: ../auth.md\n"),
        &["write `[limits]: limits.md` here"],
    );
    assert_message(&messages("[x][limits#a]", links, "[limits#a]: limits.md#b\n"), &["limits.md#a` here"]);
    // A page is a file on GitHub, not an address.
    let address = format!("[limits]: {ADDRESS}/guide/limits/index.html\n");
    assert_message(&messages("[limits]", links, &address), &["write `[limits]: limits.md` here"]);
}

#[test]
fn definitions_are_included_before_the_page() {
    let found = messages("[auth]", "", "[auth]: ../auth.md\n");
    assert_message(
        &found,
        &[
            "`#![cfg_attr(feature = \"auth\", doc = include_str!(\"../docs/links/auth.md\"))]`",
            "in service/src/guide.rs",
        ],
    );
}

#[test]
fn a_page_that_rustdoc_does_not_include_is_reported() {
    let guide = Guide::default();
    let documentation = Documentation::at(Path::new("none"));
    let found = Pairs { guide: &guide, documentation: &documentation }.check(PAGE, &Page::read(""));
    assert!(found[0].1.contains("include_str!(\"../docs/guide/start.md\")] pub mod start {}`"), "{found:?}");
}

#[test]
fn a_file_in_parentheses_is_dead_in_rustdoc() {
    assert_message(&messages("[x](limits.md#a) [y](#here)", "", ""), &["write the label [limits#a] instead"]);
    let address = "https://github.com/tinyland-inc/watertight/blob/main/README.md";
    assert_message(&messages("[x](../../../README.md)", "", ""), &[address]);
    assert_message(&messages("[x]", "", "[x]: ../../../README.md\n"), &[address]);
    assert_eq!(messages("[x](https://z.org/)", "", ""), [""; 0]);
}
