/**
 * What GraphiQL keeps: the queries of this browser tab, until it closes. Never headers or variables, which hold tokens
 * and passwords; GraphiQL's own switch for headers does not cover its history.
 */

import type { Storage } from '@graphiql/toolkit';

const SECRET = new Set(['headers', 'variables']);

export const queriesOnly: Storage = {
  getItem: (key) => sessionStorage.getItem(key),
  setItem: (key, value) => {
    const name = key.slice(key.indexOf(':') + 1);
    if (!SECRET.has(name)) {
      sessionStorage.setItem(key, withoutSecrets(value));
    }
  },
  removeItem: (key) => sessionStorage.removeItem(key),
  clear: () => sessionStorage.clear(),
  get length() {
    return sessionStorage.length;
  },
};

/** Empty the fields with secrets in what GraphiQL wrote as JSON; other texts are as they were. */
function withoutSecrets(text: string): string {
  if (!text.startsWith('{')) {
    return text;
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return text; // a query may start with a brace, too
  }
  return JSON.stringify(parsed, (name, value: unknown) => (SECRET.has(name) ? null : value));
}
