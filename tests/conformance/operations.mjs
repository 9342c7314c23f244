// What a client sends to move a database, from signing up to the last event: the documents, and how to read the answers.

const ERROR = '... on Error { code message path }';

function mutation(field, inputType, success) {
  return {
    field,
    document: `mutation Do($input: ${inputType}!) { ${field}(input: $input) { __typename ${ERROR} ${success} } }`,
  };
}

const project = '... on ProjectSuccess { project { id status } }';
const connection = '... on ConnectionSuccess { connection { id } }';

export const registerUser = mutation('registerUser', 'RegisterUserInput', '... on RegisterUserSuccess { userId }');
export const signIn = mutation('signIn', 'SignInInput', '... on SessionSuccess { session { accessToken } }');
export const createOrganization = mutation(
  'createOrganization',
  'CreateOrganizationInput',
  '... on CreateOrganizationSuccess { organization { id } }',
);
export const createProject = mutation('createProject', 'CreateProjectInput', project);
export const updateProjectStatus = mutation('updateProjectStatus', 'UpdateProjectStatusInput', project);
export const createConnection = mutation('createConnection', 'CreateConnectionInput', connection);
export const testConnection = mutation(
  'testConnection',
  'TestConnectionInput',
  '... on TestConnectionSuccess { test { success message } }',
);
export const analyzeSchema = mutation(
  'analyzeSchema',
  'AnalyzeSchemaInput',
  '... on AnalyzeSchemaSuccess { analysis { id tables(first: 100) { nodes { name } } } }',
);
export const createSchemaMapping = mutation(
  'createSchemaMapping',
  'CreateSchemaMappingInput',
  '... on SchemaMappingSuccess { mapping { id } }',
);
export const validateSchemaMapping = mutation(
  'validateSchemaMapping',
  'ValidateSchemaMappingInput',
  '... on ValidateSchemaMappingSuccess { validation { isValid errors { message } } }',
);
export const startMigration = mutation(
  'startMigration',
  'StartMigrationInput',
  '... on MigrationSuccess { migration { id } }',
);

export const migrationEvents = `
  subscription Follow($id: ID!) {
    migrationEvents(id: $id) { sequence kind status progress { processedRecords percentage } error { message } }
  }`;

/** How `follow.mjs` reads these events: every one of them counts, so no number may be missing. */
export const RULES = {
  sequence: (event) => event.sequence,
  partial: () => false,
  terminal: (event) => event.kind === 'TERMINAL',
  succeeded: (event) => event.status === 'COMPLETED',
};
