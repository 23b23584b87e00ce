//! AES-256-GCM, and the keys that scrypt derives.

use aes_gcm::AesGcm;
use aes_gcm::aead::array::ArraySize;
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use aes_gcm::aes::Aes256;
use scrypt::Params;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::auth::error::AuthError;

/// scrypt (RFC 7914) with N = 16384, r = 8, p = 1, as Node's `scryptSync` has it by default.
pub(in crate::auth) fn derive(
    passphrase: &SecretString,
    salt: &[u8],
) -> Result<Zeroizing<[u8; 32]>, AuthError> {
    let refused = AuthError::InvalidSecret { what: "encryption passphrase", reason: "cannot be used" };
    let Ok(params) = Params::new(14, 8, 1) else { return Err(refused) };
    let mut key = Zeroizing::new([0; 32]);
    match scrypt::scrypt(passphrase.expose_secret().as_bytes(), salt, &params, &mut *key) {
        Ok(()) => Ok(key),
        Err(_) => Err(refused),
    }
}

pub(in crate::auth) type Plain = Zeroizing<Vec<u8>>;

pub(in crate::auth) fn encrypt<N: ArraySize>(
    key: &[u8; 32],
    nonce: &[u8],
    bound_to: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, AuthError> {
    let failed = AuthError::InvalidSecret { what: "TOTP secret", reason: "cannot be encrypted" };
    let nonce = Nonce::<AesGcm<Aes256, N>>::try_from(nonce);
    let (Ok(cipher), Ok(nonce)) = (AesGcm::<Aes256, N>::new_from_slice(key), nonce) else {
        return Err(failed);
    };
    cipher.encrypt(&nonce, Payload { msg: plain, aad: bound_to }).map_err(|_| failed)
}

/// The plain text, unless the tag is wrong, which is compared in constant time.
pub(in crate::auth) fn decrypt<N: ArraySize>(
    key: &[u8; 32],
    nonce: &[u8],
    bound_to: &[u8],
    ciphertext: &[u8],
) -> Option<Plain> {
    let cipher = AesGcm::<Aes256, N>::new_from_slice(key).ok()?;
    let nonce = Nonce::<AesGcm<Aes256, N>>::try_from(nonce).ok()?;
    cipher.decrypt(&nonce, Payload { msg: ciphertext, aad: bound_to }).ok().map(Zeroizing::new)
}
