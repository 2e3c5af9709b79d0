// Document 004 says in words how a service gets its token: DefaultAzureCredential, the client id of the user-assigned
// identity, and the .default scope.
import { DefaultAzureCredential } from "@azure/identity";

const credential = new DefaultAzureCredential({ managedIdentityClientId: process.argv[2] });
console.log((await credential.getToken("api://backend/.default")).token);
