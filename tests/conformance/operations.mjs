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
export const testConnection = mutation('testConnection', 'TestConnectionInput', connection);
export const analyzeSchema = mutation(
  'analyzeSchema',
  'AnalyzeSchemaInput',
  '... on AnalyzeSchemaSuccess { analysis { id tables { name } } }',
);
export const createSchemaMapping = mutation(
  'createSchemaMapping',
  'CreateSchemaMappingInput',
  '... on SchemaMappingSuccess { mapping { id } }',
);
export const validateSchemaMapping = mutation(
  'validateSchemaMapping',
  'ValidateSchemaMappingInput',
  '... on SchemaValidationSuccess { validation { valid findings { message } } }',
);
export const startMigration = mutation(
  'startMigration',
  'StartMigrationInput',
  '... on MigrationSuccess { migration { id } }',
);

export const migrationEvents = `
  subscription Follow($id: ID!, $after: Int!) {
    migrationEvents(id: $id, after: $after) { sequence kind status progress { rowsWritten fraction } }
  }`;

const ENDED = new Set(['SUCCEEDED', 'FAILED', 'CANCELLED', 'ROLLED_BACK']);

/** How `follow.mjs` reads these events. Progress tells of the latest state only, so its numbers may skip. */
export const RULES = {
  sequence: (event) => event.sequence,
  partial: (event) => event.kind === 'PROGRESS',
  terminal: (event) => ENDED.has(event.status),
  succeeded: (event) => event.status === 'SUCCEEDED',
};
