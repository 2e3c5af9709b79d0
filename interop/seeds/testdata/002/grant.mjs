// Document 002: an app role by names, with exit codes. The listing is PowerShell with the module AzureAD, whose own API is
// gone; these are the requests that the commands of the same names send to Microsoft Graph in the module Entra.
import { ManagedIdentityCredential } from "@azure/identity";

const apiApplicationName = "Microsoft Graph";
const apiApplicationRole = "User.ReadWrite.All";
const managedIdentityObjectId = "00000000-0000-0000-0000-000000001234";

// restored: Connect-AzureAD; Connect-Entra -Identity where nobody can be asked
const { token } = await new ManagedIdentityCredential().getToken("https://graph.microsoft.com/.default");

async function send(method, path, body) {
  const response = await fetch("https://graph.microsoft.com/v1.0" + path, {
    method, headers: { Authorization: "Bearer " + token, "Content-Type": "application/json" }, body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  return response.ok ? answer : Promise.reject(new Error(response.status + " " + JSON.stringify(answer.error)));
}

// Get-AzureADServicePrincipal -ObjectId -ErrorAction SilentlyContinue
const managedIdentitySp = await send("GET", "/servicePrincipals/" + managedIdentityObjectId).catch(() => null);
if (managedIdentitySp === null) {
  console.log("Managed identity not found");
  process.exit(10);
} // restored:

// Get-AzureADServicePrincipal -SearchString | Select-Object -first 1
const search = `displayName eq '${apiApplicationName}' or startswith(displayName,'${apiApplicationName}')`;
const [apiServicePrincipal] = (await send("GET", "/servicePrincipals?$filter=" + encodeURIComponent(search))).value;
if (apiServicePrincipal === undefined) {
  console.log("Service principal for api not found");
  process.exit(20);
} // restored:

const apiRole = apiServicePrincipal.appRoles.find(
  (role) => role.value === apiApplicationRole && role.allowedMemberTypes.includes("Application"));
if (apiRole === undefined) {
  console.log("Application role not found");
  process.exit(30);
} // restored:

// New-AzureADServiceAppRoleAssignment -ObjectId -PrincipalId -ResourceId -Id
await send("POST", `/servicePrincipals/${managedIdentityObjectId}/appRoleAssignments`,
  { appRoleId: apiRole.id, principalId: managedIdentityObjectId, resourceId: apiServicePrincipal.id });
