// Which rows there are: the lines of a log without those that are folded away.

export class Rows {
  constructor() {
    this.total = 0;
    this.steps = [];
    this.folded = new Set();
    this.hidden = [];
  }

  /** Fold the steps that begin at these lines; `steps` are `{ line }` in order, each going up to the next. */
  update(total, steps = this.steps) {
    this.total = total;
    this.steps = steps;
    this.hidden = [];
    steps.forEach(({ line }, index) => {
      const end = index + 1 < steps.length ? steps[index + 1].line : total;
      if (this.folded.has(line) && end > line + 1) this.hidden.push([line + 1, end]);
    });
  }

  get count() {
    return this.total - this.hidden.reduce((sum, [from, to]) => sum + to - from, 0);
  }

  line(row) {
    let line = row;
    for (const [from, to] of this.hidden) {
      if (line < from) break;
      line += to - from;
    }
    return line;
  }

  /** The row of a line; of one that is folded away, its step's. */
  row(line) {
    let before = 0;
    for (const [from, to] of this.hidden) {
      if (line < from) break;
      if (line < to) return from - 1 - before;
      before += to - from;
    }
    return line - before;
  }

  /** Unfold what hides a line. */
  reveal(line) {
    for (const [from, to] of this.hidden) {
      if (line >= from && line < to) this.folded.delete(from - 1);
    }
    this.update(this.total);
  }
}
