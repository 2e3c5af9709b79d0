// Runs a listing in TypeScript as it stands and prints what comes of it, as JSON: NAME FILE. NAME is what the listing
// defines: httpTrigger, which the Functions host calls with a context and a request, or getGraphToken.
const fs = require("node:fs");
const ts = require("typescript");

const [name, file] = process.argv.slice(2);
const { outputText } = ts.transpileModule(fs.readFileSync(file, "utf8"), {
  compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
});
const defined = new Function("exports", "require", `${outputText}\nreturn ${name};`)({}, require);

async function host() {
  if (name !== "httpTrigger") return defined();
  const context = { log: (...args) => console.error(...args) };
  await defined(context, { method: "GET", headers: {}, query: {} });
  return context.res;
}

host().then((result) => console.log(JSON.stringify(result)));
