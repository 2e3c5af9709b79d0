// Makes, uses, rotates, backs up and deletes keys with @azure/keyvault-keys, as whoever the managed identity here is:
// {vault, manager, lead} on standard input. lead is the address that the vault's name leads to, where no resolver knows
// it. What a key has signed or encrypted is checked with node:crypto. Prints what came of each step: [{step, error}].
import assert from "node:assert/strict";
import { constants, createHash, createPublicKey, generateKeyPairSync, publicEncrypt, verify } from "node:crypto";
import { Agent } from "node:https";
import { ManagedIdentityCredential } from "@azure/identity";
import { CryptographyClient, KeyClient } from "@azure/keyvault-keys";
import { readInput } from "./input.mjs";

const { vault, manager, lead } = await readInput();
const owner = new ManagedIdentityCredential();
const user = new ManagedIdentityCredential({ clientId: "4d7e9b21-0c53-4f8a-96d1-b2e5a7c03f68" }); // Key Vault Crypto User
const stranger = new ManagedIdentityCredential({ clientId: "a1c9e573-6d20-4b84-8f3e-57d0b9c2e614" });

const [address] = (lead ?? "").split(":");
const agent = lead && new Agent({ keepAlive: true, lookup: (_, options, done) => (options.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4)) });
const leading = { name: "leading", sendRequest: (request, next) => next(Object.assign(request, { agent })) };
const options = lead ? { additionalPolicies: [{ policy: leading, position: "perRetry" }] } : {};
const keys = new KeyClient(vault, owner, options);
const uses = (key, who = user) => new CryptographyClient(key, who, options);

const refused = (status, code, inner) => (err) => {
  const error = err.details?.error ?? {};
  assert.deepEqual({ status: err.statusCode, code: error.code }, { status, code }, `${err} ${JSON.stringify(error)}`);
  if (inner) assert.equal((error.innererror ?? error.innerError)?.code, inner, JSON.stringify(error));
  return true;
};

async function every(list) {
  const all = [];
  for await (const one of list) all.push(one);
  return all;
}

const text = (bytes) => Buffer.from(bytes).toString("base64url");
const publicKey = ({ key }) =>
  createPublicKey({ format: "jwk", key: key.kty === "RSA" ? { kty: "RSA", n: text(key.n), e: text(key.e) } : { kty: "EC", crv: key.crv, x: text(key.x), y: text(key.y) } });
const made = {};

