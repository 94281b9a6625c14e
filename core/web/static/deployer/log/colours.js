// Colours that a program asked for, made readable on the log's ground: text that would vanish in it is shown all the same.

const GROUND = [16, 20, 26];
const SIXTEEN = [
  [0, 0, 0], [194, 54, 46], [44, 140, 74], [176, 120, 20], [47, 96, 184], [150, 70, 180], [30, 140, 155], [200, 206, 214],
  [110, 120, 132], [255, 143, 133], [127, 211, 154], [242, 196, 109], [138, 180, 248], [215, 166, 245], [117, 213, 224], [255, 255, 255],
];

/** One of 256 colours, as red, green and blue from 0 to 255. */
export function palette(number) {
  if (number < 16) return SIXTEEN[number];
  if (number > 231) return Array(3).fill(8 + (number - 232) * 10);
  const step = (each) => (each ? 55 + each * 40 : 0);
  const place = number - 16;
  return [step(Math.floor(place / 36)), step(Math.floor(place / 6) % 6), step(place % 6)];
}

function luminance(colour) {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [less, more] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (more + 0.05) / (less + 0.05);
}

/** The colour itself, or the nearest towards white or black that can be read on the ground. */
export function readable(colour, ground = GROUND) {
  const end = luminance(ground) > 0.18 ? 0 : 255;
  for (let share = 0; share < 1; share += 0.1) {
    const mixed = colour.map((part) => Math.round(part + (end - part) * share));
    if (contrast(mixed, ground) >= 4.5) return mixed;
  }
  return [end, end, end];
}

export function css(colour) {
  return `rgb(${colour.join(" ")})`;
}
