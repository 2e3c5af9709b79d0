// Lists the users of the tenant as the documentation of @microsoft/microsoft-graph-client does it: with a credential of
// @azure/identity, and without a word of where anything is.
import { DefaultAzureCredential } from "@azure/identity";
import { Client } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";

const authProvider = new TokenCredentialAuthenticationProvider(new DefaultAzureCredential(), {
  scopes: ["https://graph.microsoft.com/.default"],
});
const client = Client.initWithMiddleware({ authProvider });
console.log(JSON.stringify(await client.api("/users").select(["userPrincipalName"]).get()));
