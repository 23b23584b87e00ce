use std::fmt;

use watertight_schema::TenantType;

use crate::tenant::error::TenantIdError;

/// A key of type text. It is stored inline, so that tenant IDs can be copied.
#[derive(Clone, Copy)]
pub(super) struct TextKey {
    length: u8,
    bytes: [u8; TenantType::MAX_TEXT],
}

impl TextKey {
    pub(super) fn new(text: &str) -> Result<Self, TenantIdError> {
        let refuse = |rule| TenantIdError::Text { text: text.to_owned(), rule };
        if let Some(rule) = TenantType::broken_text_rule(text) {
            return Err(refuse(rule));
        }
        let mut bytes = [0; TenantType::MAX_TEXT];
        let length = u8::try_from(text.len()).ok();
        let (Some(length), Some(target)) = (length, bytes.get_mut(..text.len())) else {
            return Err(refuse("is too long"));
        };
        target.copy_from_slice(text.as_bytes());
        Ok(Self { length, bytes })
    }

    pub(super) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Debug for TextKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
