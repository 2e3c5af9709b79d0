// The timer function of an article about managed identities and Microsoft Graph. Added: the address of Graph from the
// environment, fetch in place of the package request, which is no longer kept, and a context and a start at the end.
const identity = require('@azure/identity');

const run = async function (context, myTimer) {
    var timeStamp = new Date().toISOString();
    context.log('Timer function called', timeStamp);
    const managedIdentityAppID = "f8973019-6953-433b-b935-adc31f5646d5";
    const credential = new identity.ManagedIdentityCredential(managedIdentityAppID);
    context.log('getting access token');
    const response = await credential.getToken("https://graph.microsoft.com/.default");
    const users = await fetch(process.env.GRAPH + '/v1.0/users', {
        headers: { Authorization: 'Bearer ' + response.token }
    });
    return users.text();
};

run({ log: (...args) => console.error(...args) }).then(body => console.log(body));
