// Calls a timer function as the Functions host does, and prints what it logs: FILE [FOLDER]. With a folder, the identity
// library is the one installed there, not the one beside the file.
const Module = require("node:module");
const path = require("node:path");

const [file, folder] = process.argv.slice(2).map((name) => path.resolve(name));
if (folder !== undefined) {
  const load = Module._load;
  const from = Module.createRequire(path.join(folder, "package.json"));
  Module._load = (name, ...rest) => load(name === "@azure/identity" ? from.resolve(name) : name, ...rest);
}

require(file)({ log: (...args) => console.log(...args) }, { isPastDue: false }).catch((err) => {
  console.error(String(err));
  process.exitCode = 1;
});
