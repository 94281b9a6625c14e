// Reads lines as JSON from its input and writes what the page would show of each: [[text, …], …].
import { readFileSync } from "node:fs";
import { parts, plain } from "../../core/web/static/deployer/log/ansi.js";
const lines = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(lines.map((line) => ({ parts: parts(line), plain: plain(line) }))));
