// The log of a job's page: its tools, and what each row says about its line.

import { plain } from "./ansi.js";
import { Rows } from "./rows.js";
import { Source } from "./source.js";
import { View } from "./view.js";

const part = (name) => document.getElementById(`log-${name}`);
const box = document.getElementById("log");
const rows = new Rows();
const words = { live: "live", lost: "not live; trying again", complete: "complete", over: "your session is over; nothing is lost:" };
const kept = (name, value) => {
  try {
    if (value !== undefined) localStorage.setItem(`deployer.${name}`, value);
    return localStorage.getItem(`deployer.${name}`);
  } catch { return null; }
};

let found = { words: "", lines: [], set: new Set(), at: -1, more: false };
let chosen = null;
let began = null;
let steps = new Map();
let outlined = 0;

const source = new Source(box.dataset.job, {
  changed: () => {
    rows.update(source.total);
    outline();
    view.refresh();
    part("empty").hidden = source.total > 0;
  },
  told: (state) => {
    part("state").textContent = words[state];
    part("again").hidden = state !== "over";
  },
});
const view = new View(box, rows, source, {
  dress,
  follows: (yes) => { part("follow").hidden = yes; },
});

function dress(element, line, content, text) {
  const number = document.createElement("a");
  number.className = "number";
  number.href = `#L${line + 1}`;
  number.textContent = line + 1;
  number.tabIndex = -1;
  element.prepend(number);
  if (chosen && line >= chosen[0] && line <= chosen[1]) element.classList.add("chosen");
  const mode = part("times").value;
  if (mode !== "off" && content) {
    const time = document.createElement("span");
    time.className = "time";
    time.textContent = content.at === null ? "" : mode === "clock" ? clock(content.at) : elapsed(content.at - (began ?? content.at));
    number.after(time);
  }
  if (found.set.has(line)) mark(text);
  const step = steps.get(line);
  if (step) heading(element, line, step, number);
}

function heading(element, line, step, number) {
  element.classList.add("step");
  const button = document.createElement("button");
  const folded = rows.folded.has(line);
  button.className = "fold";
  button.textContent = folded ? "▸" : "▾";
  button.setAttribute("aria-expanded", String(!folded));
  button.setAttribute("aria-label", `${folded ? "Unfold" : "Fold"} ${step.title}`);
  button.addEventListener("click", () => fold(line));
  number.after(button);
  if (step.seconds !== null) {
    const took = document.createElement("span");
    took.className = "took";
    took.textContent = step.seconds < 60 ? `${step.seconds.toFixed(1)} s` : elapsed(step.seconds * 1000).replace(/\.\d$/, "");
    element.append(took);
  }
}

function mark(text) {
  const wanted = found.words.toLowerCase();
  const walk = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const at = node.data.toLowerCase().indexOf(wanted);
    if (at < 0) continue;
    const rest = node.splitText(at);
    const after = rest.splitText(wanted.length);
    const hit = document.createElement("mark");
    rest.replaceWith(hit);
    hit.append(rest);
    walk.currentNode = after;
    if (after.data.toLowerCase().includes(wanted)) walk.previousNode();
  }
}

function clock(at) {
  return new Date(at).toLocaleTimeString([], { hour12: false });
}

