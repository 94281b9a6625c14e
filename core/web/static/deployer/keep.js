// What somebody is at while a page is brought up to date: nothing of it moves.

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";

/** Whether a part has what somebody is writing, which nothing may replace. */
export function isBeingUsed(part) {
  const active = document.activeElement;
  if (part.contains(active) && active.matches("input:not([data-filter]), select, textarea")) return true;
  return [...part.querySelectorAll("input:not([type=hidden], [data-filter]), textarea")].some((each) => each.value !== each.defaultValue);
}

/** Whether two pages say the same; the tokens of forms are new each time, and scripts keep times current. */
export function comparable(part) {
  return part.innerHTML.replace(/(name="csrfmiddlewaretoken" value=")[^"]*/g, "$1").replace(/(<time [^>]*>)[^<]*/g, "$1");
}

/** Note what is focused, opened and scrolled in a part; what is answered puts all of it back. */
export function keep(part) {
  const opened = [...part.querySelectorAll("details")].map((each) => each.open);
  const scrolled = [...part.querySelectorAll("[id]")].filter((each) => each.scrollTop || each.scrollLeft);
  const places = scrolled.map((each) => [each.id, each.scrollTop, each.scrollLeft]);
  const tops = [...part.querySelectorAll("[id]")].map((each) => [each.id, each.getBoundingClientRect().top]);
  const first = window.scrollY ? tops.find(([, top]) => top >= 0) : undefined;
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  const index = active ? [...part.querySelectorAll(FOCUSABLE)].indexOf(active) : -1;
  const written = active?.matches("[data-filter]") ? [active.value, active.selectionStart, active.selectionEnd] : null;
  return () => {
    part.querySelectorAll("details").forEach((each, at) => { each.open = opened[at] ?? each.open; });
    for (const [id, top, left] of places) document.getElementById(id)?.scrollTo(left, top);
    const now = first && document.getElementById(first[0]);
    if (now) window.scrollBy(0, now.getBoundingClientRect().top - first[1]);
    if (!active) return;
    const same = (each) => each.tagName === active.tagName && each.getAttribute("href") === active.getAttribute("href");
    const all = [...part.querySelectorAll(FOCUSABLE)];
    const found = (active.id && document.getElementById(active.id)) || (all[index] && same(all[index]) ? all[index] : all.find(same));
    found?.focus({ preventScroll: true });
    if (!written || !found) return;
    found.value = written[0];
    found.setSelectionRange(written[1], written[2]);
  };
}
