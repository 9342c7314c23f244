/** GraphiQL on the API of the server that sent this page: POST for queries and mutations, WebSocket for the rest. */

import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';

import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';

import { exampleTabs } from './examples';
import { SharedHeaders } from './SharedHeaders';
import { queriesOnly } from './storage';

const httpUrl = new URL('../graphql', document.baseURI);
const socketUrl = new URL(httpUrl);
socketUrl.protocol = httpUrl.protocol === 'https:' ? 'wss:' : 'ws:';

const fetcher = createGraphiQLFetcher({
  url: httpUrl.href,
  // What the Headers editor holds becomes the `connectionParams` of each socket, so subscriptions carry the token too.
  subscriptionUrl: socketUrl.href,
  // The server answers one JSON document or one stream of events; it never splits an answer into parts.
  enableIncrementalDelivery: false,
});

function Page() {
  return (
    <GraphiQL
      fetcher={fetcher}
      defaultTabs={exampleTabs}
      defaultEditorToolsVisibility="headers"
      storage={queriesOnly}
      shouldPersistHeaders={false}
      showPersistHeadersSettings={false}
      inputValueDeprecation
      schemaDescription
    >
      <GraphiQL.Logo>
        <span className="name">Wherry</span>
      </GraphiQL.Logo>
      <GraphiQL.Footer>
        <p className="hint">
          Sign in first, then write {'{"Authorization": "Bearer <accessToken>"}'} under Headers. It serves every tab and
          every subscription, and it is not stored.
        </p>
        <SharedHeaders />
      </GraphiQL.Footer>
    </GraphiQL>
  );
}

const root = document.getElementById('graphiql');
if (root === null) {
  throw new Error('The page has no element with the id "graphiql".');
}
createRoot(root).render(<Page />);
