// What a program printed, as parts that can be shown: colours are kept, everything else that a terminal obeys is dropped.

import { css, palette, readable } from "./colours.js";

const PARTS = /\x1b\[([0-9;:?<=>]*)[ -\/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -\/]*[0-~]?/g;
// Control characters, and those that make text run another way than it was written.
const HARMFUL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const PLAIN = { color: null, ground: null, bold: false, dim: false, italic: false, underline: false, inverse: false };

/**
 * Split a line into `[{ text, look, color, ground }]`: `look` is a list of class names, the others are colours of CSS where
 * they have no class. Of what was drawn over, the last is left.
 */
export function parts(line) {
  line = line.replace(/\r+$/, "");
  line = line.slice(line.lastIndexOf("\r") + 1);
  const found = [];
  let style = PLAIN;
  let start = 0;
  const put = (text) => {
    if (text) found.push({ text: text.replace(HARMFUL, "\ufffd"), ...look(style) });
  };
  for (const match of line.matchAll(PARTS)) {
    put(line.slice(start, match.index));
    start = match.index + match[0].length;
    if (match[2] === "m") style = painted(style, match[1]);
  }
  put(line.slice(start));
  return found;
}

/** The text alone. */
export function plain(line) {
  return parts(line).map((part) => part.text).join("");
}

function look(style) {
  const names = ["bold", "dim", "italic", "underline"].filter((name) => style[name]).map((name) => name[0]);
  let { color, ground } = style;
  if (style.inverse) [color, ground] = [ground ?? palette(0), color === null ? palette(7) : rgb(color)];
  if (typeof color === "number" && ground === null) names.unshift(`c${color}`);
  const shown = { look: names.join(" ") };
  if (ground !== null) return { ...shown, ground: css(rgb(ground)), color: css(readable(rgb(color ?? 7), rgb(ground))) };
  return Array.isArray(color) ? { ...shown, color: css(readable(color)) } : shown;
}

function rgb(color) {
  return typeof color === "number" ? palette(color) : color;
}

const SWITCHES = {
  1: { bold: true }, 2: { dim: true }, 3: { italic: true }, 4: { underline: true }, 7: { inverse: true },
  22: { bold: false, dim: false }, 23: { italic: false }, 24: { underline: false }, 27: { inverse: false },
  39: { color: null }, 49: { ground: null },
};

function painted(style, codes) {
  const numbers = (codes || "0").split(/[;:]/).map(Number);
  for (let at = 0; at < numbers.length; at += 1) {
    const code = numbers[at];
    if (code === 0) style = PLAIN;
    else if (code in SWITCHES) style = { ...style, ...SWITCHES[code] };
    else if (code >= 30 && code <= 37) style = { ...style, color: code - 30 };
    else if (code >= 90 && code <= 97) style = { ...style, color: code - 90 };
    else if (code >= 40 && code <= 47) style = { ...style, ground: palette(code - 40) };
    else if (code >= 100 && code <= 107) style = { ...style, ground: palette(code - 92) };
    else if (code === 38 || code === 48) {
      const [colour, used] = extended(numbers.slice(at + 1));
      if (colour) style = { ...style, [code === 38 ? "color" : "ground"]: colour };
      at += used;
    }
  }
  return style;
}

/** One of 256 colours (`5;N`), or three parts of one (`2;R;G;B`), and how many numbers say so. */
function extended([kind, ...rest]) {
  const fits = (numbers) => numbers.every((number) => number >= 0 && number <= 255);
  if (kind === 5) return [rest.length && fits(rest.slice(0, 1)) ? palette(rest[0]) : null, 2];
  if (kind === 2) return [rest.length > 2 && fits(rest.slice(0, 3)) ? rest.slice(0, 3) : null, 4];
  return [null, 1];
}
