// Makes, lists, changes and deletes identities, roles and a function app with the clients of Resource Manager, as whoever
// the managed identity here is: {subscription, stranger} on standard input; the stranger has no role. Prints what came of
// each step: [{step, error}].
import assert from "node:assert/strict";
import { ManagedIdentityCredential } from "@azure/identity";
import { ManagedServiceIdentityClient } from "@azure/arm-msi";
import { AuthorizationManagementClient } from "@azure/arm-authorization";
import { WebSiteManagementClient } from "@azure/arm-appservice";
import { readInput } from "./input.mjs";

const { subscription, stranger } = await readInput();
const owner = new ManagedIdentityCredential();
const identities = new ManagedServiceIdentityClient(owner, subscription);
const access = new AuthorizationManagementClient(owner, subscription);
const web = new WebSiteManagementClient(owner, subscription);
const strangers = new WebSiteManagementClient(new ManagedIdentityCredential({ clientId: stranger.clientId }), subscription);

const location = "westeurope";
const group = "default";
const groupId = `/subscriptions/${subscription}/resourceGroups/${group}`;
const siteId = `${groupId}/providers/Microsoft.Web/sites/func-js`;
const roleId = (role) => `/subscriptions/${subscription}/providers/Microsoft.Authorization/roleDefinitions/${role}`;
const contributor = roleId("de139f84-1756-47ae-9be6-808fbbe84772"); // Website Contributor
const custom = "7c1e9a52-5b1d-4c1e-9a55-0d6c2b7e8f10";
const assignment = (n) => `7d1d0c3e-0000-4000-8000-${String(n).padStart(12, "0")}`;

async function every(list) {
  const all = [];
  for await (const one of list) all.push(one);
  return all;
}

const refused = (status, code) => (err) => {
  const got = { status: err.statusCode, code: err.code ?? err.details?.error?.code };
  assert.deepEqual(got, { status, code }, String(err));
  return true;
};

