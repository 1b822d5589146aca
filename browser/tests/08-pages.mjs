// Every page that is simply opened. Those that are steps of something are looked at where the step is taken.
// A new room is one line here: its path, its heading, the name of its pictures.

import { test } from "node:test";

import { look } from "../lib/look.mjs";
import { first, signIn, signUp, somebody, verify } from "../lib/people.mjs";
import { server, visiting } from "../lib/visit.mjs";

const PAGES = [
  ["/", server.organization.name, "home"],
  ["/roles", "Roles", "roles"],
  ["/agents", "Agents", "agents"],
  ["/agents?q=nothing-like-it", "Agents", "agents-none"],
  [`/agents/${server.agent.id}/suspend`, `Suspend ${server.agent.name}`, "confirm"],
  ["/keys", "API keys", "keys"],
  ["/audit", "Audit log", "audit"],
  ["/audit/checkpoints", "Checkpoints and witnesses", "heads"],
  ["/audit/retention", "Retention and legal holds", "retention"],
  ["/audit?request=nothing-like-it", "Audit log", "audit-none"],
  ["/members", "Members", "members"],
  ["/members?q=nothing-like-it", "Members", "members-none"],
  ["/members/invite", "Invite somebody", "invite"],
  ["/members/leave", `Leave ${server.organization.name}`, "leave"],
  ["/settings", "Organization", "settings"],
  ["/relations", "Relations", "relations"],
  ["/webhooks", "Webhooks", "webhooks"],
  ["/webhooks/new", "New webhook", "webhook-new"],
  ["/evidence", "Evidence", "evidence"],
  ["/evidence/new", "New evidence pack", "evidence-new"],
  ["/evidence/new?framework=soc2&from=2025-01-01&to=2025-01-02", "New evidence pack", "evidence-preview"],
  ["/policies/packs", "Policy packs", "packs"],
  ["/policies/packs/new", "Upload a policy pack", "pack-new"],
  ["/policies/keys/new", "Trust a key", "pack-key"],
  ["/privacy", "Privacy", "privacy"],
  ["/privacy/edit?channel=tool_results", "Rules: From a tool", "privacy-edit"],
  ["/privacy/playground", "Try a text", "privacy-playground"],
  ["/privacy/reveal", "Reveal a token", "privacy-reveal"],
  ["/break-glass", "Break-glass", "break-glass"],
  ["/instance/outbox", "Mail outbox", "outbox"],
  ["/security", "My security", "security"],
  ["/security/password", "Change password", "security-password"],
  ["/security/email", "Change e-mail address", "security-email"],
  ["/security/recovery-codes", "Recovery codes", "recovery-codes"],
  ["/sessions/revoke-others", "End all other sessions", "sessions-revoke-others"],
  ["/switch", "Choose an organization", "switch"],
  ["/onboarding", "Another organization", "onboarding-another"],
];

test("every page of somebody who may see all", { timeout: 180_000 }, () =>
  visiting(async (visit) => {
    await signIn(visit, first);
    await visit.headed(server.organization.name);
    for (const [path, heading, name] of PAGES) {
      await visit.goto(path);
      await visit.headed(heading);
      await look(visit, name);
    }
    for (const [button, menu] of [[/^Account:/, "account"], [/^Organization:/, "organizations"]]) {
      await visit.goto("/");
      await visit.page.getByRole("button", { name: button }).click();
      await visit.page.locator(`#${menu}`).waitFor();
      await look(visit, `menu-${menu}`);
    }
  }));

test("the menu of a phone, and the appearance one chose", () =>
  visiting(async (visit) => {
    await signIn(visit, first);
    await visit.headed(server.organization.name);
    await visit.press("Menu");
    await visit.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Roles" }).click();
    await visit.headed("Roles");
    await visit.page.getByRole("button", { name: /^Account:/ }).click();
    await visit.press("Dark");
    await visit.page.locator("html[data-theme=dark]").waitFor();
    await visit.page.reload();
    await visit.page.locator("html[data-theme=dark]").waitFor();
  }, { viewport: { width: 390, height: 844 } }));

test("a refusal names its gate, and what is not there is a page too", () =>
  visiting(async (visit) => {
    const person = somebody();
    await signUp(visit, person);
    await verify(visit, person);
    visit.expect(403);
    await visit.goto("/agents");
    await look(visit, "refused");
    visit.expect(404);
    await visit.goto("/audit/no-such-entry");
    await look(visit, "not-found");
  }));
