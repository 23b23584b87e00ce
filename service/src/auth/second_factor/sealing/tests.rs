#![allow(clippy::unwrap_used, reason = "tests")]

use uuid::Uuid;

use super::owner::OwnerKind;
use super::*;
use crate::tenant::TenantId;

fn owner(kind: OwnerKind, tenant: u128, id: u128) -> Owner {
    Owner { kind, tenant: TenantId::new(Uuid::from_u128(tenant)).unwrap(), id: Uuid::from_u128(id) }
}

fn secret() -> TotpSecret {
    TotpSecret::from_bytes(b"12345678901234567890".to_vec()).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// Test cases 14 to 16 and 18 of `McGrew` and Viega's submission of GCM to NIST: 256-bit keys, nonces of 12 bytes, and
/// of 60, which take the same way as those of 16.
#[test]
fn gcm_as_submitted_to_nist() {
    let key = |hex| <[u8; 32]>::try_from(bytes(hex)).unwrap();
    let zero = encrypt::<U12>(&[0; 32], &[0; 12], &[], &[0; 16]).unwrap();
    assert_eq!(zero, bytes("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"));

    let k = key("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    let plain = bytes(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    let aad = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let nonce = bytes("cafebabefacedbaddecaf888");
    let sealed = encrypt::<U12>(&k, &nonce, &aad, &plain).unwrap();
    let ciphertext = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662";
    assert_eq!(sealed, bytes(&format!("{ciphertext}76fc6ece0f4e1768cddf8853bb2d551b")));
    assert_eq!(decrypt::<U12>(&k, &nonce, &aad, &sealed).unwrap().as_slice(), plain);
    assert!(decrypt::<U12>(&k, &nonce, &[], &sealed).is_none());
    assert!(decrypt::<U16>(&k, &nonce, &aad, &sealed).is_none(), "a nonce of the wrong length");

    let nonce = bytes(
        "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b",
    );
    let sealed = encrypt::<aes_gcm::aead::consts::U60>(&k, &nonce, &aad, &plain).unwrap();
    let ciphertext = "5a8def2f0c9e53f1f75d7853659e2a20eeb2b22aafde6419a058ab4f6f746bf40fc0c3b780f244452da3ebf1c5d82cdea2418997200ef82e44ae7e3f";
    assert_eq!(sealed, bytes(&format!("{ciphertext}a44a8266ee1c8eb0c8b5d4cf5ae9f19a")));
}

/// RFC 7914, section 12, third vector, cut to the 32 bytes that are a key here.
#[test]
fn scrypt_as_published() {
    let key = derive(&"pleaseletmein".into(), b"SodiumChloride").unwrap();
    assert_eq!(key.as_slice(), bytes("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"));
}

#[test]
fn what_is_sealed_opens_for_its_owner_alone() {
    let keys = EncryptionKeys::new(["passphrase"]).unwrap();
    let jess = owner(OwnerKind::User, 1, 2);
    let sealed = keys.seal(jess, &secret()).unwrap();
    assert_eq!(sealed.version, 2);
    let opened = keys.open(jess, &sealed).unwrap();
    assert_eq!(opened.expose_base32().expose_secret(), secret().expose_base32().expose_secret());
    for other in [owner(OwnerKind::User, 9, 2), owner(OwnerKind::User, 1, 9), owner(OwnerKind::Session, 1, 2)]
    {
        assert!(matches!(keys.open(other, &sealed), Err(AuthError::Undecryptable { .. })), "{other:?}");
    }
}

#[test]
fn no_two_are_sealed_alike() {
    let keys = EncryptionKeys::new(["passphrase"]).unwrap();
    let jess = owner(OwnerKind::User, 1, 2);
    let (one, other) = (keys.seal(jess, &secret()).unwrap(), keys.seal(jess, &secret()).unwrap());
    assert_ne!(one.iv, other.iv);
    assert_ne!(one.encrypted_secret, other.encrypted_secret);
}

#[test]
fn passphrases_rotate() {
    let jess = owner(OwnerKind::User, 1, 2);
    let old = EncryptionKeys::new(["old"]).unwrap();
    let both = EncryptionKeys::new(["new", "old"]).unwrap();
    let new = EncryptionKeys::new(["new"]).unwrap();
    let (before, after) = (old.seal(jess, &secret()).unwrap(), both.seal(jess, &secret()).unwrap());
    assert!(both.open(jess, &before).is_ok());
    assert!(new.open(jess, &after).is_ok());
    assert!(matches!(new.open(jess, &before), Err(AuthError::Undecryptable { .. })));
}

#[test]
fn every_part_that_is_changed_is_noticed() {
    let keys = EncryptionKeys::new(["passphrase"]).unwrap();
    let jess = owner(OwnerKind::User, 1, 2);
    let sealed = keys.seal(jess, &secret()).unwrap();
    let change = |text: &str| {
        let mut bytes = STANDARD.decode(text).unwrap();
        *bytes.first_mut().unwrap() ^= 1;
        STANDARD.encode(bytes)
    };
    for changed in [
        Sealed { encrypted_secret: change(&sealed.encrypted_secret), ..sealed.clone() },
        Sealed { iv: change(&sealed.iv), ..sealed.clone() },
        Sealed { auth_tag: change(&sealed.auth_tag), ..sealed.clone() },
        Sealed { salt: change(&sealed.salt), ..sealed.clone() },
        Sealed { version: 1, ..sealed.clone() },
        Sealed { version: 3, ..sealed.clone() },
        Sealed { auth_tag: String::new(), ..sealed.clone() },
        Sealed { iv: "?".to_owned(), ..sealed.clone() },
        Sealed { iv: String::new(), ..sealed.clone() },
    ] {
        assert!(matches!(keys.open(jess, &changed), Err(AuthError::Undecryptable { .. })), "{changed:?}");
    }
}

#[test]
fn one_column_holds_all_of_it() {
    let keys = EncryptionKeys::new(["passphrase"]).unwrap();
    let session = owner(OwnerKind::Session, 1, 2);
    let text = keys.seal(session, &secret()).unwrap().to_text();
    assert!(keys.open(session, &Sealed::from_text(&text).unwrap()).is_ok());
    for text in ["", "2", "2.a.b.c", "x.a.b.c.d", "GEZDGNBVGY3TQOJQ"] {
        assert!(Sealed::from_text(text).is_err(), "{text}");
    }
}
