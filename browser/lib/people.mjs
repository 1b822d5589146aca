// People of a test's own: each signs up through the pages, so that no test depends on another.

import { sql } from "./database.mjs";
import { link } from "./mail.mjs";
import { server } from "./visit.mjs";

export const PASSWORD = "seven blue lanterns drift";

/** The administrator of the organization that `up` makes; the first test brings them in. */
export const first = { name: "First Administrator", email: "first@example.com", password: PASSWORD };

let serial = 0;

/** Somebody with an address nobody else has. */
export function somebody(name = "Person") {
  serial += 1;
  return { name: `${name} ${serial}`, email: `person-${serial}@example.com`, password: PASSWORD };
}

export async function signUp(visit, person) {
  // All of them come from one network address, which may ask for so many letters in a quarter of an hour: for each it is over.
  await sql("update attempt set began_at = began_at - interval '15 minutes' where scope = 'letters_from'");
  await visit.goto("/sign-up");
  await visit.fill({ "Your name": person.name, "E-mail address": person.email, Password: person.password });
  await visit.press("Continue");
  await visit.headed("Look into your mail");
}

export async function verify(visit, person) {
  await visit.goto(await link(person.email, "verify_address"));
  await visit.fill({ Password: person.password });
  await visit.press("Confirm and sign in");
  await visit.arrive("/onboarding");
}

export async function found(visit, name) {
  await visit.goto("/onboarding");
  await visit.fill({ "Name of the organization": name });
  await visit.press("Create");
  await visit.arrive("/");
}

/** Signs up, verifies and founds an organization: the owner of a house of their own, signed in. */
export async function owner(visit, name) {
  const person = somebody(name);
  await signUp(visit, person);
  await verify(visit, person);
  person.organization = `House of ${person.name}`;
  await found(visit, person.organization);
  return person;
}

/** Invites an address by the form; `visit` is somebody's who may. `role` is a role's title. */
export async function invite(visit, address, role) {
  await visit.goto("/members/invite");
  await visit.fill({ "E-mail address": address });
  await visit.choose(role);
  await visit.press("Send invitation");
  await visit.sees("The invitation is on its way.");
}

/** Invites somebody new and lets them come: a colleague in `house`, where `visit` may invite, signed in in `other`. */
export async function colleague(visit, other, role, house) {
  const person = { ...somebody("Colleague"), organization: house };
  await invite(visit, person.email, role);
  await other.goto(await link(person.email, "invitation"));
  await other.fill({ "Your name": person.name, Password: person.password });
  await other.press("Join with the password");
  await other.headed(house);
  return person;
}

/** The first step of a sign-in. */
export async function signIn(visit, person, path = "/sign-in") {
  await visit.goto(path);
  await visit.fill({ "E-mail address": person.email, Password: person.password });
  await visit.press("Continue");
}

export async function signOut(visit) {
  await visit.goto("/sign-out");
  await visit.press("Sign out");
  await visit.arrive("/sign-in");
}

/** Asks the REST API, where the console has no page. */
export async function api(method, path, { key, body } = {}) {
  const answer = await fetch(server.url + path, {
    method,
    headers: {
      ...(key && { authorization: `Bearer ${key}` }),
      ...(body && { "content-type": "application/json" }),
    },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text ? JSON.parse(text) : null };
}
