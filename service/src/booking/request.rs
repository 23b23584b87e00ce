//! Requests that can be repeated: a repeat is compared with the first request, and not with the row that it made.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::vocabulary::{InvalidInput, text};

/// Checks an idempotency key.
pub(super) fn check_key(key: Option<&str>) -> Result<(), InvalidInput> {
    key.map_or(Ok(()), |key| text::check_word("idempotency key", key, 255))
}

/// The SHA-256 of a request: the name of the operation, and everything that decides on the row.
pub(super) fn digest(operation: &str, request: &Value) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(operation.as_bytes());
    hash.update([0]);
    hash.update(request.to_string().as_bytes());
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::digest;
    use serde_json::json;

    #[test]
    fn different_requests_have_different_digests() {
        let requests =
            [json!(["a", "b"]), json!(["ab"]), json!(["a", null]), json!(["a", "null"]), json!(["a"])];
        let mut digests: Vec<Vec<u8>> = requests.iter().map(|request| digest("book", request)).collect();
        digests.push(digest("book\0", &requests[0]));
        digests.push(digest("pay", &requests[0]));
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), requests.len() + 2);
        assert_eq!(digest("book", &requests[0]), digest("book", &json!(["a", "b"])));
    }
}
