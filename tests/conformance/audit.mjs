// GraphQL over HTTP: asks a server every question of the audit suite of graphql-http.
//
//   node audit.mjs http://127.0.0.1:8000/graphql
//
// Prints one line per audit that did not pass, then the count. Exit code 1 if a MUST or a SHOULD failed;
// a MAY is the server's free choice and only listed.

import { auditServer } from 'graphql-http';

const url = process.argv[2];
if (url === undefined) {
  console.error('usage: node audit.mjs URL');
  process.exit(2);
}

const LEVELS = { ok: 'OK', notice: 'MAY', warn: 'SHOULD', error: 'MUST' };

const results = await auditServer({ url });
for (const result of results.filter((one) => one.status !== 'ok')) {
  console.log(`${LEVELS[result.status]} ${result.id} ${result.name}: ${result.reason}`);
  await result.response?.body?.cancel();
}

const count = Object.fromEntries(
  Object.keys(LEVELS).map((status) => [status, results.filter((one) => one.status === status).length]),
);
const failed = count.warn + count.error;
console.log(
  `${results.length} audits: ${count.ok} ok, ${count.notice} MAY notices, ` +
    `${count.warn} SHOULD warnings, ${count.error} MUST errors`,
);
process.exit(failed > 0 ? 1 : 0);
