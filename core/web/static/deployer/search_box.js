// The search in every page's header: what is called so is offered as somebody types (an ARIA combobox with a list that
// is chosen from by the keyboard). Without a script it is a form like any other.

const PAUSE = 150;
const MOST = 12;
const form = document.querySelector(".search-box");
const box = form?.querySelector("input");
const list = form?.querySelector("ul");
let asked = null;
let timer = 0;
let chosen = -1;
let shown = "";

function close() {
  list.hidden = true;
  list.replaceChildren();
  box.setAttribute("aria-expanded", "false");
  box.removeAttribute("aria-activedescendant");
  chosen = -1;
  shown = "";
}

function choose(number) {
  const options = list.children;
  if (!options.length) return;
  // One place more than there are options: the words themselves.
  const places = options.length + 1;
  chosen = ((number + 1 + places) % places) - 1;
  [...options].forEach((each, index) => each.setAttribute("aria-selected", String(index === chosen)));
  if (chosen < 0) { box.removeAttribute("aria-activedescendant"); return; }
  box.setAttribute("aria-activedescendant", options[chosen].id);
  options[chosen].scrollIntoView({ block: "nearest" });
}

function option(hit, index) {
  const item = document.createElement("li");
  item.id = `found-${index}`;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  const [kind, title, detail] = [document.createElement("span"), document.createElement("div"), document.createElement("small")];
  kind.textContent = hit.kind === "ref" ? "branch" : hit.kind;
  title.textContent = hit.title;
  detail.textContent = hit.detail;
  item.append(kind, title, detail);
  item.dataset.page = hit.page;
  return item;
}

/** The best of each kind come first, so that one kind with many hits does not hide the others. */
function mixed(hits) {
  const rank = new Map();
  const ranked = hits.map((hit) => {
    const place = rank.get(hit.kind) ?? 0;
    rank.set(hit.kind, place + 1);
    return [place, hit];
  });
  const best = new Set(ranked.filter(([place]) => place < 3).map(([, hit]) => hit));
  return hits.filter((hit) => hit.page && best.has(hit)).slice(0, MOST);
}

async function ask() {
  const words = box.value.trim();
  asked?.abort();
  if (words.length < 2) { close(); return; }
  if (words === shown) return;
  asked = new AbortController();
  try {
    const answer = await fetch(`/api/search?q=${encodeURIComponent(words.slice(0, 200))}`, { signal: asked.signal });
    if (!answer.ok) { close(); return; }
    const hits = mixed(await answer.json());
    if (document.activeElement !== box || box.value.trim() !== words) return;
    list.replaceChildren(...hits.map(option));
    list.hidden = !hits.length;
    box.setAttribute("aria-expanded", String(hits.length > 0));
    box.removeAttribute("aria-activedescendant");
    chosen = -1;
    shown = words;
  } catch { /* It was asked for something newer, or the deployer does not answer: Enter still searches. */ }
}

function open(item) {
  if (item?.dataset.page) location.assign(item.dataset.page);
}

if (box) {
  box.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, PAUSE); });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) ask();
      else choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Escape") {
      if (!list.hidden) { event.preventDefault(); close(); } else box.blur();
    } else if (event.key === "Enter" && chosen >= 0) {
      event.preventDefault();
      open(list.children[chosen]);
    }
  });
  box.addEventListener("blur", () => { clearTimeout(timer); asked?.abort(); close(); });
  // The box must not lose the focus, and the list with it, before the press has ended.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => open(event.target.closest("li")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.matches?.("input, select, textarea, [contenteditable]")) return;
    // The page of a job has a search of its own: in the log.
    if (document.getElementById("log")) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
}
