// What is in logs takes up to a second: it is asked for once the rest of the page is there.

const section = document.getElementById("in-logs");
const form = section?.querySelector("form");

if (form) {
  const address = `${form.action}?${new URLSearchParams(new FormData(form))}`;
  const button = form.querySelector("button");
  const label = button.textContent;
  button.textContent = "Searching the logs …";
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById("in-logs");
    found.querySelectorAll("a[href^='?']").forEach((each) => { each.href = `${form.action}${each.getAttribute("href")}`; });
    section.replaceChildren(...found.childNodes);
  } catch {
    button.textContent = label;
  }
}
