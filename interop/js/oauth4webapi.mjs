// Reads a discovery document as strictly as oauth4webapi does, and the key document it names: {issuer} on standard input.
import * as oauth from "oauth4webapi";
import { readInput } from "./input.mjs";

const issuer = new URL((await readInput()).issuer);
const response = await oauth.discoveryRequest(issuer, { algorithm: "oidc" });
const server = await oauth.processDiscoveryResponse(issuer, response);
const { keys } = await (await fetch(server.jwks_uri)).json();
console.log(JSON.stringify({ issuer: server.issuer, tokenEndpoint: server.token_endpoint, keys: keys.length }));
