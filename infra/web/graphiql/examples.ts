/** The example documents of the API, one tab each, in the order of their file names. */

import type { GraphiQLProps } from 'graphiql';

type Tab = NonNullable<GraphiQLProps['defaultTabs']>[number];

const documents = import.meta.glob<string>('../../../schema/examples/*.graphql', {
  query: '?raw',
  import: 'default',
  eager: true,
});

// `sign-up.variables.json` beside `sign-up.graphql` fills the Variables editor of that tab.
const variables = import.meta.glob<string>('../../../schema/examples/*.variables.json', {
  query: '?raw',
  import: 'default',
  eager: true,
});

export const exampleTabs: Tab[] = Object.keys(documents)
  .sort()
  .map((path) => ({
    query: documents[path] ?? null,
    variables: variables[path.replace(/\.graphql$/, '.variables.json')] ?? null,
  }));
