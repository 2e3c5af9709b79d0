# Document 000: Directory.Read.All and Group.Read.All for the identity of a function. The listing is PowerShell: its az
# commands stand as printed, with the line ends and quotes of a shell; what PowerShell does between them jq does here.
graphSp=$(az rest \
--method GET \
--uri "https://graph.microsoft.com/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?\$select=id,appRoles" \
--query "id" -o tsv)
miSpId=$principalId
# restored: in the URL, the end of the variable's name; PowerShell takes a question mark for a part of it
roles=$(az rest --method GET \
--uri "https://graph.microsoft.com/v1.0/servicePrincipals/${graphSp}?\$select=appRoles" \
--query "appRoles[?value=='Directory.Read.All' || value=='Group.Read.All'].{value:value,id:id}" -o json)
for id in $(printf %s "$roles" | jq -r '.[].id'); do
tmp=$(mktemp)
jq -n --arg principalId "$miSpId" --arg resourceId "$graphSp" --arg appRoleId "$id" '$ARGS.named' >"$tmp"
az rest --method POST \
--uri "https://graph.microsoft.com/v1.0/servicePrincipals/$miSpId/appRoleAssignments" \
--headers "Content-Type=application/json" \
--body "@$tmp" >/dev/null
rm -f "$tmp"
done
