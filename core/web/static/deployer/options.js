// Options of plugins: of all kinds, those of the chosen one are shown. Without this script they are folded instead.
function show(options) {
  const prefix = options.dataset.name.replace(/options$/, "");
  const choice = document.getElementsByName(prefix + options.dataset.kindField)[0];
  const kind = choice ? choice.value : "";
  const own = kind ? options.querySelector(`:scope > details[data-kind="${CSS.escape(kind)}"]`) : null;
  for (const details of options.querySelectorAll(":scope > details")) {
    const chosen = details === own || (!own && details.dataset.kind === "" && Boolean(kind));
    details.hidden = !chosen;
    details.open = chosen;
  }
  options.classList.add("scripted");
  options.classList.toggle("unchosen", !kind);
}

function showAll() {
  for (const options of document.querySelectorAll(".plugin-options")) {
    // The name of a row that is to be copied is not final yet.
    const written = options.querySelector(":scope > details > textarea");
    if (written) options.dataset.name = written.name;
    show(options);
  }
}

document.addEventListener("DOMContentLoaded", showAll);
document.addEventListener("formset:added", showAll);
document.addEventListener("change", (event) => { if (event.target.matches("select")) showAll(); });
