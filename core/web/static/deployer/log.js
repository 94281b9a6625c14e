// A job's log, live: bytes from an offset on, in order, without a gap or a doubled line, whatever happens to the socket.

const MOST_LINES = 5000;
const LONGEST_LINE = 20000;
const view = document.getElementById("log");
const state = document.getElementById("log-state");
const cut = document.getElementById("log-cut");
const button = document.getElementById("log-follow");

let offset = 0;
let over = false;
let tries = 0;
let decoder = new TextDecoder();
let following = true;
let waiting = [];
let drawing = false;
let line = null;
let lineLength = 0;
let escape = "";
let style = { color: null, bold: false };

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/ws/jobs/${view.dataset.job}/log?offset=${offset}`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => { state.textContent = "live"; tries = 0; };
  socket.onmessage = (event) => {
    if (typeof event.data === "string") {
      const told = JSON.parse(event.data);
      if (told.type === "end") { over = true; state.textContent = "complete"; }
      return;
    }
    offset += event.data.byteLength;
    waiting.push(decoder.decode(event.data, { stream: true }));
    if (!drawing) { drawing = true; requestAnimationFrame(draw); }
  };
  socket.onclose = () => {
    if (over) return;
    tries += 1;
    if (tries > 1) state.textContent = "not live; trying again";
    setTimeout(connect, Math.min(250 * 2 ** tries, 8000));
  };
}

function draw() {
  const until = performance.now() + 30;
  while (waiting.length && performance.now() < until) {
    const text = waiting.shift();
    add(text.slice(0, 65536));
    if (text.length > 65536) waiting.unshift(text.slice(65536));
  }
  while (view.childElementCount > MOST_LINES) { view.firstElementChild.remove(); cut.hidden = false; }
  if (following) view.scrollTop = view.scrollHeight;
  drawing = waiting.length > 0;
  if (drawing) requestAnimationFrame(draw);
}

function add(text) {
  text = escape + text;
  escape = "";
  const parts = /\x1b\[([0-9;:?<=>]*)([ -\/]*[@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^\[\]]|\n|\r/g;
  let start = 0;
  for (const match of text.matchAll(parts)) {
    put(text.slice(start, match.index));
    start = match.index + match[0].length;
    if (match[0] === "\n") { begin(); line = null; }
    else if (match[2] === "m") paint(match[1]);
  }
  const rest = text.slice(start);
  const begun = rest.lastIndexOf("\x1b");
  // An escape sequence that is cut in two waits for its other half; one that never ends is let go.
  if (begun >= 0 && rest.length - begun < 200) { put(rest.slice(0, begun)); escape = rest.slice(begun); } else put(rest);
}

function begin() {
  if (line !== null) return;
  line = document.createElement("div");
  lineLength = 0;
  view.append(line);
}

function put(text) {
  if (!text) return;
  begin();
  text = text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
  if (lineLength > LONGEST_LINE) return;
  lineLength += text.length;
  if (lineLength > LONGEST_LINE) text = `${text.slice(0, Math.max(0, text.length - (lineLength - LONGEST_LINE)))} … (this line goes on in the plain text)`;
  if (style.color === null && !style.bold) { line.append(text); return; }
  const span = document.createElement("span");
  span.className = `${style.color === null ? "" : `c${style.color}`}${style.bold ? " b" : ""}`;
  span.textContent = text;
  line.append(span);
}

function paint(codes) {
  for (const code of (codes || "0").split(/[;:]/).map(Number)) {
    if (code === 0) style = { color: null, bold: false };
    else if (code === 1) style = { ...style, bold: true };
    else if (code === 22) style = { ...style, bold: false };
    else if (code >= 30 && code <= 37) style = { ...style, color: code - 30 };
    else if (code >= 90 && code <= 97) style = { ...style, color: code - 90 };
    else if (code === 39) style = { ...style, color: null };
    else if (code === 38 || code === 48) return;
  }
}

view.addEventListener("scroll", () => {
  following = view.scrollHeight - view.scrollTop - view.clientHeight < 40;
  button.hidden = following;
});
button.addEventListener("click", () => { following = true; view.scrollTop = view.scrollHeight; button.hidden = true; });
connect();
