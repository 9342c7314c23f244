/**
 * Headers typed in one tab fill the Headers editor of tabs that have none.
 *
 * GraphiQL keeps headers per tab, so a token would have to be pasted once per example. They are kept in memory only:
 * closing or reloading the page forgets them.
 */

import { useGraphiQL } from '@graphiql/react';
import { useEffect, useRef } from 'react';

export function SharedHeaders() {
  const headerEditor = useGraphiQL((state) => state.headerEditor);
  const activeTabIndex = useGraphiQL((state) => state.activeTabIndex);
  const typed = useRef('');

  useEffect(() => {
    const listener = headerEditor?.onDidChangeModelContent(() => {
      typed.current = headerEditor.getValue().trim() || typed.current;
    });
    return () => listener?.dispose();
  }, [headerEditor]);

  useEffect(() => {
    if (headerEditor && typed.current && !headerEditor.getValue().trim()) {
      headerEditor.setValue(typed.current);
    }
  }, [headerEditor, activeTabIndex]);

  return null;
}
