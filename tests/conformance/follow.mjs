// Follows a numbered stream to its end and holds it to its promises.
//
//   node follow.mjs '{"url": "http://127.0.0.1:8000/graphql", "transport": "ws", "token": "...",
//                     "document": "subscription { steps { sequence terminal succeeded } }", "timeoutS": 30}'
//
// Fails (exit code 1, the reason on standard error) if a number is missing, comes twice or comes too late, if the
// stream ends without its terminal event or goes on after it, if that event tells of a failure, or if time runs out.

import { pathToFileURL } from 'node:url';

import { TRANSPORTS } from './transports.mjs';

/** How this API marks its events. `partial` events tell of the latest state only, so their numbers may skip. */
const RULES = {
  sequence: (event) => event.sequence,
  partial: () => false,
  terminal: (event) => event.terminal,
  succeeded: (event) => event.succeeded,
};

/** Return what was seen: the number of events and the terminal one. */
export async function follow({ url, transport = 'ws', token, document, variables, timeoutS = 60, after }, rules = RULES) {
  const seen = { events: 0, last: after, terminal: null };
  const stream = TRANSPORTS[transport]({ url, token, document, variables });
  for await (const data of withinTime(stream, timeoutS)) {
    take(seen, Object.values(data)[0], rules);
  }
  if (seen.terminal === null) {
    throw new Error(`The stream ended after number ${seen.last} without a terminal event.`);
  }
  if (!rules.succeeded(seen.terminal)) {
    throw new Error(`The stream ended in failure: ${JSON.stringify(seen.terminal)}`);
  }
  return seen;
}

function take(seen, event, rules) {
  const number = rules.sequence(event);
  if (seen.terminal !== null) {
    throw new Error(`Number ${number} came after the terminal event.`);
  }
  if (seen.last !== undefined && number <= seen.last) {
    throw new Error(`Number ${number} came after ${seen.last}.`);
  }
  if (seen.last !== undefined && number > seen.last + 1 && !rules.partial(event)) {
    throw new Error(`Between ${seen.last} and ${number} something is missing.`);
  }
  seen.events += 1;
  seen.last = number;
  if (rules.terminal(event)) {
    seen.terminal = event;
  }
}

/** Yield from a stream for a limited time. */
async function* withinTime(stream, timeoutS) {
  let alarm;
  const late = new Promise((_, refuse) => {
    alarm = setTimeout(() => refuse(new Error(`The stream has not ended within ${timeoutS} s.`)), timeoutS * 1000);
  });
  try {
    for (;;) {
      const { value, done } = await Promise.race([stream.next(), late]);
      if (done) {
        return;
      }
      yield value;
    }
  } finally {
    clearTimeout(alarm);
    void stream.return();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const seen = await follow(JSON.parse(process.argv[2]));
    console.log(JSON.stringify({ events: seen.events, last: seen.last }));
  } catch (error) {
    console.error(error.message ?? error);
    process.exitCode = 1;
  }
  // A stream that never ends must not keep the process alive.
  process.exit();
}