function elapsed(milliseconds) {
  const seconds = Math.max(0, milliseconds / 1000);
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds % 60).toFixed(1).padStart(4, "0");
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest.slice(0, 2)}`;
}

// Steps and folding

async function outline() {
  // While a log grows its steps are asked for now and then, and once more when it is complete.
  if (outlined === "complete" || (!source.complete && Date.now() - outlined < 3000)) return;
  outlined = source.complete ? "complete" : Date.now();
  const told = await source.steps().catch(() => []);
  const same = told.length === steps.size && told.every((step) => steps.get(step.line)?.seconds === step.seconds);
  if (told.length < 2 || same) return;
  steps = new Map(told.map((step) => [step.line, step]));
  rows.update(source.total, told);
  part("fold").hidden = false;
  view.redress();
  view.refresh();
}

function fold(line) {
  if (!rows.folded.delete(line)) rows.folded.add(line);
  view.follow(false);
  refold();
}

function refold() {
  rows.update(source.total);
  view.redress();
  view.refresh();
  part("fold").textContent = rows.folded.size ? "Unfold all" : "Fold all";
}

part("fold").addEventListener("click", () => {
  if (rows.folded.size) rows.folded.clear();
  else for (const line of steps.keys()) rows.folded.add(line);
  refold();
});

// Search

async function search(forward) {
  const wanted = part("find").value.trim();
  const to = /^:(\d+)$/.exec(wanted);
  if (to) { choose(Number(to[1]) - 1, Number(to[1]) - 1); return; }
  if (wanted !== found.words) {
    found = { words: wanted, lines: [], set: new Set(), at: -1, more: false };
    if (wanted) {
      part("found").textContent = "…";
      try {
        const answer = await source.find(wanted);
        found = { ...found, lines: answer.lines, set: new Set(answer.lines), more: answer.more };
      } catch {
        part("found").textContent = "the deployer does not answer";
        return;
      }
    }
    view.redress();
  }
  const count = found.lines.length;
  if (count) {
    found.at = (found.at + (forward ? 1 : -1) + count) % count;
    const line = found.lines[found.at];
    rows.reveal(line);
    view.show(rows.row(line));
  }
  part("found").textContent = !wanted ? "" : count ? `${found.at + 1} of ${count}${found.more ? " and more" : ""}` : "nothing found";
  for (const name of ["next", "previous"]) part(name).hidden = !count;
}

part("find").addEventListener("keydown", (event) => {
  if (event.key === "Enter") { event.preventDefault(); search(!event.shiftKey); }
  if (event.key === "Escape") { part("find").value = ""; search(true); box.focus(); }
});
part("next").addEventListener("click", () => search(true));
part("previous").addEventListener("click", () => search(false));
const keys = {
  "/": () => part("find").focus(),
  n: () => search(true),
  N: () => search(false),
  f: () => view.end(),
  G: () => view.end(),
  g: () => view.show(0),
  z: () => { if (!part("fold").hidden) part("fold").click(); },
  t: () => times((MODES.indexOf(part("times").value) + 1) % MODES.length),
  c: () => { if (chosen) copy(); },
  "?": () => part("help").showModal(),
};
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!Object.hasOwn(keys, event.key) || part("help").open) return;
  event.preventDefault();
  keys[event.key]();
});
part("keys").addEventListener("click", () => part("help").showModal());

// Lines that somebody points at

function choose(from, to) {
  chosen = [Math.min(from, to), Math.max(from, to)];
  history.replaceState(null, "", chosen[0] === chosen[1] ? `#L${chosen[0] + 1}` : `#L${chosen[0] + 1}-L${chosen[1] + 1}`);
  pointed();
}

function pointed() {
  rows.reveal(chosen[0]);
  const count = chosen[1] - chosen[0] + 1;
  part("copy").hidden = false;
  part("copy").textContent = count === 1 ? "Copy the line" : `Copy ${count} lines`;
  view.redress();
}

function fromAddress() {
  const match = /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash);
  if (!match) return false;
  const ends = [Number(match[1]) - 1, Number(match[2] ?? match[1]) - 1];
  chosen = [Math.min(...ends), Math.max(...ends)];
  pointed();
  view.show(rows.row(chosen[0]));
  return true;
}

box.addEventListener("click", (event) => {
  const number = event.target.closest(".number");
  if (!number) return;
  event.preventDefault();
  const line = Number(number.textContent) - 1;
  if (event.shiftKey && chosen) choose(chosen[0], line); else choose(line, line);
});
addEventListener("hashchange", fromAddress);

part("copy").addEventListener("click", copy);

async function copy() {
  const lines = [];
  for (let first = chosen[0]; first <= chosen[1];) {
    const answer = await source.lines(first, Math.min(2000, chosen[1] - first + 1));
    if (!answer.lines.length) break;
    lines.push(...answer.lines);
    first += answer.lines.length;
  }
  await put(lines.map(plain).join("\n"));
  part("copy").textContent = "Copied";
}

/** Put text into the clipboard, also where the page is not served over TLS and the newer way is closed. */
async function put(text) {
  if (navigator.clipboard) { await navigator.clipboard.writeText(text); return; }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

// Times

const MODES = ["off", "elapsed", "clock"];
part("times").value = MODES.includes(kept("times")) ? kept("times") : "off";
part("times").addEventListener("change", () => times(MODES.indexOf(part("times").value)));

function times(mode) {
  part("times").value = MODES[mode];
  kept("times", MODES[mode]);
  dressTimes();
}

function dressTimes() {
  box.dataset.times = part("times").value;
  view.redress();
}

part("follow").addEventListener("click", () => { view.end(); box.focus(); });
part("tools").hidden = false;

async function start() {
  try {
    await source.open();
  } catch {
    part("state").textContent = words.lost;
    setTimeout(start, 2000);
    return;
  }
  part("plain")?.remove();
  box.hidden = false;
  dressTimes();
  began = (await source.lines(0, 1).catch(() => null))?.at[0] ?? null;
  if (!fromAddress()) view.end();
}

start();
