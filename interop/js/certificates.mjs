// Makes, imports, merges, renews and deletes certificates with @azure/keyvault-certificates, and reads them with
// @azure/keyvault-secrets, as whoever the managed identity here is: {vault, manager, lead} on standard input. lead is the
// address that the vault's name leads to, where no resolver knows it. What comes from elsewhere openssl makes, and what
// comes out of the vault openssl and node:crypto read. Prints what came of each step: [{step, error}].
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate, createPrivateKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManagedIdentityCredential } from "@azure/identity";
import { CertificateClient } from "@azure/keyvault-certificates";
import { SecretClient } from "@azure/keyvault-secrets";
import { readInput } from "./input.mjs";

const { vault, manager, lead } = await readInput();
const owner = new ManagedIdentityCredential();
const stranger = new ManagedIdentityCredential({ clientId: "a1c9e573-6d20-4b84-8f3e-57d0b9c2e614" });

const [address] = (lead ?? "").split(":");
const agent = lead && new Agent({ keepAlive: true, lookup: (_, options, done) => (options.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4)) });
const leading = { name: "leading", sendRequest: (request, next) => next(Object.assign(request, { agent })) };
const options = lead ? { additionalPolicies: [{ policy: leading, position: "perRetry" }] } : {};
const certificates = new CertificateClient(vault, owner, options);
const secrets = new SecretClient(vault, owner, options);
const soon = { intervalInMs: 50 };

const work = mkdtempSync(join(tmpdir(), "certificates"));
const file = (name) => join(work, name);
const openssl = (...args) => execFileSync("openssl", args, { cwd: work, stdio: ["ignore", "pipe", "pipe"] });

const refused = (status, code) => (err) => {
  const error = err.details?.error ?? {};
  assert.deepEqual({ status: err.statusCode, code: error.code }, { status, code }, `${err} ${JSON.stringify(error)}`);
  return true;
};

async function every(list) {
  const all = [];
  for await (const one of list) all.push(one);
  return all;
}

