"use strict";
// The two WebAuthn ceremonies, for forms that carry `data-passkey`; and word to the browser of passkeys that were removed,
// on the list that carries `data-passkeys-of`.
//
//   data-passkey="get" | "create"   sign in or confirm | register
//   data-conditional                offer passkeys in the address field as soon as the page is there
//   data-options, data-finish       POST JSON, with the form's CSRF token in X-CSRF-Token
//
// options answers { "ceremony": "…", "publicKey": {…} } in the JSON shape of WebAuthn Level 3; finish is sent
// { "ceremony", "credential", and the form's own fields } and answers { "location": "/…" }.

(() => {
  const known = window.PublicKeyCredential;
  if (!known || !navigator.credentials) return;

  // ---- bytes ----

  function toBytes(text) {
    const base64 = text.replace(/-/g, "+").replace(/_/g, "/");
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  }

  function toText(buffer) {
    const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
    return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  const withBytes = (list) => (list || []).map((item) => ({ ...item, id: toBytes(item.id) }));

  function readRequest(json) {
    if (known.parseRequestOptionsFromJSON) return known.parseRequestOptionsFromJSON(json);
    return { ...json, challenge: toBytes(json.challenge), allowCredentials: withBytes(json.allowCredentials) };
  }

  function readCreation(json) {
    if (known.parseCreationOptionsFromJSON) return known.parseCreationOptionsFromJSON(json);
    return {
      ...json,
      challenge: toBytes(json.challenge),
      user: { ...json.user, id: toBytes(json.user.id) },
      excludeCredentials: withBytes(json.excludeCredentials),
    };
  }

  function write(credential) {
    if (credential.toJSON) return credential.toJSON();
    const { response } = credential;
    const bytes = { clientDataJSON: toText(response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (response[name]) bytes[name] = toText(response[name]);
    }
    if (response.getTransports) bytes.transports = response.getTransports();
    return {
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment,
      clientExtensionResults: credential.getClientExtensionResults(),
      response: bytes,
    };
  }

  // ---- the server ----

  async function post(form, path, body) {
    const answer = await fetch(path, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": form.elements.namedItem("csrf").value },
      body: JSON.stringify(body),
    });
    const json = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(json.detail || "The server did not accept that. Try again.");
    return json;
  }

  // What the person typed goes along: a name for the passkey, where to go afterwards. Secrets stay in the form.
  function fields(form) {
    const sent = {};
    for (const [name, value] of new FormData(form)) {
      const control = form.elements.namedItem(name);
      if (name !== "csrf" && control && !isSecret(control)) sent[name] = value;
    }
    return sent;
  }

  // A password that is shown is a line of text, and a secret still.
  const isSecret = (control) => control.type === "password" || (control.closest && control.closest(".reveal") !== null);

  // Whether the ceremony may begin: what is filled in is right. The password is what the passkey stands in for.
  function isReady(form) {
    const asked = [...form.elements].filter((control) => !isSecret(control));
    return form.dataset.passkey === "get" || asked.every((control) => control.reportValidity());
  }

  // ---- the ceremonies; one at a time, the browser allows no second ----

  let pending = null;

  async function run(form, conditional) {
    if (pending) pending.abort(new DOMException("another ceremony begins", "AbortError"));
    const abort = new AbortController();
    pending = abort;
    try {
      const begun = await post(form, form.dataset.options, fields(form));
      abort.signal.throwIfAborted();
      const { publicKey: json, ceremony } = begun;
      const credential = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: readCreation(json), signal: abort.signal })
        : await navigator.credentials.get({
            publicKey: readRequest(json),
            signal: abort.signal,
            mediation: conditional ? "conditional" : "optional",
          });
      const body = { ...fields(form), ceremony, credential: write(credential) };
      const done = await post(form, form.dataset.finish, body);
      const target = new URL(done.location, location.href);
      if (target.origin === location.origin) location.assign(target);
    } finally {
      if (pending === abort) pending = null;
    }
  }

  function inWords(error) {
    switch (error.name) {
      case "NotAllowedError": return "Nothing was confirmed. Try again, or use another way.";
      case "InvalidStateError": return "This device has a passkey for your account already.";
      case "SecurityError": return "Passkeys work only under this server's own address.";
      default: return error.message;
    }
  }

  async function start(form) {
    const place = form.querySelector("[data-passkey-error]");
    if (place) place.hidden = true;
    try {
      await run(form, false);
    } catch (error) {
      if (error.name === "AbortError" || !place) return;
      place.textContent = inWords(error);
      place.hidden = false;
      if ("conditional" in form.dataset) arm(form);
    }
  }

  async function arm(form) {
    if (!known.isConditionalMediationAvailable || !(await known.isConditionalMediationAvailable())) return;
    // Nobody asked for this one, so nobody is told when it comes to nothing.
    await run(form, true).catch(() => {});
  }

  // ---- passkeys that were removed ----

  // Whoever keeps passkeys is told of one that opens nothing any more, so that it is offered no longer (WebAuthn Level 3,
  // signalUnknownCredential). Removed is what this account's list held when it was last looked at here, and holds no more.
  const LISTED = "passkeys-listed";

  function forgetRemoved(list) {
    const { passkeysOf: account, relyingParty: rpId } = list.dataset;
    const ids = [...list.querySelectorAll("[data-credential]")].map((row) => row.dataset.credential);
    try {
      const before = JSON.parse(sessionStorage.getItem(LISTED)) || { ids: [] };
      sessionStorage.setItem(LISTED, JSON.stringify({ account, ids }));
      if (before.account !== account || !known.signalUnknownCredential) return;
      for (const credentialId of before.ids.filter((id) => !ids.includes(id))) {
        known.signalUnknownCredential({ rpId, credentialId }).catch(() => {});
      }
    } catch {
      // A browser that remembers nothing for a page tells nobody.
    }
  }

  function prepare() {
    for (const list of document.querySelectorAll("[data-passkeys-of]")) forgetRemoved(list);
    for (const form of document.querySelectorAll("form[data-passkey]")) {
      for (const element of form.querySelectorAll(".needs-passkey")) element.hidden = false;
      for (const button of form.querySelectorAll("[data-passkey-start]")) {
        button.addEventListener("click", () => { if (isReady(form)) start(form); });
      }
      // Enter in a form that has no button to send it means the ceremony.
      form.addEventListener("submit", (event) => {
        if (form.querySelector("button:not([type=button])")) return;
        event.preventDefault();
        start(form);
      });
      if ("conditional" in form.dataset) arm(form);
    }
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", prepare);
  else prepare();
})();