const steps = {
  async identities() {
    const client = identities.userAssignedIdentities;
    const made = await client.createOrUpdate(group, "id-js", { location });
    const again = await client.createOrUpdate(group, "id-js", { location, tags: { a: "b" } });
    assert.equal(again.principalId, made.principalId);
    assert.match(made.clientId, /^[0-9a-f-]{36}$/);
    assert.deepEqual((await client.update(group, "id-js", { tags: { c: "d" } })).tags, { c: "d" });
    assert.equal((await client.get(group, "id-js")).id, `${groupId}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-js`);
    assert(await every(client.listByResourceGroup(group)).then((all) => all.some((i) => i.name === "id-js")));
    assert(await every(client.listBySubscription()).then((all) => all.length >= 3));
    assert(await every(identities.operations.list()).then((all) => all.length > 3));
    await assert.rejects(client.get(group, "id-nobody"), refused(404, "ResourceNotFound"));
  },
  async "federated credentials"() {
    const client = identities.federatedIdentityCredentials;
    const put = (name, subject) =>
      client.createOrUpdate(group, "id-js", name, { issuer: "https://token.actions.example", subject, audiences: ["api://AzureADTokenExchange"] });
    await put("fic-1", "repo:orders:one");
    await put("fic-2", "repo:orders:two");
    assert.equal((await put("fic-1", "repo:orders:main")).subject, "repo:orders:main");
    assert.equal((await client.get(group, "id-js", "fic-1")).subject, "repo:orders:main");
    const pages = [];
    for await (const page of client.list(group, "id-js", { top: 1 }).byPage()) pages.push(page.map((f) => f.name));
    assert.deepEqual(pages, [["fic-1"], ["fic-2"]]);
    await client.delete(group, "id-js", "fic-2");
    await client.delete(group, "id-js", "fic-2");
    await assert.rejects(client.get(group, "id-js", "fic-2"), refused(404, "ResourceNotFound"));
  },
  async "a function app"() {
    const apps = web.webApps;
    const id = `${groupId}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-js`;
    const made = await apps.createOrUpdate(group, "func-js", { location, kind: "functionapp", httpsOnly: true,
      siteConfig: { appSettings: [{ name: "FUNCTIONS_WORKER_RUNTIME", value: "node" }] } });
    assert.equal(made.state, "Running");
    assert.equal(made.defaultHostName, "func-js.azurewebsites.net");
    const both = await apps.update(group, "func-js", { identity: { type: "SystemAssigned, UserAssigned", userAssignedIdentities: { [id]: {} } } });
    assert.match(both.identity.principalId, /^[0-9a-f-]{36}$/);
    assert.deepEqual(Object.keys(both.identity.userAssignedIdentities), [id]);
    const system = await identities.systemAssignedIdentities.getByScope(siteId);
    assert.equal(system.principalId, both.identity.principalId);
    assert.deepEqual((await apps.listApplicationSettings(group, "func-js")).properties, { FUNCTIONS_WORKER_RUNTIME: "node" });
    const properties = { FUNCTIONS_WORKER_RUNTIME: "node", "Orders:Url": "https://orders.example" };
    assert.deepEqual((await apps.updateApplicationSettings(group, "func-js", { properties })).properties, properties);
    assert.deepEqual((await apps.listApplicationSettings(group, "func-js")).properties, properties);
    assert.equal((await apps.getConfiguration(group, "func-js")).name, "web");
    await apps.stop(group, "func-js");
    assert.equal((await apps.get(group, "func-js")).state, "Stopped");
    assert.deepEqual((await every(apps.listByResourceGroup(group))).map((s) => s.name).filter((n) => n === "func-js"), ["func-js"]);
    assert.equal((await web.checkNameAvailability("func-js", "Microsoft.Web/sites")).nameAvailable, false);
    await assert.rejects(apps.get(group, "func-nowhere"), refused(404, "ResourceNotFound"));
  },
  async "role definitions"() {
    const scope = `/subscriptions/${subscription}`;
    const client = access.roleDefinitions;
    const readers = await every(client.list(scope, { filter: "roleName eq 'Reader'" }));
    assert.deepEqual(readers.map((r) => [r.id, r.roleType]), [[roleId("acdd72a7-3385-48ef-bd42-f606fba81ae7"), "BuiltInRole"]]);
    assert((await every(client.list(scope))).length > 100);
    const role = { roleName: "Restarter of js", roleType: "CustomRole", assignableScopes: [scope], permissions: [{ actions: ["Microsoft.Web/sites/restart/action"], notActions: [] }] };
    assert.equal((await client.createOrUpdate(scope, custom, role)).roleName, role.roleName);
    assert.equal((await client.createOrUpdate(scope, custom, { ...role, description: "again" })).description, "again");
    assert.deepEqual((await every(client.list(scope, { filter: "type eq 'CustomRole'" }))).map((r) => r.name), [custom]);
    assert.equal((await client.getById(roleId(custom))).description, "again");
    await client.delete(scope, custom);
    await client.delete(scope, custom);
    await assert.rejects(client.get(scope, custom), refused(404, "RoleDefinitionDoesNotExist"));
  },
  async "role assignments"() {
    const client = access.roleAssignments;
    const parameters = { principalId: stranger.objectId, roleDefinitionId: contributor };
    await assert.rejects(strangers.webApps.get(group, "func-js"), refused(403, "AuthorizationFailed"));
    for (let i = 0; i < 2; i++) {
      const made = await client.create(siteId, assignment(1), parameters);
      assert.deepEqual([made.scope, made.principalType, made.roleDefinitionId], [siteId, "ServicePrincipal", contributor]);
    }
    await strangers.webApps.restart(group, "func-js");
    await assert.rejects(client.create(siteId, assignment(2), parameters), refused(409, "RoleAssignmentExists"));
    const nobody = { ...parameters, principalId: "00000000-1111-2222-3333-444444444444" };
    await assert.rejects(client.create(siteId, assignment(2), nobody), refused(400, "PrincipalNotFound"));
    const names = async (list) => (await every(list)).map((a) => a.name).filter((n) => n === assignment(1));
    assert.deepEqual(await names(client.listForSubscription({ filter: `principalId eq '${stranger.objectId}'` })), [assignment(1)]);
    assert.deepEqual(await names(client.listForSubscription({ filter: `assignedTo('${stranger.objectId}')` })), [assignment(1)]);
    assert.deepEqual(await names(client.listForScope(groupId, { filter: "atScope()" })), []);
    assert.deepEqual(await names(client.listForResource(group, "Microsoft.Web", "sites", "func-js")), [assignment(1)]);
    assert.equal((await client.getById(`${siteId}/providers/Microsoft.Authorization/roleAssignments/${assignment(1)}`)).principalId, stranger.objectId);
    await client.delete(siteId, assignment(1));
    await client.delete(siteId, assignment(1));
    await assert.rejects(client.get(siteId, assignment(1)), refused(404, "RoleAssignmentNotFound"));
    await assert.rejects(strangers.webApps.get(group, "func-js"), refused(403, "AuthorizationFailed"));
  },
  async "what else there is of access"() {
    assert.deepEqual((await every(access.permissions.listForResourceGroup(group))).map((p) => p.actions), [["*"]]);
    assert.deepEqual(await every(access.denyAssignments.listForScope(groupId)), []);
    assert.deepEqual(await every(access.classicAdministrators.list()), []);
    assert.deepEqual(await every(access.roleAssignmentScheduleInstances.listForScope(groupId)), []);
  },
  async "the end"() {
    await web.webApps.delete(group, "func-js");
    await assert.rejects(web.webApps.get(group, "func-js"), refused(404, "ResourceNotFound"));
    await identities.userAssignedIdentities.delete(group, "id-js");
    await identities.userAssignedIdentities.delete(group, "id-js");
    await assert.rejects(identities.userAssignedIdentities.get(group, "id-js"), refused(404, "ResourceNotFound"));
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
