# Document 001: a token for Microsoft Graph of whoever is signed in.
# restored: get-access-token, and the ends of the lines
az account get-access-token \
  --resource https://graph.microsoft.com \
 | jq .\accessToken \
 | pbcopy