const steps = {
  async "a vault"() {
    const { token } = await owner.getToken("https://management.azure.com/.default");
    const name = new URL(vault).hostname.split(".")[0];
    const id = `/subscriptions/8c5e1f70-24b9-4d36-a0f7-3e9b6d1c5a42/resourceGroups/default/providers/Microsoft.KeyVault/vaults/${name}`;
    const answer = await fetch(`${manager}${id}?api-version=2023-07-01`, {
      method: "PUT", headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ location: "local", properties: { enableRbacAuthorization: true, softDeleteRetentionInDays: 7 } }),
    });
    assert(answer.ok, await answer.text());
  },
  async "keys are made"() {
    made.rsa = await keys.createRsaKey("rsa", { keySize: 2048, tags: { a: "b" } });
    made.p256 = await keys.createEcKey("p256");
    made.p384 = await keys.createEcKey("p384", { curve: "P-384" });
    made.p521 = await keys.createKey("p521", "EC", { curve: "P-521", keyOps: ["sign", "verify"] });
    for (const [name, key] of Object.entries(made)) {
      assert.equal(key.id, `${vault}/keys/${name}/${key.properties.version}`);
      assert.deepEqual([key.properties.enabled, key.properties.exportable, key.properties.recoverableDays], [true, false, 7]);
      assert.deepEqual(await keys.getKey(name), key);
      assert.deepEqual(await keys.getKey(name, { version: key.properties.version }), key);
    }
    assert.deepEqual(made.rsa.keyOperations, ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]);
    assert.deepEqual(made.rsa.properties.tags, { a: "b" });
  },
  async "keys are imported"() {
    const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const jwk = pair.privateKey.export({ format: "jwk" });
    const numbers = Object.fromEntries(["n", "e", "d", "p", "q", "dp", "dq", "qi"].map((m) => [m, Buffer.from(jwk[m], "base64url")]));
    const key = await keys.importKey("imported", { kty: "RSA", keyOps: ["sign", "verify"], ...numbers });
    assert(publicKey(key).equals(pair.publicKey));
    assert.equal(key.key.d, undefined);
    await assert.rejects(keys.importKey("imported", { kty: "RSA", ...numbers, q: numbers.p }), refused(400, "BadParameter"));
  },
  async "signatures"() {
    const options = { PS: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, ES: { dsaEncoding: "ieee-p1363" }, RS: {} };
    const names = { RS256: "rsa", RS384: "rsa", RS512: "rsa", PS256: "rsa", PS384: "rsa", PS512: "rsa", ES256: "p256", ES384: "p384", ES512: "p521" };
    for (const [alg, name] of Object.entries(names)) {
      const hash = `sha${alg.slice(2)}`;
      const message = Buffer.from("a message");
      const digest = createHash(hash).update(message).digest();
      const client = uses(made[name]);
      const { result, keyID } = await client.sign(alg, digest);
      assert.equal(keyID, made[name].id);
      assert(verify(hash, message, { key: publicKey(made[name]), ...options[alg.slice(0, 2)] }, result), alg);
      assert((await client.verify(alg, digest, result)).result, alg);
      result[7] ^= 1;
      assert(!(await client.verify(alg, digest, result)).result, alg);
    }
  },
  async "encryption and wrapping"() {
    const client = uses(made.rsa);
    const plaintext = Buffer.from("a data key of 32 bytes, or so...");
    const padding = { "RSA1_5": { padding: constants.RSA_PKCS1_PADDING }, "RSA-OAEP": { oaepHash: "sha1" }, "RSA-OAEP-256": { oaepHash: "sha256" } };
    for (const [algorithm, how] of Object.entries(padding)) {
      // This client encrypts by itself what it can, and leaves RSA-OAEP-256 to the vault; only the vault decrypts.
      const { result } = await client.encrypt({ algorithm, plaintext });
      assert.deepEqual(Buffer.from((await client.decrypt({ algorithm, ciphertext: result })).result), plaintext);
      const wrapped = await client.wrapKey(algorithm, plaintext);
      assert.deepEqual(Buffer.from((await client.unwrapKey(algorithm, wrapped.result)).result), plaintext);
      const foreign = publicEncrypt({ key: publicKey(made.rsa), ...how }, plaintext);
      assert.deepEqual(Buffer.from((await client.decrypt({ algorithm, ciphertext: foreign })).result), plaintext);
      foreign[9] ^= 1;
      await assert.rejects(client.decrypt({ algorithm, ciphertext: foreign }), refused(400, "BadParameter"));
    }
  },
  async "attributes"() {
    const digest = Buffer.alloc(32);
    const later = (minutes) => new Date(Math.floor(Date.now() / 1000) * 1000 + minutes * 60_000);
    const change = (options) => keys.updateKeyProperties("p256", options);
    const sign = (key = made.p256) => uses(key).sign("ES256", digest); // with the attributes that it had first
    await change({ enabled: false });
    await assert.rejects(sign(), refused(403, "Forbidden", "KeyDisabled"));
    await change({ enabled: true, notBefore: later(60), expiresOn: later(120) });
    await assert.rejects(sign(), refused(403, "Forbidden", "KeyNotYetValid"));
    await assert.rejects(sign(made.p256.id), /can't be used before/); // by the client itself, which asks for the attributes
    const now = await keys.updateKeyProperties("p256", made.p256.properties.version, { notBefore: later(-60), tags: { c: "d" } });
    assert.deepEqual([now.properties.tags, now.properties.expiresOn > new Date()], [{ c: "d" }, true]);
    await sign(made.p256.id);
  },
  async "rotation"() {
    const first = await keys.createEcKey("turning", { tags: { a: "b" } });
    const standard = await keys.getKeyRotationPolicy("turning");
    assert.deepEqual(standard.lifetimeActions, [{ action: "Notify", timeAfterCreate: undefined, timeBeforeExpiry: "P30D" }]);
    const set = await keys.updateKeyRotationPolicy("turning", { expiresIn: "P90D", lifetimeActions: [{ action: "Rotate", timeBeforeExpiry: "P30D" }] });
    assert.deepEqual([set.id, set.expiresIn, set.lifetimeActions.length, set.createdOn instanceof Date], [`${vault}/keys/turning/rotationpolicy`, "P90D", 2, true]);
    const second = await keys.rotateKey("turning");
    assert.notEqual(second.id, first.id);
    assert.equal(Math.round((second.properties.expiresOn - Date.now()) / 86_400_000), 90);
    assert.deepEqual(second.properties.tags, { a: "b" });
    assert.equal((await every(keys.listPropertiesOfKeyVersions("turning"))).length, 2);
    await assert.rejects(keys.rotateKey("nowhere"), refused(404, "KeyNotFound"));
  },
  async "pages"() {
    for (let i = 0; i < 28; i++) await keys.createEcKey(`page-${i}`);
    const pages = [];
    for await (const page of keys.listPropertiesOfKeys().byPage({ maxPageSize: 10 })) pages.push(page.map((k) => k.name));
    assert.deepEqual(pages.map((p) => p.length), [10, 10, 10, 4]);
    assert.equal(new Set(pages.flat()).size, 34);
  },
  async "backup, deletion and recovery"() {
    const backup = await keys.backupKey("turning");
    await assert.rejects(keys.restoreKeyBackup(backup), refused(409, "Conflict"));
    const deleted = await (await keys.beginDeleteKey("turning", { intervalInMs: 50 })).pollUntilDone();
    assert.equal(deleted.properties.recoveryId, `${vault}/deletedkeys/turning`);
    assert(deleted.properties.scheduledPurgeDate > deleted.properties.deletedOn);
    await assert.rejects(keys.getKey("turning"), refused(404, "KeyNotFound"));
    assert.deepEqual((await every(keys.listDeletedKeys())).map((k) => k.name), ["turning"]);
    const recovered = await (await keys.beginRecoverDeletedKey("turning", { intervalInMs: 50 })).pollUntilDone();
    assert.equal(recovered.name, "turning");
    await (await keys.beginDeleteKey("turning", { intervalInMs: 50 })).pollUntilDone();
    await keys.purgeDeletedKey("turning");
    await assert.rejects(keys.getDeletedKey("turning"), refused(404, "KeyNotFound"));
    const back = await keys.restoreKeyBackup(backup);
    assert.equal(back.name, "turning");
    await uses(back).sign("ES256", Buffer.alloc(32));
  },
  async "refusals"() {
    await assert.rejects(new KeyClient(vault, user, options).createEcKey("mine"), refused(403, "Forbidden", "ForbiddenByRbac"));
    await assert.rejects(new KeyClient(vault, stranger, options).getKey("rsa"), refused(403, "Forbidden", "ForbiddenByRbac"));
    await assert.rejects(uses(made.rsa, stranger).sign("RS256", Buffer.alloc(32)), refused(403, "Forbidden", "ForbiddenByRbac"));
    await assert.rejects(uses(made.p256).sign("RS256", Buffer.alloc(32)), refused(400, "BadParameter"));
    await assert.rejects(uses(made.rsa).sign("RS256", Buffer.alloc(31)), refused(400, "BadParameter"));
    await assert.rejects(keys.createKey("hsm", "RSA-HSM"), refused(400, "BadParameter"));
    await assert.rejects(keys.createRsaKey("exported", { exportable: true }), refused(400, "BadParameter"));
  },
};

const reports = [];
for (const [step, take] of Object.entries(steps)) {
  try {
    await take();
    reports.push({ step });
  } catch (err) {
    reports.push({ step, error: err.stack ?? String(err) });
  }
}
console.log(JSON.stringify(reports));
