// What was looked at and what was sent in a run, by path: at its end nothing of the console may be missing.

/** Paths of pages that were looked at, and of questions that were looked at as dialogs. */
export const looked = new Set();

/** Paths of forms that were sent and taken. */
export const taken = new Set();

/** Notes an answer to something that was sent. Being sent away to prove oneself first is no yes. */
export function noteAnswer(request, response) {
  if (request.method() !== "POST" || response.status() >= 400) return;
  const location = response.headers().location ?? "";
  if (/^\/(step-up|sign-in\?return)/.test(location)) return;
  taken.add(new URL(request.url()).pathname);
}

/** Which of these patterns, such as `/members/{id}`, a path is one of: the one that leaves least open. */
export function patternOf(path, patterns) {
  const parts = path.split("/");
  const fits = (pattern) => {
    const wanted = pattern.split("/");
    return wanted.length === parts.length && wanted.every((part, at) => part.startsWith("{") || part === parts[at]);
  };
  const open = (pattern) => pattern.split("{").length;
  return patterns.filter(fits).sort((one, other) => open(one) - open(other))[0];
}
