// Templates of roles: made, given to a member, changed, taken back and removed; and what members may do, side by side.

import { test } from "node:test";

import { look } from "../lib/look.mjs";
import { colleague, owner } from "../lib/people.mjs";
import { visiting } from "../lib/visit.mjs";

test("a template is made, given, changed, taken back and removed", { timeout: 120_000 }, () =>
  visiting(async (visit) => {
    const person = await owner(visit);
    let other;
    await visiting(async (theirs) => {
      other = await colleague(visit, theirs, "Viewer", person.organization);
    });
    await visit.goto("/roles");
    await visit.sees("No templates yet");
    await look(visit, "roles-young");
    await visit.follow("Make a template");
    await visit.headed("New template");
    await visit.fill({ Name: "auditor", Title: "Auditor" });
    visit.expect(422);
    await visit.press("Make the template");
    await visit.sees("at least one permission");
    await look(visit, "role-template-refused");
    await visit.page.getByLabel("audit:read").check();
    await visit.page.getByLabel("audit:export").check();
    await visit.press("Make the template");
    await visit.sees("The template is made");
    await look(visit, "roles-own");

    await visit.goto("/members");
    await visit.page.getByRole("link", { name: other.name }).click();
    await visit.headed(other.name);
    await visit.sees("Nothing was given.");
    await visit.page.getByLabel("Give", { exact: true }).selectOption({ label: "Auditor" });
    await visit.press("Give it");
    await visit.sees("They have it");
    await look(visit, "member-given");

    await visit.goto("/roles");
    await visit.follow("What members may do");
    await visit.headed("What members may do");
    await visit.sees("auditor");
    await look(visit, "member-permissions");

    await visit.goto("/roles");
    await visit.follow("Auditor");
    await visit.headed("Auditor");
    await look(visit, "role-template");
    await visit.page.getByLabel("audit:export").uncheck();
    await visit.press("Change the template");
    await visit.sees("The template is changed");

    await visit.goto("/members");
    await visit.page.getByRole("link", { name: other.name }).click();
    await visit.press(/Take back/);
    await visit.sees("It is taken back");

    await visit.goto("/roles");
    await visit.follow("Auditor");
    const dialog = await visit.ask("Remove…");
    await look(visit, "role-template-remove");
    await dialog.getByRole("button", { name: "Remove" }).click();
    await visit.sees("The template is removed");
    await visit.sees("No templates yet");
  }));
