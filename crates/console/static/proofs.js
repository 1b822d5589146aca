// Verifies the proof of one entry in this browser: nothing but the file and the log's key is believed, and both are shown.
// C2SP tlog-proof, tlog-checkpoint and signed-note; RFC 9162 section 2.1.3.2; Ed25519 and SHA-256 by Web Crypto.
(() => {
  "use strict";

  const HASH_BYTES = 32;
  const PATH_HASHES_MAX = 63;
  const encoder = new TextEncoder();

  const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const hex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const base64 = (data) => btoa(String.fromCharCode(...data));
  const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
  const sha256 = async (...parts) => {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
  };

  class Broken extends Error {}
  const need = (holds, words) => {
    if (!holds) throw new Broken(words);
  };

  /** The parts of a proof file. */
  function parse(text) {
    const gap = text.indexOf("\n\n");
    need(gap > 0, "The file is no proof.");
    const lines = text.slice(0, gap).split("\n");
    const note = text.slice(gap + 2);
    need(lines.shift() === "c2sp.org/tlog-proof@v1", "The file is no proof.");
    const extra = lines.shift() ?? "";
    need(extra.startsWith("extra "), "The proof does not carry its entry.");
    const index = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? "");
    need(index !== null, "The proof names no place.");
    const path = lines.map(bytes);
    need(path.length <= PATH_HASHES_MAX && path.every((hash) => hash.length === HASH_BYTES), "A hash of the proof is none.");
    const end = note.lastIndexOf("\n\n");
    need(end > 0, "The checkpoint is not signed.");
    const signed = note.slice(0, end + 1);
    const [origin, size, root] = signed.split("\n");
    need(/^(0|[1-9][0-9]{0,15})$/.test(size ?? ""), "The checkpoint names no size.");
    return {
      leaf: bytes(extra.slice("extra ".length)),
      index: Number(index[1]),
      path,
      origin,
      size: Number(size),
      root: bytes(root),
      signed,
      signatures: note.slice(end + 2).split("\n").filter((line) => line.startsWith("\u2014 ")),
    };
  }

  /** Where the path leads. */
  async function climb(leaf, index, size, path) {
    need(index < size, "The entry is outside of what the checkpoint covers.");
    let [at, last, hash] = [index, size - 1, await sha256(Uint8Array.of(0), leaf)];
    const first = hash;
    const half = (number) => Math.floor(number / 2);
    for (const sibling of path) {
      need(last > 0, "The proof has too many hashes.");
      if (at % 2 === 1 || at === last) {
        hash = await sha256(Uint8Array.of(1), sibling, hash);
        while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
      } else {
        hash = await sha256(Uint8Array.of(1), hash, sibling);
      }
      [at, last] = [half(at), half(last)];
    }
    need(last === 0, "The proof has too few hashes.");
    return [first, hash];
  }

  /** Whether the key signed the checkpoint; nothing when this browser cannot tell. */
  async function signedBy(vkey, proof) {
    const [name, id, ...rest] = vkey.split("+");
    const material = bytes(rest.join("+"));
    need(material[0] === 1 && material.length === HASH_BYTES + 1, "The key is of another kind.");
    need(name === proof.origin, "The key belongs to another log.");
    const line = proof.signatures.map((text) => text.slice(2).split(" ")).find(([signer, data]) => {
      return signer === name && hex(bytes(data).slice(0, 4)) === id;
    });
    need(line !== undefined, "The checkpoint is not signed with this key.");
    let key;
    try {
      key = await crypto.subtle.importKey("raw", material.slice(1), { name: "Ed25519" }, false, ["verify"]);
    } catch {
      return null;
    }
    return crypto.subtle.verify({ name: "Ed25519" }, key, bytes(line[1]).slice(4), encoder.encode(proof.signed));
  }

  /** The head this browser saw last: a smaller one later, or another root of the same size, is a rewritten log. */
  function remember(proof) {
    const place = `head:${proof.origin}`;
    let seen = null;
    try {
      seen = JSON.parse(localStorage.getItem(place));
    } catch {
      // Nothing remembered, or nothing that can be read.
    }
    const root = base64(proof.root);
    if (seen !== null && Number.isInteger(seen.size)) {
      need(seen.size !== proof.size || seen.root === root, "This browser has seen another history of this log.");
      need(seen.size <= proof.size, `This browser has seen ${seen.size} entries of this log already, and it has ${proof.size} now.`);
    }
    try {
      localStorage.setItem(place, JSON.stringify({ size: proof.size, root }));
    } catch {
      // It verifies all the same.
    }
    return seen === null;
  }

  async function verify(button, say) {
    say("busy", "Fetching the proof");
    const answer = await fetch(button.dataset.verify, { credentials: "same-origin" });
    need(answer.ok, "The server gave no proof.");
    const proof = parse(await answer.text());
    const shown = document.getElementById(button.dataset.shown)?.textContent ?? "";
    need(same(encoder.encode(shown), proof.leaf), "The entry on this page is not the one that is proven.");
    const [leaf, root] = await climb(proof.leaf, proof.index, proof.size, proof.path);
    say("good", `The entry on this page has the hash ${hex(leaf).slice(0, 16)}…`);
    need(same(root, proof.root), "The entry does not lead to the signed root: it is not the one that was signed.");
    say("good", `With ${proof.path.length} hashes of its neighbours it leads to the root ${hex(root).slice(0, 16)}…, as entry ${proof.index} of ${proof.size}.`);
    const signed = await signedBy(button.dataset.vkey, proof);
    if (signed === null) {
      say("warn", "This browser does not know Ed25519, so the signature under the root is left to portcullis verify.");
    } else {
      need(signed, "The signature under the root does not hold.");
      say("good", `That root is signed with the key of the log ${proof.origin}.`);
    }
    const first = remember(proof);
    say(
      "good",
      first
        ? "This browser remembers this head from now on, and notices when the log does not continue it."
        : "The log is no smaller than this browser has seen it before.",
    );
  }

  for (const button of document.querySelectorAll("button[data-verify]")) {
    const list = document.getElementById(button.getAttribute("aria-controls"));
    if (!globalThis.crypto?.subtle) {
      button.disabled = true;
      button.title = "Browsers verify over HTTPS or on localhost only";
      continue;
    }
    button.addEventListener("click", async () => {
      list.replaceChildren();
      list.hidden = false;
      button.disabled = true;
      const say = (tone, words) => {
        list.querySelector(".busy")?.remove();
        const line = document.createElement("li");
        line.className = tone;
        line.textContent = words;
        list.append(line);
      };
      try {
        await verify(button, say);
      } catch (error) {
        say("bad", error instanceof Broken ? error.message : "The proof could not be read.");
      } finally {
        button.disabled = false;
      }
    });
  }
})();
