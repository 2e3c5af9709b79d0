// Answers a list of questions for tokens with @azure/identity: [{credential, options, scope}] on standard input.
import * as identity from "@azure/identity";
import { readInput } from "./input.mjs";

const answers = [];
for (const { credential, options, scope } of await readInput()) {
  const began = Date.now();
  const answer = {};
  try {
    const { token } = await new identity[credential](options ?? {}).getToken(`${scope}/.default`);
    answer.token = token;
  } catch (err) {
    answer.error = String(err);
  }
  answer.millis = Date.now() - began;
  answers.push(answer);
}
console.log(JSON.stringify(answers));
