// Verifies tokens with jose and the keys that the issuer publishes: {jwks, checks: [{token, issuer, audience}]} on
// standard input. Each answer is {subject} or {code}, jose's own name of what is wrong.
import { createRemoteJWKSet, jwtVerify } from "jose";
import { readInput } from "./input.mjs";

const { jwks, checks } = await readInput();
const keys = createRemoteJWKSet(new URL(jwks));
const answers = [];
for (const { token, issuer, audience } of checks) {
  try {
    const { payload } = await jwtVerify(token, keys, { issuer, audience });
    answers.push({ subject: payload.sub });
  } catch (err) {
    answers.push({ code: err.code ?? String(err) });
  }
}
console.log(JSON.stringify(answers));
