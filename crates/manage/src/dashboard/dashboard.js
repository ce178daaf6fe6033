// Comfort only: every page works without this.
"use strict";

// A form that is under way is not sent twice; the server would not do it twice either.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-busy", "true");
});
// Coming back to a page, its forms can be sent again.
addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-busy");
  }
});

// Filters apply when they are chosen.
for (const select of document.querySelectorAll(".filters select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

// One key each: "/" for the search, "n" for a new key.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const target = [...document.querySelectorAll("[data-key]")].find((element) => element.dataset.key === event.key);
  if (!target) return;
  event.preventDefault();
  if (target.matches("a")) target.click();
  else target.focus();
});

// What is shown once.
const made = document.querySelector("[data-made]");
if (made) {
  const said = made.querySelector("[data-said]");
  let copied = false;
  let warned = false;
  const say = (text, bad) => {
    said.textContent = text;
    said.classList.toggle("bad", Boolean(bad));
  };
  for (const link of made.querySelectorAll("[data-link]")) {
    if (link.textContent.startsWith("/")) link.textContent = location.origin + link.textContent;
  }
  for (const button of made.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const code = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(code.textContent);
        copied = true;
        say("Copied.");
      } catch {
        getSelection().selectAllChildren(code);
        say("The browser does not let pages copy. It is selected: copy it with Ctrl+C.", true);
      }
    });
  }
  document.addEventListener("copy", () => { copied = true; });
  const guard = (event) => { if (!copied) event.preventDefault(); };
  addEventListener("beforeunload", guard);
  made.querySelector("[data-done]").addEventListener("click", (event) => {
    if (!copied && !warned) {
      event.preventDefault();
      warned = true;
      say("You have not copied it, and it will not be shown again. Press once more to leave all the same.", true);
    } else {
      removeEventListener("beforeunload", guard);
    }
  });
  // Loading this again asks for the page about it, and does not send the form again.
  history.replaceState(null, "", made.dataset.page);
  // Nothing of it is kept for the way back.
  addEventListener("pagehide", () => made.replaceChildren());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}
