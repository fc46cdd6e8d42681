//! Recovery codes, each of which replaces the second factor once.

use crate::domain::operator::session::token_hash;
use data_encoding::BASE32_NOPAD;

/// Codes that an operator gets.
pub const CODES: usize = 10;
/// Random bytes of a code.
pub const CODE_BYTES: usize = 10;

/// Writes a code for people: four groups of four characters.
pub fn written(bytes: [u8; CODE_BYTES]) -> String {
    let text = BASE32_NOPAD.encode(&bytes).to_lowercase();
    let groups: Vec<&str> = [0..4, 4..8, 8..12, 12..16].into_iter().map(|range| &text[range]).collect();
    groups.join("-")
}

/// Hashes a code as people type it. Codes have 80 random bits, so a plain hash protects them.
pub fn hash(code: &str) -> String {
    let bare: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    token_hash(&format!("recovery {}", bare.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_may_be_typed_in_any_way() {
        let code = written([3; CODE_BYTES]);
        assert_eq!(code.len(), 19);
        assert_eq!(hash(&code), hash(&code.replace('-', " ").to_uppercase()));
        assert_ne!(hash(&code), hash(&written([4; CODE_BYTES])));
    }
}
