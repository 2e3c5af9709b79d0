// Sets, reads, lists, changes, backs up and deletes secrets with @azure/keyvault-secrets, as whoever the managed identity
// here is: {vault, manager, lead} on standard input. lead is the address that the vault's name leads to, where no resolver
// knows it. A role that a stranger is given and loses holds for a client that keeps its token. Prints what came of each
// step: [{step, error}].
import assert from "node:assert/strict";
import { Agent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { ManagedIdentityCredential } from "@azure/identity";
import { SecretClient, parseKeyVaultSecretIdentifier } from "@azure/keyvault-secrets";
import { readInput } from "./input.mjs";

const { vault, manager, lead } = await readInput();
const owner = new ManagedIdentityCredential();
const user = new ManagedIdentityCredential({ clientId: "4d7e9b21-0c53-4f8a-96d1-b2e5a7c03f68" }); // Key Vault Crypto User
const stranger = new ManagedIdentityCredential({ clientId: "a1c9e573-6d20-4b84-8f3e-57d0b9c2e614" });
const strangerObject = "9b3d5f17-c806-4e2a-b741-6f8e0d2a5c93";

const [address] = (lead ?? "").split(":");
const agent = lead && new Agent({ keepAlive: true, lookup: (_, options, done) => (options.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4)) });
const leading = { name: "leading", sendRequest: (request, next) => next(Object.assign(request, { agent })) };
const options = lead ? { additionalPolicies: [{ policy: leading, position: "perRetry" }] } : {};
const secrets = new SecretClient(vault, owner, options);
const soon = { intervalInMs: 50 };

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

async function sizes(pages) {
  const all = [];
  for await (const page of pages) all.push(page.length);
  return all;
}

const subscription = "/subscriptions/8c5e1f70-24b9-4d36-a0f7-3e9b6d1c5a42";
const vaultId = `${subscription}/resourceGroups/default/providers/Microsoft.KeyVault/vaults/${new URL(vault).hostname.split(".")[0]}`;

