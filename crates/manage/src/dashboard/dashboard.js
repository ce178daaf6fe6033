// Comfort only: every page works without this script.
"use strict";

// The words are in `data-` attributes of the page. Braces stand for a value.
const filled = (text, value) => text.replace("{}", value);

// Sends a form once. The server also ignores a second one.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.target === "_blank") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-busy", "true");
});
// The secret of a sign-in link leaves the address, so that it is not in the history. Then the form needs no click, unless the page asks.
for (const form of document.querySelectorAll("form[data-secret]")) {
  if (location.search) history.replaceState(null, "", location.pathname);
  if ("now" in form.dataset) form.requestSubmit();
}
// Allows the forms again when the user comes back to the page.
addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-busy");
  }
});

// Times are in the reader's time zone. Their titles keep UTC.
const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) continue;
  if ("local" in time.dataset) time.textContent = local.format(at);
  else if (time.title) time.title += filled(document.body.dataset.here, local.format(at));
}

// Empty filters do not appear in the URL.
for (const form of document.querySelectorAll("form.filters")) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
}

// One box selects all keys of the page, and the number of selected ones is shown.
for (const form of document.querySelectorAll("form.selection")) {
  const alls = form.querySelectorAll("[data-all]");
  const boxes = [...form.querySelectorAll("input[name=id]")];
  const shown = form.querySelector("[data-count]");
  const show = () => {
    const count = boxes.filter((box) => box.checked).length;
    for (const all of alls) {
      all.checked = count === boxes.length;
      all.indeterminate = count > 0 && count < boxes.length;
    }
    shown.textContent = filled(shown.dataset.count, count);
    for (const button of form.querySelectorAll("button")) button.disabled = count === 0;
  };
  for (const all of alls) {
    all.closest("[hidden]").hidden = false;
    all.addEventListener("change", () => {
      for (const box of boxes) box.checked = all.checked;
      show();
    });
  }
  form.addEventListener("change", show);
  addEventListener("pageshow", show);
}

// A preset ticks the boxes of its scopes.
for (const presets of document.querySelectorAll(".presets")) {
  presets.hidden = false;
  const boxes = [...presets.closest("fieldset").querySelectorAll("input[name=scope]")];
  presets.addEventListener("click", (event) => {
    const button = event.target.closest("[data-preset]");
    if (!button) return;
    const scopes = button.dataset.preset.split(" ");
    for (const box of boxes) box.checked = scopes.includes(box.value);
  });
}

// The pages are behind a button on a narrow screen.
const toggle = document.querySelector(".toggle");
if (toggle) {
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    toggle.setAttribute("aria-expanded", String(toggle.getAttribute("aria-expanded") !== "true"));
  });
}

// A menu closes with Escape, and with a click beside it.
const menus = document.querySelectorAll("details.menu");
document.addEventListener("click", (event) => {
  for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (toggle?.getAttribute("aria-expanded") === "true") {
    toggle.setAttribute("aria-expanded", "false");
    toggle.focus();
  }
  for (const menu of menus) {
    if (!menu.open) continue;
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
for (const field of document.querySelectorAll("[data-find]")) {
  const list = document.getElementById(field.dataset.find);
  const none = list.nextElementSibling;
  field.closest("p").hidden = list.children.length < 6;
  field.addEventListener("input", () => {
    const text = field.value.trim().toLowerCase();
    let found = 0;
    for (const item of list.children) {
      item.hidden = !item.textContent.toLowerCase().includes(text);
      found += item.hidden ? 0 : 1;
    }
    none.hidden = found > 0;
  });
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
    const label = button.textContent;
    button.addEventListener("click", async () => {
      const code = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(code.textContent);
        copied = true;
        say(said.dataset.copied);
        button.textContent = said.dataset.copiedLabel;
        setTimeout(() => { button.textContent = label; }, 2000);
      } catch {
        getSelection().selectAllChildren(code);
        say(said.dataset.blocked, true);
      }
    });
  }
  document.addEventListener("copy", () => { copied = true; });
  made.querySelector("a[download]")?.addEventListener("click", () => { copied = true; });
  const guard = (event) => { if (!copied) event.preventDefault(); };
  addEventListener("beforeunload", guard);
  made.querySelector("[data-done]").addEventListener("click", (event) => {
    if (!copied && !warned) {
      event.preventDefault();
      warned = true;
      say(said.dataset.leave, true);
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

// Passkeys. The browser's answer goes into the form, and the server judges it.
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const said = form.querySelector("[data-said]");
  const button = form.querySelector("button[type=button]");
  form.querySelector("[data-no-script]").hidden = true;
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
    said.textContent = form.dataset.old;
    continue;
  }
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (button.disabled) return;
    button.disabled = true;
    said.textContent = "";
    const options = JSON.parse(form.dataset.options);
    try {
      const answer = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      form.elements.passkey.value = JSON.stringify(answer.toJSON());
      form.requestSubmit();
    } catch (error) {
      button.disabled = false;
      said.textContent = error.name === "InvalidStateError" && form.dataset.known || form.dataset.failed;
    }
  });
}

// The arrow keys move between the bars of a chart, and Escape leaves them.
for (const chart of document.querySelectorAll(".chart > svg")) {
  const bars = [...chart.querySelectorAll("g[tabindex]")];
  chart.addEventListener("keydown", (event) => {
    const place = bars.indexOf(document.activeElement);
    if (place < 0) return;
    if (event.key === "Escape") bars[place].blur();
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -bars.length, End: bars.length };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const next = bars[Math.min(Math.max(place + steps[event.key], 0), bars.length - 1)];
    for (const bar of bars) bar.setAttribute("tabindex", bar === next ? "0" : "-1");
    next.focus();
  });
}
