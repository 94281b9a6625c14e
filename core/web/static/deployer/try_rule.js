// The button "Try it" of a log rule: what it finds is shown below the form, which stays as it is.
const button = document.getElementById("try-it");
const tried = document.getElementById("tried");

button?.addEventListener("click", async (event) => {
  event.preventDefault();
  button.disabled = true;
  tried.textContent = "Trying it …";
  try {
    const answer = await fetch(button.formAction, { method: "POST", body: new FormData(button.form) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById("tried");
    if (!answer.ok || !found) throw new Error(`the server answered ${answer.status}`);
    tried.replaceChildren(...found.childNodes);
  } catch (error) {
    tried.textContent = `It could not be tried: ${error.message}.`;
  }
  button.disabled = false;
});
