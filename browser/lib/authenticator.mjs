// Second factors: an authenticator app (RFC 6238), and a passkey device as Chromium's own tests use it.

import { createHmac } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

const STEP_SECONDS = 30;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function bytes(base32) {
  const bits = [...base32.replaceAll(/[\s=]/g, "").toUpperCase()]
    .map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0"))
    .join("");
  return Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}

function codeOf(secret, step) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", secret).update(counter).digest();
  const number = mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

/** An authenticator app. The server takes a code once, and those of the steps before and after the present one. */
export class App {
  #secret;
  #last = 0;

  constructor(secret) {
    this.#secret = bytes(secret);
  }

  /** A code that was not used yet. Begins a step early, so that three are at hand before anybody must wait. */
  async code() {
    const present = () => Date.now() / 1000 / STEP_SECONDS;
    // At the end of a step the code before it is too old by the time it arrives.
    const first = present() % 1 < 0.7 ? Math.floor(present()) - 1 : Math.floor(present());
    const step = Math.max(first, this.#last + 1);
    this.#last = step;
    while (Math.floor(present()) < step - 1) await pause(200);
    return codeOf(this.#secret, step);
  }
}

/** A device that keeps passkeys, plugged into one page. */
export class Device {
  #session;
  #id;

  /** Its owner confirms by themselves, as if the finger lay on the sensor all the time. */
  static async plug(page, credentials = []) {
    const device = new Device();
    device.#session = await page.context().newCDPSession(page);
    await device.#session.send("WebAuthn.enable", { enableUI: false });
    const options = {
      protocol: "ctap2",
      ctap2Version: "ctap2_1",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    };
    const { authenticatorId } = await device.#session.send("WebAuthn.addVirtualAuthenticator", { options });
    device.#id = authenticatorId;
    for (const credential of credentials) {
      await device.#session.send("WebAuthn.addCredential", { authenticatorId, credential });
    }
    return device;
  }

  /** Pulls it out. */
  async unplug() {
    await this.#session.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId: this.#id });
    await this.#session.detach();
  }

  /** What it holds, to be put into another device: as if one carried it there. */
  async credentials() {
    return (await this.#session.send("WebAuthn.getCredentials", { authenticatorId: this.#id })).credentials;
  }
}