const create = async (name, policy, more) => (await certificates.beginCreateCertificate(name, policy, { ...soon, ...more })).pollUntilDone();

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
  async "self-signed, and its secret in PKCS #12"() {
    const made = await create("self", { issuerName: "Self", subject: "cn=MyCert", subjectAlternativeNames: { dnsNames: ["www.example.com"] } }, { tags: { a: "b" } });
    const { version } = made.properties;
    assert.deepEqual([made.keyId, made.secretId, made.properties.tags.a], [`${vault}/keys/self/${version}`, `${vault}/secrets/self/${version}`, "b"]);
    const cer = new X509Certificate(Buffer.from(made.cer));
    assert.equal(cer.subject, "CN=MyCert");
    assert(cer.verify(cer.publicKey) && cer.checkHost("www.example.com"));
    assert.equal(made.properties.x509ThumbprintString, cer.fingerprint.replaceAll(":", "").toLowerCase());
    assert.deepEqual([made.policy.issuerName, made.policy.subject, made.policy.keyType, made.policy.validityInMonths], ["Self", "cn=MyCert", "RSA", 12]);
    const secret = await secrets.getSecret("self");
    assert.deepEqual([secret.properties.contentType, secret.properties.managed], ["application/x-pkcs12", true]);
    writeFileSync(file("self.p12"), Buffer.from(secret.value, "base64"));
    const pem = openssl("pkcs12", "-in", "self.p12", "-nodes", "-passin", "pass:", "-legacy").toString();
    assert.equal(new X509Certificate(pem.slice(pem.indexOf("-----BEGIN CERTIFICATE"))).fingerprint256, cer.fingerprint256);
    assert(cer.checkPrivateKey(createPrivateKey(pem.slice(pem.indexOf("-----BEGIN PRIVATE KEY")))));
  },
  async "in PEM"() {
    const made = await create("pem", { issuerName: "Self", subject: "cn=MyCert", contentType: "application/x-pem-file", keyType: "EC", keyCurveName: "P-384" });
    const { value } = await secrets.getSecret("pem");
    const last = value.split("\n").slice(0, -2).join("").split("-----BEGIN CERTIFICATE-----").slice(-1).join("");
    assert.equal(last, Buffer.from(made.cer).toString("base64"));
    assert(new X509Certificate(value.slice(value.indexOf("-----BEGIN CERT"))).checkPrivateKey(createPrivateKey(value)));
  },
  async "of the platform"() {
    const made = await create("platform", { issuerName: "Inborn", subjectAlternativeNames: { dnsNames: ["localhost", "orders.localhost"] }, keyType: "EC", contentType: "application/x-pem-file" });
    const { value } = await secrets.getSecret("platform");
    const [leaf, ca] = value.split("-----BEGIN CERTIFICATE-----").slice(1).map((text) => new X509Certificate("-----BEGIN CERTIFICATE-----" + text));
    assert(leaf.fingerprint256 === new X509Certificate(Buffer.from(made.cer)).fingerprint256 && ca.ca && leaf.checkIssued(ca) && leaf.verify(ca.publicKey));
    writeFileSync(file("platform.pem"), leaf.toString());
    writeFileSync(file("ca.pem"), ca.toString());
    assert.match(openssl("verify", "-CAfile", "ca.pem", "-verify_hostname", "orders.localhost", "platform.pem").toString(), /OK/);
    for (const name of ["www.example.com", "kv.vault.localhost"]) {
      await assert.rejects(create("no", { issuerName: "Inborn", subjectAlternativeNames: { dnsNames: [name] } }), refused(400, "BadParameter"));
    }
  },
  async "imported: PKCS #12 and PEM that openssl made"() {
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "in.key", "-out", "in.crt", "-subj", "/CN=imported", "-days", "90");
    openssl("pkcs12", "-export", "-inkey", "in.key", "-in", "in.crt", "-out", "in.p12", "-passout", "pass:sesame");
    const want = new X509Certificate(readFileSync(file("in.crt"))).fingerprint256;
    const pfx = await certificates.importCertificate("pfx", readFileSync(file("in.p12")), { password: "sesame" });
    assert.equal(new X509Certificate(Buffer.from(pfx.cer)).fingerprint256, want);
    await assert.rejects(certificates.importCertificate("pfx", readFileSync(file("in.p12")), { password: "wrong" }), refused(400, "BadParameter"));
    const both = readFileSync(file("in.key"), "utf8") + readFileSync(file("in.crt"), "utf8");
    const pem = await certificates.importCertificate("imported", Buffer.from(both), { policy: { contentType: "application/x-pem-file" } });
    assert.equal(new X509Certificate(Buffer.from(pem.cer)).fingerprint256, want);
    assert.equal(pem.policy.issuerName, "Unknown");
    await certificates.importCertificate("twin", Buffer.from((await secrets.getSecret("self")).value, "base64"));
  },
  async "attributes and policy"() {
    await certificates.updateCertificateProperties("pem", "", { tags: { customTag: "value" }, enabled: false });
    const changed = await certificates.getCertificate("pem");
    assert.deepEqual([changed.properties.tags.customTag, changed.properties.enabled], ["value", false]);
    await assert.rejects(secrets.getSecret("pem"), refused(403, "Forbidden"));
    await certificates.updateCertificateProperties("pem", changed.properties.version, { enabled: true });
    await certificates.updateCertificatePolicy("pem", { issuerName: "Self", subject: "cn=MyOtherCert", lifetimeActions: [{ action: "AutoRenew", daysBeforeExpiry: 30 }] });
    const policy = await certificates.getCertificatePolicy("pem"); // the package returns an empty one of the update
    assert.deepEqual([policy.subject, policy.keyCurveName, policy.lifetimeActions], ["cn=MyOtherCert", "P-384", [{ action: "AutoRenew", daysBeforeExpiry: 30, lifetimePercentage: undefined }]]);
    const next = await create("pem", policy);
    assert.equal(new X509Certificate(Buffer.from(next.cer)).subject, "CN=MyOtherCert");
    assert.equal((await every(certificates.listPropertiesOfCertificateVersions("pem"))).length, 2);
    const names = (await every(certificates.listPropertiesOfCertificates())).map((c) => c.name);
    for (const name of ["self", "pem", "platform", "pfx", "imported", "twin"]) assert(names.includes(name), `${name} is not among ${names}`);
  },
  async "merged"() {
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "out.key", "-out", "out.crt", "-subj", "/CN=outside");
    await certificates.beginCreateCertificate("merged", { issuerName: "Unknown", certificateTransparency: false, subject: "cn=MyCert" }, soon);
    const poller = await certificates.getCertificateOperation("merged", soon);
    const { csr, status } = poller.getOperationState().certificateOperation;
    assert.equal(status, "inProgress");
    await assert.rejects(certificates.beginCreateCertificate("merged", { issuerName: "Self", subject: "cn=x" }, soon), (err) => err.statusCode === 409);
    assert(!(await every(certificates.listPropertiesOfCertificates())).some((c) => c.name === "merged"));
    assert((await every(certificates.listPropertiesOfCertificates({ includePending: true }))).some((c) => c.name === "merged"));
    writeFileSync(file("csr.pem"), `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(csr).toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`);
    openssl("x509", "-req", "-in", "csr.pem", "-CA", "out.crt", "-CAkey", "out.key", "-CAcreateserial", "-out", "signed.crt");
    await assert.rejects(certificates.mergeCertificate("merged", [new X509Certificate(readFileSync(file("out.crt"))).raw]), refused(400, "BadParameter"));
    const base64 = readFileSync(file("signed.crt"), "utf8").split("\n").slice(1, -2).join(""); // as the package's own test does
    const merged = await certificates.mergeCertificate("merged", [Buffer.from(base64)]);
    assert.equal(new X509Certificate(Buffer.from(merged.cer)).issuer, "CN=outside");
    assert.equal((await poller.pollUntilDone()).properties.version, merged.properties.version);
    await secrets.getSecret("merged");
  },
  async "an operation is read, cancelled and deleted"() {
    await certificates.beginCreateCertificate("waiting", { issuerName: "Unknown", subject: "cn=MyCert" }, soon);
    const poller = await certificates.getCertificateOperation("waiting", soon);
    await poller.cancelOperation();
    assert.equal(poller.getOperationState().certificateOperation.cancellationRequested, true);
    await certificates.deleteCertificateOperation("waiting");
    await assert.rejects(certificates.getCertificateOperation("waiting", soon), (err) => err.message === "Pending certificate not found: waiting");
    await (await certificates.beginDeleteCertificate("waiting", soon)).pollUntilDone();
  },
  async "issuers and contacts"() {
    const admin = { firstName: "John", lastName: "Doe", email: "admin@example.com", phone: "4255555555" };
    const made = await certificates.createIssuer("issuer", "Test", { accountId: "user", password: "p", administratorContacts: [admin] });
    assert.deepEqual([made.accountId, made.password, made.administratorContacts], ["user", undefined, [admin]]);
    await certificates.beginCreateCertificate("of-issuer", { issuerName: "issuer", subject: "cn=MyCert" }, soon);
    assert.equal((await certificates.getCertificate("of-issuer")).policy.issuerName, "issuer");
    await certificates.updateIssuer("issuer", { accountId: "user2" });
    assert.equal((await certificates.getIssuer("issuer")).accountId, "user2");
    assert.deepEqual((await every(certificates.listPropertiesOfIssuers())).map((i) => i.id), [`${vault}/certificates/issuers/issuer`]);
    await certificates.deleteIssuer("issuer");
    await assert.rejects(certificates.getIssuer("issuer"), (err) => err.message === "Issuer not found");
    await certificates.setContacts([{ email: "a@a.com", name: "a", phone: "1" }, { email: "b@b.com" }]);
    assert.deepEqual((await certificates.getContacts()).map((c) => c.email), ["a@a.com", "b@b.com"]);
    await certificates.deleteContacts();
    await assert.rejects(certificates.getContacts(), refused(404, "ContactsNotFound"));
  },
  async "backup, deletion and recovery"() {
    const backup = await certificates.backupCertificate("self");
    const { value } = await secrets.getSecret("self");
    const deleted = await (await certificates.beginDeleteCertificate("self", soon)).pollUntilDone();
    assert.equal(deleted.recoveryId, `${vault}/deletedcertificates/self`);
    await assert.rejects(certificates.getCertificate("self"), refused(404, "CertificateNotFound"));
    await assert.rejects(secrets.getSecret("self"), refused(404, "SecretNotFound"));
    assert((await every(certificates.listDeletedCertificates())).some((c) => c.name === "self"));
    await (await certificates.beginRecoverDeletedCertificate("self", soon)).pollUntilDone();
    assert.equal((await secrets.getSecret("self")).value, value);
    await (await certificates.beginDeleteCertificate("self", soon)).pollUntilDone();
    await certificates.purgeDeletedCertificate("self");
    await assert.rejects(certificates.getDeletedCertificate("self"), refused(404, "CertificateNotFound"));
    assert.equal((await certificates.restoreCertificateBackup(backup)).name, "self");
    assert.equal((await secrets.getSecret("self")).value, value);
  },
  async "refusals"() {
    await assert.rejects(new CertificateClient(vault, stranger, options).getCertificate("self"), refused(403, "Forbidden"));
    await assert.rejects(certificates.getCertificate("none"), refused(404, "CertificateNotFound"));
    await assert.rejects(certificates.beginDeleteCertificate("none", soon), refused(404, "CertificateNotFound"));
    await assert.rejects(create("bad", { issuerName: "Self", subject: "MyCert" }), refused(400, "BadParameter"));
    await assert.rejects(secrets.setSecret("self", "x"), refused(403, "Forbidden"));
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
rmSync(work, { recursive: true });
console.log(JSON.stringify(reports));
