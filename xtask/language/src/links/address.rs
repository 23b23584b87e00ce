//! Addresses of the documentation of our crates, and of files in the repository.

/// The address of a page of our documentation.
pub(super) struct DocsAddress<'a> {
    /// The name of the crate, such as `watertight_migration`.
    pub(super) of_crate: &'a str,
    /// The file below the folder of the crate, such as `doctor/enum.Check.html`.
    pub(super) file: &'a str,
    /// The id in the page, such as `variant.Policy`.
    pub(super) id: Option<&'a str>,
}

/// The kinds of items that have a page.
const KINDS: [&str; 10] =
    ["attr", "constant", "derive", "enum", "fn", "macro", "static", "struct", "trait", "type"];

/// The kinds of items that have an id in the page of another.
const MEMBERS: [&str; 6] =
    ["associatedconstant", "associatedtype", "method", "structfield", "tymethod", "variant"];

impl<'a> DocsAddress<'a> {
    /// Reads `https://docs.rs/PACKAGE/latest/CRATE/FILE#ID`, for packages of this repository.
    pub(super) fn read(address: &'a str) -> Option<Self> {
        let rest = address.strip_prefix("https://docs.rs/")?;
        let [package, version, of_crate, file] = *rest.splitn(4, '/').collect::<Vec<_>>() else {
            return None;
        };
        let (file, id) = file.split_once('#').map_or((file, None), |(file, id)| (file, Some(id)));
        let is_ours = package == "watertight" || package.starts_with("watertight-");
        (is_ours && version == "latest" && of_crate == package.replace('-', "_")).then_some(Self {
            of_crate,
            file,
            id,
        })
    }

    /// The path of the item: `crate::doctor::Check::Policy` in the crate of the guide.
    pub(super) fn path(&self) -> Option<String> {
        let root = if self.of_crate == "watertight" { "crate" } else { self.of_crate };
        let (folders, file) = self.file.rsplit_once('/').unwrap_or(("", self.file));
        let mut path = vec![root];
        path.extend(folders.split('/').filter(|folder| !folder.is_empty()));
        if !matches!(file, "" | "index.html") {
            let (kind, name) = file.strip_suffix(".html")?.split_once('.')?;
            path.push(Some(name).filter(|_| KINDS.contains(&kind))?);
        }
        let mut heading = String::new();
        match self.id.map(|id| (id, id.split_once('.'))) {
            Some((_, Some((kind, name)))) => path.push(Some(name).filter(|_| MEMBERS.contains(&kind))?),
            Some((id, None)) => heading = format!("#{id}"),
            None => {}
        }
        Some(path.join("::") + &heading)
    }
}

/// The path and the heading of the address of a file in the repository.
pub(super) fn in_repository(address: &str) -> Option<(&str, Option<&str>)> {
    let rest = address.strip_prefix("https://github.com/tinyland-inc/watertight/")?;
    let path = rest.strip_prefix("blob/main/").or_else(|| rest.strip_prefix("tree/main/"))?;
    Some(path.split_once('#').map_or((path, None), |(path, heading)| (path, Some(heading))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_an_item_is_its_path() {
        let path = |rest: &str| DocsAddress::read(&format!("https://docs.rs/{rest}"))?.path();
        let of = |rest: &str| path(&format!("watertight/latest/watertight/{rest}"));
        assert_eq!(of("struct.Watertight.html").as_deref(), Some("crate::Watertight"));
        assert_eq!(
            of("doctor/enum.Check.html#variant.Policy").as_deref(),
            Some("crate::doctor::Check::Policy")
        );
        assert_eq!(of("doctor/index.html#checks").as_deref(), Some("crate::doctor#checks"));
        assert_eq!(of("page.Watertight.html"), None);
        assert_eq!(of("struct.Watertight.html#impl.new"), None);
        let other = path("watertight-schema/latest/watertight_schema/fn.quote.html");
        assert_eq!(other.as_deref(), Some("watertight_schema::quote"));
        assert_eq!(path("watertight-schema/latest/watertight/fn.quote.html"), None);
        assert_eq!(path("watertight/0.1.0/watertight/fn.quote.html"), None);
        assert_eq!(path("tokio/latest/tokio/fn.spawn.html"), None);
    }

    #[test]
    fn the_address_of_a_file_is_its_path() {
        let address = "https://github.com/tinyland-inc/watertight/blob/main/a/b.md#c";
        assert_eq!(in_repository(address), Some(("a/b.md", Some("c"))));
        assert_eq!(in_repository("https://github.com/tinyland-inc/watertight/issues"), None);
    }
}
