// Moves a database through the API as any client would, from signing up to the last event of the migration.
//
//   node flow.mjs '{"url": "http://127.0.0.1:8000/graphql", "transport": "ws", "timeoutS": 120,
//                   "source": {"type": "SQLITE", "config": {"path": "shop.db"}},
//                   "target": {"type": "POSTGRESQL", "credentials": {"password": "..."},
//                              "config": {"host": "127.0.0.1", "database": "shop", "username": "shop"}}}'
//
// Prints a summary as JSON. Fails (exit code 1, the reason on standard error) if a step is refused, if an event of the
// migration is missing, comes twice or out of order, if no terminal event comes, or if the migration does not succeed.

import { randomBytes } from 'node:crypto';

import { follow } from './follow.mjs';
import * as api from './operations.mjs';

const options = JSON.parse(process.argv[2] ?? process.env.FLOW ?? '{}');
const { url, transport = 'ws', timeoutS = 120, source, target } = options;
const steps = [];
let token;

/** Send one mutation and return its success; a refusal ends the flow. */
async function tell(mutation, input) {
  const began = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/graphql-response+json',
      'Idempotency-Key': randomBytes(16).toString('hex'),
      ...(token && { Authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query: mutation.document, variables: { input } }),
  });
  const answer = await response.json();
  if (answer.errors?.length) {
    throw new Error(`${mutation.field}: ${answer.errors.map((error) => error.message).join('; ')}`);
  }
  const result = answer.data[mutation.field];
  if (result.code !== undefined) {
    throw new Error(`${mutation.field}: ${result.code} ${result.message} (${result.path.join('.')})`);
  }
  steps.push({ step: mutation.field, ms: Math.round(performance.now() - began) });
  return result;
}

async function signedIn() {
  const email = `${randomBytes(8).toString('hex')}@example.org`;
  const password = randomBytes(12).toString('base64url');
  await tell(api.registerUser, { email, password, firstName: 'Grace', lastName: 'Hopper' });
  const { session } = await tell(api.signIn, { email, password });
  return session.accessToken;
}

async function activeProject() {
  const { organization } = await tell(api.createOrganization, { name: 'Conformance' });
  const { project } = await tell(api.createProject, { organizationId: organization.id, name: 'flow' });
  await tell(api.updateProjectStatus, { projectId: project.id, newStatus: 'ACTIVE' });
  return project.id;
}

async function testedConnection(projectId, name, database) {
  const use = { isSource: name === 'source', isTarget: name === 'target' };
  const { connection } = await tell(api.createConnection, { projectId, name, ...use, ...database });
  const { test } = await tell(api.testConnection, { connectionId: connection.id });
  if (!test.success) {
    throw new Error(`The connection ${name} does not work: ${test.message}`);
  }
  return connection.id;
}

async function validMapping(projectId, sourceConnectionId, targetConnectionId) {
  const { analysis } = await tell(api.analyzeSchema, { connectionId: sourceConnectionId });
  const { mapping } = await tell(api.createSchemaMapping, {
    projectId,
    name: 'as it is',
    sourceConnectionId,
    targetConnectionId,
    mappings: analysis.tables.nodes.map(({ name }) => ({ sourceTable: name, targetTable: name })),
  });
  const { validation } = await tell(api.validateSchemaMapping, { mappingId: mapping.id });
  if (!validation.isValid) {
    throw new Error(`The mapping is not valid: ${validation.errors.map((one) => one.message).join('; ')}`);
  }
  return mapping.id;
}

try {
  token = await signedIn();
  const projectId = await activeProject();
  const sourceId = await testedConnection(projectId, 'source', source);
  const targetId = await testedConnection(projectId, 'target', target);
  const mappingId = await validMapping(projectId, sourceId, targetId);
  const { migration } = await tell(api.startMigration, {
    projectId,
    config: { sourceConnectionId: sourceId, targetConnectionId: targetId, mappingId },
  });
  const began = performance.now();
  const seen = await follow(
    { url, transport, token, document: api.migrationEvents, variables: { id: migration.id }, timeoutS },
    api.RULES,
  );
  console.log(
    JSON.stringify({
      migration: migration.id,
      events: seen.events,
      terminal: seen.terminal,
      seconds: (performance.now() - began) / 1000,
      steps,
    }),
  );
} catch (error) {
  console.error(error.message ?? error);
  process.exitCode = 1;
}
// A stream that never ends must not keep the process alive.
process.exit();
