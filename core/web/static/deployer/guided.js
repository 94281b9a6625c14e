// The guided flow: what is typed is sent while one types, kept, and what is found out about it shown beside the fields.
const form = document.querySelector("form[data-findings]");
const PAUSE = 500, AGAIN = 700;
let timer = 0, round = 0;

function replace(found) {
  for (const old of document.querySelectorAll(".finding, .option-fault")) old.remove();
  place([...found.querySelectorAll(".finding")]);
}

function place(findings) {
  for (const finding of findings) {
    const { slot, option } = finding.dataset;
    const row = option && document.querySelector(`.plugin-options > details:not([hidden]) [data-option="${CSS.escape(option)}"]`);
    (row || document.querySelector(`.findings[data-slot="${CSS.escape(slot)}"]`) || document.querySelector(".findings.loose")).append(finding);
  }
}

async function look(send) {
  clearTimeout(timer);
  const mine = ++round;
  try {
    const how = send ? { method: "POST", body: new FormData(form) } : {};
    const answer = await fetch(form.dataset.findings, how);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.querySelector(".found");
    if (mine !== round) return;
    if (!answer.ok || !found) throw new Error(`the server answered ${answer.status}`);
    replace(found);
    if (found.dataset.waits === "yes") timer = setTimeout(() => look(false), AGAIN);
  } catch (error) {
    // Nothing is lost: the form still holds all of it, and it is sent again with the next change.
    if (mine === round) timer = setTimeout(() => look(true), 5 * AGAIN);
  }
}

function soon() {
  clearTimeout(timer);
  round += 1;
  timer = setTimeout(() => look(true), PAUSE);
}

if (form) {
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  form.addEventListener("submit", () => { clearTimeout(timer); round += 1; });
  form.querySelector("#id_existing")?.addEventListener("change", () => form.querySelector("button[value=check]").click());
  place([...document.querySelectorAll(".finding[data-slot]")]);
  if (document.querySelector(".finding.wait")) timer = setTimeout(() => look(false), AGAIN);
}

async function plan() {
  const answer = await fetch(location.href);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["plan-steps", "confirm"]) {
    const [old, now] = [document.getElementById(id), page.getElementById(id)];
    if (!now) return;
    if (old.innerHTML !== now.innerHTML) old.replaceWith(now);
  }
  if (document.querySelector("#plan-steps .finding.wait")) setTimeout(plan, AGAIN);
}
if (document.querySelector("#plan-steps .finding.wait")) setTimeout(plan, AGAIN);

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy);
    try { await navigator.clipboard.writeText(text.textContent); button.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(text); }
  });
}
