// Answers a list of questions for tokens with @azure/identity: [{credential, options, scope, call}] on standard input.
// call is what to get with the token, by Node's own fetch.
import * as identity from "@azure/identity";
import { readInput } from "./input.mjs";

const answers = [];
for (const { credential, options, scope, call } of await readInput()) {
  const began = Date.now();
  const answer = {};
  try {
    const { token } = await new identity[credential](options ?? {}).getToken(`${scope}/.default`);
    answer.token = token;
    if (call) answer.body = await (await fetch(call, { headers: { Authorization: `Bearer ${token}` } })).text();
  } catch (err) {
    answer.error = String(err);
  }
  answer.millis = Date.now() - began;
  answers.push(answer);
}
console.log(JSON.stringify(answers));
