// Reports HTML and CSS in emails that Gmail, Outlook, Apple Mail or Yahoo don't support, by caniemail's data.
//
//     node check.mjs FOLDER FILE.html…
//
// FOLDER is where script/bootstrap installed package-lock.json. accepted.json lists accepted gaps with their reasons.
// Exit status 1: a gap is not accepted, or an accepted gap no longer occurs.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, ...files] = process.argv.slice(2);
const { doIUseEmail } = createRequire(`${folder}/`)("@jsx-email/doiuse-email");
const accepted = JSON.parse(readFileSync(new URL("accepted.json", import.meta.url), "utf8"));

const emailClients = ["gmail.*", "outlook.*", "apple-mail.*", "yahoo.*"];
const MESSAGE = /^`(.+)` is (not supported|only partially supported) by `([a-z-]+\.[a-z-]+)`$/;

// "feature|support|client" -> the first file that has it, and caniemail's notes.
const findings = new Map();
for (const file of files) {
  const { errors = [], warnings, notes } = doIUseEmail(readFileSync(file, "utf8"), { emailClients });
  for (const message of new Set([...errors, ...warnings])) {
    const [, feature, words, client] = MESSAGE.exec(message) ?? fail(`unknown message: ${message}`);
    const key = [feature, words === "not supported" ? "none" : "part", client].join("|");
    const about = `Note about \`${feature}\` support for \`${client}\`: `;
    const said = [...new Set(notes)].filter((note) => note.startsWith(about));
    if (!findings.has(key)) findings.set(key, [file, ...said.map((note) => note.slice(about.length))]);
  }
}

// Every feature of an entry must occur for at least one of its clients, and every client for one of its features.
const used = new Set();
for (const key of [...findings.keys()]) {
  const [feature, support, client] = key.split("|");
  for (const [index, entry] of accepted.entries()) {
    const matches = (pattern) => pattern === client || (pattern.endsWith("*") && client.startsWith(pattern.slice(0, -1)));
    const patterns = entry.clients.filter(matches);
    if (entry.support !== support || !entry.features.includes(feature) || patterns.length === 0) continue;
    findings.delete(key);
    used.add(`${index} ${feature}`);
    patterns.forEach((pattern) => used.add(`${index} ${pattern}`));
  }
}
const stale = accepted.flatMap((entry, index) =>
  [...entry.features, ...entry.clients].filter((name) => !used.has(`${index} ${name}`)).map((name) => [name, entry.why]),
);

for (const [key, [file, ...notes]] of findings) console.log(`not accepted: ${key} (${file})`, ...notes);
for (const [name, why] of stale) console.log(`accepted, but does not occur: ${name} ("${why}")`);
if (files.length === 0) fail("no files");
process.exit(findings.size + stale.length > 0 ? 1 : 0);

function fail(why) {
  console.error(why);
  process.exit(2);
}
