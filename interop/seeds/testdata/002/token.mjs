// Document 002: a token for an API. The listing is C# with Azure.Identity; this is the same with the library for Node.
import { ManagedIdentityCredential } from "@azure/identity";

const scope = "api://d60f1ae7-2192-4b6c-876c-343f558a5851/.default";
const tokenCredential = new ManagedIdentityCredential();
const tokenResponse = await tokenCredential.getToken([scope]);
console.log(tokenResponse.token);
