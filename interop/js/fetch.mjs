// A token from the metadata service and the users of the tenant, with nothing but Node's own fetch.
const metadata = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://graph.microsoft.com/";
const { access_token } = await (await fetch(metadata, { headers: { Metadata: "true" } })).json();
const users = await fetch("https://graph.microsoft.com/v1.0/users", { headers: { Authorization: `Bearer ${access_token}` } });
console.log(JSON.stringify({ token: access_token, body: await users.text() }));
