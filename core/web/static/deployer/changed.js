// Rows that say something else after a refresh are shown for a moment.

const ROWS = "tr[id], li[id]";
const MOMENT = 4000;

function words(row) {
  const copy = row.cloneNode(true);
  copy.querySelectorAll("time").forEach((time) => { time.textContent = time.dateTime; });
  return copy.textContent;
}

/** What each row says. */
export function said(part) {
  return new Map([...part.querySelectorAll(ROWS)].map((row) => [row.id, words(row)]));
}

/** Mark the rows that say something else than they did. */
export function point(part, before) {
  for (const row of part.querySelectorAll(ROWS)) {
    if (before.get(row.id) === words(row)) continue;
    row.classList.add("changed");
    setTimeout(() => row.classList.remove("changed"), MOMENT);
  }
}
