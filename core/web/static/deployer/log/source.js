// A job's log by its lines: fetched where somebody looks, followed at its end by byte offset without a gap or a doubled line.

const BLOCK = 500;
// Blocks kept in memory: what is further away is fetched again when somebody looks there.
const MOST_BLOCKS = 40;
const LONGEST = 16000;

export class Source {
  /** `changed` is called after lines came, `told` with a word about the connection: live, lost, complete, over. */
  constructor(job, { changed, told }) {
    this.job = job;
    this.changed = changed;
    this.told = told;
    this.total = 0;
    this.complete = false;
    this.blocks = new Map();
    this.wanted = null;
    this.timer = null;
    this.asking = false;
    this.tries = 0;
    this.skew = 0;
  }

  api(what, query) {
    return `/api/jobs/${this.job}/log/${what}${query ? `?${new URLSearchParams(query)}` : ""}`;
  }

  async open() {
    const answer = await this.ask({ first: -200, count: 200 });
    this.line = answer.resume_line;
    this.offset = answer.resume_offset;
    this.decoder = new TextDecoder();
    this.begun = "";
    this.connect();
  }

  /** The line with this number: `{ text, at, cut }`, or nothing while it is not there. */
  get(number) {
    return this.blocks.get(Math.floor(number / BLOCK))?.[number % BLOCK];
  }

  /** Somebody looks at these lines: fetch what is missing of them, and forget what is far away. */
  need(first, last) {
    this.wanted = [first, last];
    if (this.timer === null && this.missing() !== null) this.timer = setTimeout(() => this.fetchMissing(), 30);
  }

  missing() {
    const [first, last] = this.wanted;
    for (let number = first; number <= Math.min(last, this.total - 1); number += 1) {
      if (!this.get(number)) return number;
    }
    return null;
  }

  async fetchMissing() {
    const number = this.missing();
    if (number === null || this.asking) { this.timer = null; return; }
    this.asking = true;
    let pause = 0;
    try {
      // Somebody who goes upwards sees what is before it next; so many lines fit into one answer however long they are.
      await this.ask({ first: Math.max(0, number - 40), count: BLOCK });
      if (!this.get(number)) pause = 1000;
    } catch {
      pause = 2000;
    }
    this.asking = false;
    this.timer = setTimeout(() => this.fetchMissing(), pause);
  }

  async ask(query) {
    const response = await fetch(this.api("lines", query));
    if (!response.ok) throw new Error(`${response.status}`);
    const answer = await response.json();
    const cut = new Set(answer.cut);
    answer.lines.forEach((text, index) => {
      const number = answer.first + index;
      // The line that is being written is known better from the socket.
      if (this.line === undefined || number < this.line) this.put(number, { text, at: answer.at[index], cut: cut.has(number) });
    });
    this.total = Math.max(this.total, answer.total);
    this.forget();
    this.changed();
    return answer;
  }

  put(number, line) {
    const block = Math.floor(number / BLOCK);
    if (!this.blocks.has(block)) this.blocks.set(block, new Array(BLOCK));
    this.blocks.get(block)[number % BLOCK] = line;
  }

  forget() {
    if (this.blocks.size <= MOST_BLOCKS) return;
    const here = Math.floor((this.wanted ? this.wanted[0] : this.total) / BLOCK);
    const end = Math.floor(Math.max(0, this.total - 1) / BLOCK);
    const far = [...this.blocks.keys()].filter((block) => block !== end);
    far.sort((a, b) => Math.abs(b - here) - Math.abs(a - here));
    for (const block of far.slice(0, this.blocks.size - MOST_BLOCKS)) this.blocks.delete(block);
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/jobs/${this.job}/log?offset=${this.offset}`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { this.tries = 0; this.told("live"); };
    socket.onmessage = (event) => {
      if (typeof event.data === "string") this.hear(JSON.parse(event.data));
      else this.add(event.data);
    };
    socket.onclose = () => {
      if (this.complete) return;
      this.tries += 1;
      if (this.tries > 1) this.told("lost");
      setTimeout(() => this.reconnect(), Math.min(250 * 2 ** this.tries, 8000));
    };
  }

  /** Go on where the log was left; where its reader may look no longer, say so instead of trying for ever. */
  async reconnect() {
    const response = await fetch(this.api("lines", { first: 0, count: 1 })).catch(() => null);
    if (response?.status === 401 || response?.status === 403) this.told("over");
    else this.connect();
  }

  hear(message) {
    if (message.type === "start") this.skew = message.now - Date.now();
    if (message.type === "end") {
      this.complete = true;
      this.told("complete");
      this.changed();
    }
  }

  add(data) {
    this.offset += data.byteLength;
    const lines = (this.begun + this.decoder.decode(data, { stream: true })).split("\n");
    this.begun = lines.pop();
    const at = Date.now() + this.skew;
    for (const text of lines) {
      const known = this.get(this.line);
      this.put(this.line, { text: text.slice(0, LONGEST), at: known?.at ?? at, cut: text.length > LONGEST });
      this.line += 1;
    }
    if (this.begun) {
      const known = this.get(this.line);
      this.put(this.line, { text: this.begun.slice(0, LONGEST), at: known?.at ?? at, cut: this.begun.length > LONGEST });
    }
    this.total = Math.max(this.total, this.line + (this.begun ? 1 : 0));
    this.forget();
    this.changed();
  }

  /** Lines as they were written, apart from those that are kept. */
  async lines(first, count) {
    const response = await fetch(this.api("lines", { first, count }));
    if (!response.ok) throw new Error(`${response.status}`);
    return response.json();
  }

  async steps() {
    const response = await fetch(this.api("steps"));
    return response.ok ? response.json() : [];
  }

  async find(words) {
    const response = await fetch(this.api("search", { q: words }));
    if (!response.ok) throw new Error(`${response.status}`);
    return response.json();
  }
}