async function manage(method, path, body) {
  const { token } = await owner.getToken("https://management.azure.com/.default");
  const answer = await fetch(manager + path, { method, headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" }, body: JSON.stringify(body) });
  assert(answer.ok, `${method} ${path}: ${answer.status} ${await answer.text()}`);
}

const seconds = (fromNow) => new Date((Math.floor(Date.now() / 1000) + fromNow) * 1000);
let first, second;

const steps = {
  async "a vault"() {
    await manage("PUT", `${vaultId}?api-version=2023-07-01`, { location: "local", properties: { enableRbacAuthorization: true, softDeleteRetentionInDays: 7 } });
  },
  async "secrets are set"() {
    const attributes = { notBefore: seconds(-3600), expiresOn: seconds(3600), contentType: "text/plain", tags: { a: "b" } };
    first = await secrets.setSecret("Orders-Db", "one", attributes);
    const { name, version, id, vaultUrl, recoveryLevel, recoverableDays, enabled, createdOn, updatedOn } = first.properties;
    assert.deepEqual([first.name, first.value, name, id, vaultUrl], ["Orders-Db", "one", "Orders-Db", `${vault}/secrets/Orders-Db/${version}`, vault]);
    assert.deepEqual(parseKeyVaultSecretIdentifier(id), { sourceId: id, vaultUrl: vault, version, name });
    for (const [property, want] of Object.entries(attributes)) assert.deepEqual(first.properties[property], want);
    assert.deepEqual([recoveryLevel, recoverableDays, enabled, updatedOn], ["CustomizedRecoverable+Purgeable", 7, true, createdOn]);
    second = await secrets.setSecret("Orders-Db", "two", { enabled: true });
    assert.notEqual(second.properties.version, version);
    assert.deepEqual([second.properties.tags, second.properties.contentType, second.properties.expiresOn], [undefined, undefined, undefined]);
    assert.deepEqual(await secrets.getSecret("Orders-Db"), second);
    assert.deepEqual(await secrets.getSecret("Orders-Db", { version }), first);
    assert.deepEqual(await secrets.getSecret("Orders-Db", { version: second.properties.version }), second);
  },
  async "values"() {
    for (const value of ["", " \t\r\n", '{"a":"\u2028"}', "pâte brisée, 饅頭, \0\u{1F95F}", "饅".repeat(25 * 1024 / 3)]) {
      assert.equal((await secrets.setSecret("value", value)).value, value);
      assert.equal((await secrets.getSecret("value")).value, value);
    }
  },
  async "properties"() {
    const { version } = second.properties;
    const change = (to) => secrets.updateSecretProperties("Orders-Db", version, to);
    const expiresOn = seconds(3600);
    const changed = await change({ contentType: "password", tags: { c: "d", e: "" }, expiresOn });
    assert.deepEqual([changed.version, changed.contentType, changed.tags, changed.expiresOn], [version, "password", { c: "d", e: "" }, expiresOn]);
    const off = await change({ enabled: false });
    assert.deepEqual([off.enabled, off.contentType, off.tags, off.expiresOn], [false, "password", { c: "d", e: "" }, expiresOn]);
    await assert.rejects(secrets.getSecret("Orders-Db"), refused(403, "Forbidden", "SecretDisabled"));
    await assert.rejects(secrets.getSecret("Orders-Db", { version }), refused(403, "Forbidden", "SecretDisabled"));
    assert.equal((await secrets.getSecret("Orders-Db", { version: first.properties.version })).value, "one");
    await assert.rejects(change({ notBefore: seconds(7200) }), refused(400, "BadParameter"));
    assert.deepEqual((await change({ enabled: true, tags: {} })).tags ?? {}, {});
    assert.equal((await secrets.getSecret("Orders-Db")).value, "two");
  },
  async "times are for readers"() {
    for (const times of [{ expiresOn: seconds(-60) }, { notBefore: seconds(3600) }]) {
      await secrets.setSecret("timed", "x", times);
      assert.equal((await secrets.getSecret("timed")).value, "x");
    }
  },
  async "pages of secrets"() {
    for (let i = 0; i < 28; i++) await secrets.setSecret(`page-${i}`, "x");
    assert.deepEqual(await sizes(secrets.listPropertiesOfSecrets().byPage()), [25, 6]);
    assert.deepEqual(await sizes(secrets.listPropertiesOfSecrets().byPage({ maxPageSize: 10 })), [10, 10, 10, 1]);
    const all = await every(secrets.listPropertiesOfSecrets());
    assert.equal(new Set(all.map((s) => s.name)).size, 31);
    assert(all.every((s) => s.version === undefined && s.id === `${vault}/secrets/${s.name}`));
  },
  async "pages of versions"() {
    const made = [];
    for (let i = 0; i < 53; i++) made.push((await secrets.setSecret("many", String(i))).properties.version);
    assert.deepEqual(await sizes(secrets.listPropertiesOfSecretVersions("many").byPage()), [25, 25, 3]);
    assert.deepEqual((await every(secrets.listPropertiesOfSecretVersions("many"))).map((s) => s.version).sort(), made.sort());
  },
  async "deletion and recovery"() {
    const deleted = await (await secrets.beginDeleteSecret("page-0", soon)).pollUntilDone();
    assert.deepEqual([deleted.recoveryId, deleted.value, deleted.scheduledPurgeDate - deleted.deletedOn], [`${vault}/deletedsecrets/page-0`, undefined, 7 * 86_400_000]);
    await assert.rejects(secrets.getSecret("page-0"), refused(404, "SecretNotFound"));
    await assert.rejects(secrets.setSecret("page-0", "y"), refused(409, "Conflict", "ObjectIsDeletedButRecoverable"));
    assert.deepEqual((await every(secrets.listDeletedSecrets())).map((s) => s.name), ["page-0"]);
    assert.deepEqual((await secrets.getDeletedSecret("page-0")).properties, deleted.properties);
    const recovered = await (await secrets.beginRecoverDeletedSecret("page-0", soon)).pollUntilDone();
    assert.equal(recovered.name, "page-0");
    assert.equal((await secrets.getSecret("page-0")).value, "x");
    assert.deepEqual(await every(secrets.listDeletedSecrets()), []);
  },
  async "backup"() {
    const backup = await secrets.backupSecret("Orders-Db");
    assert(!Buffer.from(backup).includes("two"));
    await assert.rejects(secrets.restoreSecretBackup(backup), refused(409, "Conflict"));
    await (await secrets.beginDeleteSecret("Orders-Db", soon)).pollUntilDone();
    await assert.rejects(secrets.restoreSecretBackup(backup), refused(409, "Conflict"));
    await secrets.purgeDeletedSecret("Orders-Db");
    await assert.rejects(secrets.getDeletedSecret("Orders-Db"), refused(404, "SecretNotFound"));
    await assert.rejects(secrets.purgeDeletedSecret("Orders-Db"), refused(404, "SecretNotFound"));
    const restored = await secrets.restoreSecretBackup(backup);
    assert.deepEqual([restored.name, restored.version], ["Orders-Db", second.properties.version]);
    assert.deepEqual(await secrets.getSecret("Orders-Db", { version: first.properties.version }), first);
    assert.equal((await secrets.getSecret("Orders-Db")).value, "two");
    backup[backup.length >> 1] ^= 1;
    await assert.rejects(secrets.restoreSecretBackup(backup), refused(400, "BadParameter"));
  },
  async "no entity tags"() {
    const tags = [];
    const options = { requestOptions: { customHeaders: { "If-Match": '"another"' } }, onResponse: ({ headers }) => tags.push(headers.get("etag")) };
    await secrets.setSecret("untagged", "x", options);
    await secrets.setSecret("untagged", "x", options);
    await secrets.getSecret("untagged", options);
    assert.deepEqual(tags, [undefined, undefined, undefined]);
  },
  async "refusals"() {
    for (const name of ["bad_name", "bad.name", "bad name", "gebäck", "x".repeat(128)]) {
      await assert.rejects(secrets.setSecret(name, "x"), refused(400, "BadParameter"), name);
    }
    await assert.rejects(secrets.setSecret("large", "x".repeat(25 * 1024 + 1)), refused(400, "BadParameter"));
    await assert.rejects(secrets.getSecret("none"), refused(404, "SecretNotFound"));
    await assert.rejects(secrets.getSecret("many", { version: "0".repeat(32) }), refused(404, "SecretNotFound"));
    await assert.rejects(secrets.beginDeleteSecret("none", soon), refused(404, "SecretNotFound"));
    await assert.rejects(new SecretClient(vault, user, options).getSecret("many"), refused(403, "Forbidden", "ForbiddenByRbac"));
    await assert.rejects(every(new SecretClient(vault, stranger, options).listPropertiesOfSecrets()), { statusCode: 403, code: "Forbidden" });
  },
  async "a role holds at once"() {
    let asked = 0;
    const tokens = { getToken: (...args) => (asked++, stranger.getToken(...args)) };
    const other = new SecretClient(vault, tokens, options);
    const forbidden = refused(403, "Forbidden", "ForbiddenByRbac");
    // Reads until the secret is handed out, or until it is refused; within a second from now on it must be.
    const turns = async (open) => {
      for (const began = performance.now(); ; await sleep(2)) {
        const got = await other.getSecret("kept").then(() => true, (err) => !forbidden(err));
        assert(performance.now() - began <= 1000, `a second after the change of roles ${got ? "it is handed out" : "it is refused"}`);
        if (got === open) return;
      }
    };
    await secrets.setSecret("kept", "x");
    await secrets.setSecret("beside", "x");
    const assignment = `${vaultId}/secrets/kept/providers/Microsoft.Authorization/roleAssignments/0b9e6a47-3d52-4c81-a7f0-e1d8c5b29436?api-version=2022-04-01`;
    const roleDefinitionId = `${subscription}/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6`; // Key Vault Secrets User
    await turns(false);
    const before = asked;
    for (let round = 0; round < 5; round++) {
      await manage("PUT", assignment, { properties: { principalId: strangerObject, principalType: "ServicePrincipal", roleDefinitionId } });
      await turns(true);
      await assert.rejects(other.getSecret("beside"), forbidden);
      await manage("DELETE", assignment);
      await turns(false);
    }
    assert(before > 0 && asked === before, `the client asked for a token ${before} times, and then ${asked - before} times`);
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
