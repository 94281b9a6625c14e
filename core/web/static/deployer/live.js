// Keeps a page current: after a hint it fetches itself again and puts the new content in place, calmly.

import { comparable, isBeingUsed, keep } from "./keep.js";
import { point, said } from "./changed.js";

const POLL = 15000;
const HIDDEN = 10000;
const TYPED = 200;
let last = 0;
let later = 0;
let typed = 0;
let stale = false;
let busy = false;
let tries = 0;
let shown = null;

function live() {
  return document.querySelector("[data-live]");
}

/** Shows what is there now. What is new is pointed out, unless somebody asked for just that. */
async function refresh({ asked = false } = {}) {
  const part = live();
  if (!part) return;
  if (busy) { stale = true; return; }
  if (document.hidden && Date.now() - last < HIDDEN) {
    // Only the title is seen there.
    stale = true;
    clearTimeout(later);
    later = setTimeout(refresh, HIDDEN);
    return;
  }
  if (isBeingUsed(part)) { stale = true; return; }
  busy = true;
  stale = false;
  last = Date.now();
  try {
    const answer = await fetch(location.href, { headers: { "X-Requested-With": "fetch" } });
    if (answer.status === 403 || (answer.redirected && new URL(answer.url).pathname.startsWith("/login/"))) {
      // The session is over: what the page shows is not live any more, and the next one says what to do.
      location.reload();
      return;
    }
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.querySelector("[data-live]");
    // The title tells how things are in a tab that nobody looks at.
    document.title = page.title;
    if (next && comparable(next) !== (shown ?? comparable(part))) {
      const [restore, before] = [keep(part), said(part)];
      shown = comparable(next);
      part.replaceChildren(...next.childNodes);
      restore();
      filter();
      if (!asked) point(part, before);
      document.dispatchEvent(new Event("deployer:refreshed"));
    }
  } catch {
    // The socket tells when the deployer answers again.
  } finally {
    busy = false;
    if (stale) setTimeout(refresh, 500);
  }
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/ws/events`);
  socket.onopen = () => {
    document.getElementById("offline").hidden = true;
    if (tries) refresh();
    tries = 0;
  };
  socket.onmessage = refresh;
  socket.onclose = () => {
    tries += 1;
    if (tries > 2) document.getElementById("offline").hidden = false;
    setTimeout(connect, Math.min(500 * 2 ** tries, 10000));
  };
}

function filter() {
  for (const box of document.querySelectorAll("[data-filter]")) {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of document.querySelectorAll(box.dataset.filter)) {
      if (row.closest("thead") || row.classList.contains("group")) continue;
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown += 1;
    }
    for (const told of document.querySelectorAll("[data-filtered]")) told.textContent = words.length ? `${shown} of ${told.dataset.filtered} shown` : "";
  }
}

/** The filter is in the address: it survives a refresh, and the address can be given to somebody. */
function address(box) {
  const here = new URL(location.href);
  if (box.value.trim()) here.searchParams.set(box.name, box.value.trim());
  else here.searchParams.delete(box.name);
  history.replaceState(null, "", here);
}

function words(seconds) {
  const length = Math.abs(seconds);
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (length >= size) return `${Math.floor(length / size)} ${unit}`;
  }
  return `${Math.floor(length)} s`;
}

function tick() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
    time.textContent = seconds >= 0 ? `${words(seconds)} ago` : `in ${words(seconds)}`;
  }
}

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-filter]")) return;
  filter();
  address(event.target);
  // Of a list that is too long to be here only the server knows what else fits.
  if ("cut" in event.target.dataset) { clearTimeout(typed); typed = setTimeout(refresh, TYPED, { asked: true }); }
});
// A link to this page with something opened or closed is followed in place, with its focus kept.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-live] a.calm");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  history.replaceState(null, "", link.getAttribute("href"));
  refresh();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden && stale) refresh(); });
document.addEventListener("focusout", () => setTimeout(() => { if (stale) refresh(); }, 100));
setInterval(tick, 5000);
setInterval(() => { if (tries || stale) refresh(); }, POLL);
connect();
