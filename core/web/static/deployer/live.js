// Keeps a page current: after a hint it fetches itself again and puts the new content in place, calmly.

const POLL = 15000;
let stale = false;
let busy = false;
let tries = 0;

function live() {
  return document.querySelector("[data-live]");
}

function isBeingUsed(part) {
  const active = document.activeElement;
  return part.contains(active) && active.matches("input, select, textarea");
}

async function refresh() {
  const part = live();
  if (!part || busy) return;
  if (document.hidden || isBeingUsed(part)) { stale = true; return; }
  busy = true;
  stale = false;
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
    if (next && next.innerHTML !== part.dataset.shown) {
      const open = [...part.querySelectorAll("details")].map((each) => each.open);
      part.dataset.shown = next.innerHTML;
      part.replaceChildren(...next.childNodes);
      part.querySelectorAll("details").forEach((each, index) => { each.open = open[index] ?? false; });
      filter();
      document.dispatchEvent(new Event("deployer:refreshed"));
    }
  } catch {
    // The socket tells when the deployer answers again.
  } finally {
    busy = false;
    if (stale && !document.hidden) setTimeout(refresh, 500);
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
    const words = (box.value || filter.text || "").toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of document.querySelectorAll(box.dataset.filter)) {
      if (row.closest("thead") || row.classList.contains("group")) continue;
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  }
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
  if (event.target.matches("[data-filter]")) { filter.text = event.target.value; filter(); }
});
document.addEventListener("visibilitychange", () => { if (!document.hidden && stale) refresh(); });
document.addEventListener("focusout", () => setTimeout(() => { if (stale) refresh(); }, 100));
setInterval(tick, 5000);
setInterval(() => { if (tries) refresh(); }, POLL);
connect();
