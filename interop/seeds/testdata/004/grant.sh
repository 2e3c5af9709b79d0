# Document 004: an app role of an API for a managed identity. The listing is PowerShell: az stands as printed, and jq makes
# what ConvertTo-Json does.
objectIdForManagedIdentity="insert object (principal) id from managed identity"
enterpriseApplicationObjectId="insert enterprise applications object id"
roleIdGuid="insert role id"

# restored: the address before the id
uri="https://graph.microsoft.com/v1.0/servicePrincipals/$objectIdForManagedIdentity/appRoleAssignments"
body=$(jq -n \
    --arg principalId "$objectIdForManagedIdentity" \
    --arg resourceId "$enterpriseApplicationObjectId" \
    --arg appRoleId "$roleIdGuid" '$ARGS.named')
az rest --method POST --url "$uri" --body "$body"
