// A log of any length in a box: only the rows that are seen exist, and what somebody reads stays where it is.

import { parts } from "./ansi.js";

const ROW = 18;
// A browser's boxes end at some 33 million pixels: a longer log is scrolled in proportion.
const TALLEST = 8_000_000;
const WIDEST = 4000;

export class View {
  /** `rows` says which lines there are, `source` has them, `dress` adds to a row what it says about its line. */
  constructor(box, rows, source, { dress, follows }) {
    this.box = box;
    this.rows = rows;
    this.source = source;
    this.dress = dress;
    this.follows = follows;
    this.first = 0;
    this.following = true;
    this.shown = new Map();
    this.widest = 0;
    this.top = 0;
    this.spacer = document.createElement("div");
    this.spacer.className = "spacer";
    this.window = document.createElement("div");
    this.window.className = "window";
    box.replaceChildren(this.window, this.spacer);
    box.addEventListener("scroll", () => this.scrolled());
    new ResizeObserver(() => this.draw()).observe(box);
  }

  get visible() { return this.box.clientHeight / ROW; }
  get height() { return Math.min(this.rows.count * ROW, TALLEST); }
  get lastFirst() { return Math.max(0, this.rows.count - this.visible); }
  get lastTop() { return Math.max(0, this.height - this.box.clientHeight); }
  get scaled() { return this.rows.count * ROW > TALLEST; }

  scrolled() {
    const top = this.box.scrollTop;
    const moved = top - this.top;
    if (Math.abs(moved) < 1) return;
    if (!this.scaled) this.first = top / ROW;
    else if (Math.abs(moved) < 3 * this.box.clientHeight) this.first += moved / ROW;
    else this.first = (top / this.lastTop) * this.lastFirst;
    if (top <= 0) this.first = 0;
    if (top >= this.lastTop - 1) this.first = this.lastFirst;
    this.top = top;
    this.follow(this.first >= this.lastFirst - 2);
    this.draw();
    if (this.scaled) {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.settle(), 200);
    }
  }

  /** Put the bar where the rows are: small steps in a long log move it less than they should. */
  settle() {
    const top = this.scaled ? (this.first / (this.lastFirst || 1)) * this.lastTop : this.first * ROW;
    this.box.scrollTop = top;
    this.top = this.box.scrollTop;
  }

  follow(yes) {
    if (this.following === yes) return;
    this.following = yes;
    this.follows(yes);
  }

  /** Show this row in the middle. */
  show(row) {
    this.follow(false);
    this.resize();
    this.first = Math.min(this.lastFirst, Math.max(0, row - Math.floor(this.visible / 2)));
    this.settle();
    this.draw();
  }

  end() {
    this.follow(true);
    this.refresh();
  }

  resize() {
    const height = `${this.height}px`;
    if (this.spacer.style.height !== height) this.spacer.style.height = height;
  }

  /** Lines came, or other ones are folded. */
  refresh() {
    this.resize();
    if (this.following) {
      this.first = this.lastFirst;
      this.settle();
    } else if (this.first > this.lastFirst) {
      this.first = this.lastFirst;
      this.settle();
    }
    this.draw();
  }

  /** Make every row again: what is said about lines has changed. */
  redress() {
    this.shown.forEach((row) => row.element.remove());
    this.shown.clear();
    this.draw();
  }

  draw() {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => { this.drawing = false; this.paint(); });
  }

  paint() {
    const from = Math.max(0, Math.floor(this.first) - 5);
    const to = Math.min(this.rows.count, Math.ceil(this.first + this.visible) + 5);
    const wanted = new Map();
    for (let row = from; row < to; row += 1) wanted.set(this.rows.line(row), row);
    if (to > from) this.source.need(this.rows.line(from), this.rows.line(to - 1));
    for (const [line, { element }] of this.shown) {
      if (!wanted.has(line)) { element.remove(); this.shown.delete(line); }
    }
    for (const [line, row] of wanted) {
      const element = this.element(line);
      element.style.top = `${(row - this.first) * ROW}px`;
    }
    this.box.dataset.painted = String(this.rows.count);
  }

  element(line) {
    const content = this.source.get(line);
    const known = this.shown.get(line);
    // A line that is being written is made again as it grows; all others stay, and with them what somebody selected.
    if (known && known.content === content) return known.element;
    const element = known?.element ?? this.window.appendChild(document.createElement("div"));
    element.className = "row";
    element.replaceChildren();
    const text = document.createElement("span");
    text.className = "text";
    if (content) fill(text, content); else element.classList.add("awaited");
    element.append(text);
    this.dress(element, line, content, text);
    this.shown.set(line, { element, content });
    const width = Math.min(content?.text.length ?? 0, WIDEST);
    if (width > this.widest) {
      this.widest = width;
      this.spacer.style.width = `calc(${width}ch + var(--gutter))`;
    }
    return element;
  }
}

function fill(into, { text, cut }) {
  const short = text.length > WIDEST ? text.slice(0, WIDEST) : text;
  for (const part of parts(short)) {
    if (!part.look && !part.color) { into.append(part.text); continue; }
    const span = document.createElement("span");
    span.className = part.look;
    if (part.color) span.style.color = part.color;
    if (part.ground) span.style.backgroundColor = part.ground;
    span.textContent = part.text;
    into.append(span);
  }
  if (cut || short !== text) {
    const more = document.createElement("span");
    more.className = "more";
    more.textContent = " … (this line goes on in the raw log)";
    into.append(more);
  }
}
