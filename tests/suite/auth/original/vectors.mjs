// Makes vectors.json with Node's own crypto, as the original system's stack computes what it stores:
//   node vectors.mjs > vectors.json
// Salts and nonces are derived from labels, so that every run gives the same file.
import { createCipheriv, createHash, createHmac, scryptSync } from "node:crypto";

const bytes = (label, length) => createHash("sha512").update(label).digest().subarray(0, length);

function base32(buffer) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let bits = "";
  for (const byte of buffer) bits += byte.toString(2).padStart(8, "0");
  return bits.match(/.{1,5}/g).map((five) => alphabet[parseInt(five.padEnd(5, "0"), 2)]).join("");
}

function seal(passphrase, label, secret) {
  const salt = bytes(`${label} salt`, 32);
  const iv = bytes(`${label} iv`, 16);
  const key = scryptSync(passphrase, salt, 32); // N 16384, r 8, p 1
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  const encrypted = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
  return {
    passphrase,
    secret,
    encrypted_secret: encrypted.toString("base64"),
    iv: iv.toString("base64"),
    auth_tag: cipher.getAuthTag().toString("base64"),
    salt: salt.toString("base64"),
  };
}

function totp(secret, time) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(time / 30)));
  const mac = createHmac("sha1", secret).update(counter).digest();
  const offset = mac[19] & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

function token(key, tenant, session) {
  const mac = createHmac("sha256", key).update(`${tenant}:${session}`).digest("base64url");
  return { key: key.toString("base64"), tenant, session, token: `${session}.${mac}` };
}

// 80 bits are the default of otplib, and of older authenticator libraries.
const secrets = [10, 16, 20, 32].map((length) => bytes(`secret of ${length}`, length));

process.stdout.write(
  JSON.stringify(
    {
      totp_secrets: secrets.flatMap((secret) => [
        seal("a passphrase", `${secret.length} plain`, base32(secret)),
        seal("pässphräse – ключ", `${secret.length} unicode`, base32(secret)),
      ]),
      // New secrets have at least 128 bits.
      totp_codes: secrets.filter((secret) => secret.length >= 16).flatMap((secret) =>
        [0, 59, 1111111109, 1700000000, 20000000000].map((time) => ({
          secret: base32(secret),
          time,
          code: totp(secret, time),
        })),
      ),
      backup_codes: ["ABCD-2345", "WXYZ-6789", "QQQQ-7777"].map((code) => ({
        code,
        hash: createHash("sha256").update(code.toUpperCase().replace("-", "")).digest("hex"),
      })),
      session_tokens: [
        token(
          bytes("signing key", 32),
          "0b1e5f3c-8a4d-4c57-9d2e-6f1a2b3c4d01",
          "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11",
        ),
        token(
          bytes("longer signing key", 64),
          "ffffffff-ffff-4fff-bfff-ffffffffffff",
          "00000000-0000-4000-8000-000000000001",
        ),
      ],
    },
    null,
    2,
  ) + "\n",
);
