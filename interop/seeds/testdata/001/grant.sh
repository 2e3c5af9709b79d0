# Document 001, listing 1: User.Read.All for the managed identity. It is made to be edited: the token, and the id that the
# service principal of Microsoft Graph has in this tenant.
curl --location --request POST 'https://graph.microsoft.com/beta/servicePrincipals/9654473a-512a-4c6a-8525-02cc112c5b08/appRoleAssignments' \
     --header 'Authorization: Bearer <token_you_got_from_above>' \
     --header 'Content-Type: application/json' \
     --data-raw '{ "principalId": "8f5f9081-66af-4ff0-89dc-800b738efd6a", "resourceId": "9654473a-512a-4c6a-8525-02cc112c5b08", "appRoleId": "df021288-bdef-4463-88db-98f22de89214"}'
