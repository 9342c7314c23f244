// The two ways to follow a subscription, each as an async iterable over the `data` of its events.

import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createSocketClient } from 'graphql-ws';
import WebSocket from 'ws';

/** Over a WebSocket, protocol graphql-transport-ws, authorised by the connection parameters. */
export function overSocket({ url, token, document, variables }) {
  const client = createSocketClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: token ? { Authorization: `Bearer ${token}` } : {},
    retryAttempts: 0,
  });
  return dataOf(client.iterate({ query: document, variables }), () => client.dispose());
}

/** Over server-sent events, protocol graphql-sse in distinct connections, authorised by the header. */
export function overEvents({ url, token, document, variables }) {
  const client = createSseClient({
    url,
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    retryAttempts: 0,
  });
  return dataOf(client.iterate({ query: document, variables }), () => client.dispose());
}

export const TRANSPORTS = { ws: overSocket, sse: overEvents };

async function* dataOf(results, close) {
  try {
    for await (const result of results) {
      if (result.errors?.length) {
        throw new Error(`The stream sent errors: ${JSON.stringify(result.errors)}`);
      }
      yield result.data;
    }
  } finally {
    await close();
  }
}
