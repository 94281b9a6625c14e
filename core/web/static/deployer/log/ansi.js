// What a program printed, as parts that can be shown: colours are kept, everything else that a terminal obeys is dropped.

const PARTS = /\x1b\[([0-9;:?<=>]*)[ -\/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -\/]*[0-~]?/g;
// Control characters, and those that make text run another way than it was written.
const HARMFUL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Split a line into `[{ text, look }]`, where `look` is a list of class names; of what was drawn over, the last is left. */
export function parts(line) {
  line = line.replace(/\r+$/, "");
  line = line.slice(line.lastIndexOf("\r") + 1);
  const found = [];
  let style = { color: null, bold: false };
  let start = 0;
  const put = (text) => {
    if (text) found.push({ text: text.replace(HARMFUL, "\ufffd"), look: look(style) });
  };
  for (const match of line.matchAll(PARTS)) {
    put(line.slice(start, match.index));
    start = match.index + match[0].length;
    if (match[2] === "m") style = painted(style, match[1]);
  }
  put(line.slice(start));
  return found;
}

function look(style) {
  return `${style.color === null ? "" : `c${style.color}`}${style.bold ? " b" : ""}`.trim();
}

function painted(style, codes) {
  const numbers = (codes || "0").split(/[;:]/).map(Number);
  for (let at = 0; at < numbers.length; at += 1) {
    const code = numbers[at];
    if (code === 0) style = { color: null, bold: false };
    else if (code === 1) style = { ...style, bold: true };
    else if (code === 22) style = { ...style, bold: false };
    else if (code >= 30 && code <= 37) style = { ...style, color: code - 30 };
    else if (code >= 90 && code <= 97) style = { ...style, color: code - 90 };
    else if (code === 39) style = { ...style, color: null };
    else if (code === 38 || code === 48) {
      // One of 256 colours, or three parts of one: of those only the first sixteen have a name here.
      const palette = numbers[at + 1] === 5;
      if (code === 38) style = { ...style, color: palette && numbers[at + 2] < 16 ? numbers[at + 2] % 8 : null };
      at += palette ? 2 : 4;
    }
  }
  return style;
}
