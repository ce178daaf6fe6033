// Comfort only: every page works without this script.
"use strict";

// Sends a form once. The server also ignores a second one.
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
// Allows the forms again when the user comes back to the page.
addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-busy");
  }
});

// Applies a filter as soon as it is chosen.
for (const select of document.querySelectorAll(".filters select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

// Shortcuts: "/" for the search, "n" for a new key.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const target = [...document.querySelectorAll("[data-key]")].find((element) => element.dataset.key === event.key);
  if (!target) return;
  event.preventDefault();
  if (target.matches("a")) target.click();
  else target.focus();
});

// The page that reveals a secret.
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
        say("Your browser blocks copying. Press Ctrl+C to copy the selection.", true);
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
      say("You have not copied it, and you won't see it again. Press again to leave anyway.", true);
    } else {
      removeEventListener("beforeunload", guard);
    }
  });
  // Reloading opens the details page instead of sending the form again.
  history.replaceState(null, "", made.dataset.page);
  // Removes the secret from the page that the browser caches.
  addEventListener("pagehide", () => made.replaceChildren());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}
