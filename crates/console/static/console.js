"use strict";
// What makes the console handier: every page is whole without it. Loaded before htmx, because it says which HTML is
// trusted.

(() => {
  // htmx and the dialogs below read answers of this server into documents of their own, where no script runs. That is
  // all the HTML that is made of text here, so every other sink stays shut: a default policy that answers null refuses.
  const PARSERS = ["DOMParser parseFromString", "Document parseHTMLUnsafe"];
  if (window.trustedTypes && trustedTypes.createPolicy) {
    trustedTypes.createPolicy("default", {
      createHTML: (html, _type, sink) => (PARSERS.includes(sink) ? html : null),
    });
  }

  const root = document.documentElement;
  root.classList.add("js");
  const YEAR_SECONDS = 31536000;

  // ---- saying something ----

  let toastTimer = 0;
  function say(text) {
    let toast = document.getElementById("toast");
    if (!toast) {
      toast = document.createElement("div");
      toast.id = "toast";
      toast.className = "toast";
      toast.setAttribute("role", "status");
      document.body.append(toast);
    }
    toast.hidden = false;
    toast.textContent = text;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { toast.hidden = true; }, 2500);
  }

  // ---- times ----

  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "long" });

  function distance(milliseconds) {
    const away = Math.abs(milliseconds) / 1000;
    let amount;
    if (away < 60) return "just now";
    if (away < 3600) amount = `${Math.floor(away / 60)} min`;
    else if (away < 86400) amount = `${Math.floor(away / 3600)} h`;
    else if (away < 172800) amount = "1 day";
    else amount = `${Math.floor(away / 86400)} days`;
    return milliseconds > 0 ? `${amount} ago` : `in ${amount}`;
  }

  function remaining(milliseconds) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
    return hours ? `${hours}:${rest}` : rest;
  }

  function refreshTimes(scope) {
    const now = Date.now();
    for (const element of scope.querySelectorAll("time[datetime]")) {
      const at = new Date(element.dateTime);
      if (Number.isNaN(at.valueOf())) continue;
      element.title = exact.format(at);
      if ("live" in element.dataset) element.textContent = distance(now - at.valueOf());
    }
    for (const element of scope.querySelectorAll("[data-countdown]")) {
      element.textContent = remaining(new Date(element.dataset.countdown).valueOf() - now);
    }
  }

  // ---- pieces that need a hand ----

  // Tables become cards on narrow screens, where some browsers forget that they are tables.
  const ROLES = { table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", td: "cell" };
  function nameTables(scope) {
    for (const table of scope.querySelectorAll("table.data, table.matrix")) {
      for (const element of [table, ...table.querySelectorAll("thead, tbody, tr, td, th")]) {
        const header = element.scope === "col" ? "columnheader" : "rowheader";
        element.setAttribute("role", ROLES[element.localName] || header);
      }
    }
  }

  function addReveal(scope) {
    for (const input of scope.querySelectorAll("input[type=password]")) {
      const box = document.createElement("div");
      box.className = "reveal";
      const focused = document.activeElement === input;
      input.replaceWith(box);
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Show";
      button.setAttribute("aria-label", "Show password");
      button.setAttribute("aria-controls", input.id);
      button.addEventListener("click", () => {
        const shown = input.type === "password";
        input.type = shown ? "text" : "password";
        button.textContent = shown ? "Hide" : "Show";
        button.setAttribute("aria-label", shown ? "Hide password" : "Show password");
        input.focus();
      });
      box.append(input, button);
      if (focused) input.focus();
    }
  }

  function prepare(scope) {
    refreshTimes(scope);
    nameTables(scope);
    addReveal(scope);
  }

  // ---- clicks ----

  async function copy(button) {
    const from = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
    const text = from ? [...from.children].map((line) => line.textContent.trim()).join("\n") : button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
      button.classList.add("done");
      say("Copied");
      setTimeout(() => button.classList.remove("done"), 1500);
    } catch {
      say("Your browser does not let this page copy. Select the text and copy it yourself.");
    }
  }

  function download(button) {
    const lines = [...document.getElementById(button.dataset.from).children];
    const text = `${lines.map((line) => line.textContent.trim()).join("\n")}\n`;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    link.download = button.dataset.download;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // A confirm page as a dialog. Whatever comes back that is not one (a sign-in, a problem) is gone to instead.
  async function openDialog(link) {
    const dialog = document.getElementById("dialog");
    try {
      const answer = await fetch(link.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const confirm = page.querySelector("main .confirm");
      if (!answer.ok || answer.redirected || !confirm || !dialog) throw new Error("not a confirm page");
      const heading = confirm.querySelector("h1");
      const title = document.createElement("h2");
      title.textContent = heading.textContent;
      heading.replaceWith(title);
      dialog.setAttribute("aria-label", title.textContent);
      const body = document.getElementById("dialog-body");
      body.replaceChildren(document.importNode(confirm, true));
      prepare(body);
      dialog.showModal();
    } catch {
      location.assign(link.href);
    }
  }

  function chooseTheme(button) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `portcullis_theme=${button.value}; Path=/; Max-Age=${YEAR_SECONDS}; SameSite=Lax${secure}`;
    root.dataset.theme = button.value;
    for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
  }

  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target : null;
    if (!at) return;
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    const found = (selector) => at.closest(selector);
    if (found("[data-copy], [data-copy-from]")) copy(found("[data-copy], [data-copy-from]"));
    else if (found("[data-download]")) download(found("[data-download]"));
    else if (found("[data-print]")) window.print();
    else if (found("[data-theme-form] button")) {
      event.preventDefault();
      chooseTheme(found("[data-theme-form] button"));
    } else if (found("#dialog [data-cancel]")) {
      event.preventDefault();
      document.getElementById("dialog").close();
    } else if (plain && found("a[data-dialog]")) {
      event.preventDefault();
      openDialog(found("a[data-dialog]"));
    } else if (at.localName === "dialog") at.close(); // the backdrop
  });

  // A file that is chosen is read into the field beside it, where it can be looked at; without scripts one pastes it.
  document.addEventListener("change", async (event) => {
    const from = event.target instanceof HTMLInputElement && event.target.dataset.readInto ? event.target : null;
    const [file] = from?.files ?? [];
    if (!file) return;
    document.getElementById(from.dataset.readInto).value = await file.text();
    say(`${file.name} is in the field below.`);
  });

  // A form is sent once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "dialog" || form.method === "get" || event.defaultPrevented) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  // ---- keys ----

  let led = 0; // when `g` was pressed, in milliseconds
  const LEAD_MILLISECONDS = 1200;
  const typing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (!(event.target instanceof Element) || typing(event.target) || document.querySelector("dialog:modal")) return;
    const shortcuts = document.getElementById("shortcuts");
    if (event.key === "/") {
      const search = document.querySelector("main input[type=search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    } else if (event.key === "?" && shortcuts) shortcuts.showModal();
    else if (event.key === "g") led = event.timeStamp;
    else if (led && event.timeStamp - led < LEAD_MILLISECONDS) {
      led = 0;
      const target = [...document.querySelectorAll("[data-go]")].find((line) => line.dataset.go === event.key);
      if (target) location.assign(target.dataset.path);
    }
  });

  // ---- start ----

  const start = () => {
    prepare(document);
    document.querySelector("[data-focus]")?.focus();
    setInterval(() => refreshTimes(document), document.querySelector("[data-countdown]") ? 1000 : 30000);
    document.body.addEventListener("htmx:afterSwap", (event) => prepare(event.detail.target.parentElement || document));
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
