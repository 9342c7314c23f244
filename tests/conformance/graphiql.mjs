// Opens /graphiql in a real browser, runs a query and a subscription as a person would, and watches every request.
//
//   CHROMIUM=/usr/bin/chromium node graphiql.mjs http://127.0.0.1:8000 page.png \
//     '{"token": "...", "subscription": "subscription { ... }", "expected": "\"sequence\": 4"}'
//
// Prints a summary as JSON. Fails if anything is asked of another machine, if the page breaks its own content security
// policy or throws, if an answer does not come, or if the token is kept anywhere.

import { chromium } from 'playwright-core';

const [base, screenshot, json] = process.argv.slice(2);
const { token, subscription, expected } = JSON.parse(json);

const LOCAL = new Set(['127.0.0.1', 'localhost', '[::1]']);
const ANSWER_TIMEOUT_MS = 20_000;

const requests = [];
const sockets = [];
const faults = [];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    // Should the page ask for another machine, the request shows up here and fails.
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
  ],
});
try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  context.on('request', (request) => requests.push(request.url()));
  const page = await context.newPage();
  page.on('websocket', (socket) => sockets.push(socket.url()));
  page.on('pageerror', (error) => faults.push(`thrown: ${error.message}`));
  page.on('requestfailed', (request) => faults.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  page.on('console', (message) => {
    if (message.type() === 'error') {
      faults.push(`console: ${message.text()}`);
    }
  });

  await page.goto(`${base}/graphiql`);
  for (const editor of ['.graphiql-query-editor', '.result-window']) {
    await page.locator(`${editor} .monaco-editor`).first().waitFor();
  }
  const tabs = await page.locator('.graphiql-tab').count();

  // The first example, as it stands.
  await run(page, '"data"');

  // The token, then a subscription, as a person pastes them.
  await paste(page, '[aria-label="Headers"]', JSON.stringify({ Authorization: `Bearer ${token}` }));
  await page.getByRole('button', { name: 'Variables' }).click();
  await paste(page, '[aria-label="Variables"]', JSON.stringify({ unused: token }));
  await paste(page, '[aria-label="Operation Editor"]', subscription);
  // The page reads what an editor holds a moment later; the tab then bears the name of the operation.
  const [, name] = /subscription (\w+)/.exec(subscription);
  await page.locator('.graphiql-tab-active', { hasText: name }).waitFor();
  await run(page, expected).finally(() => page.screenshot({ path: screenshot }));

  // A new tab takes over the headers; a reload forgets them.
  await page.locator('.graphiql-tab-add').click();
  await page.waitForFunction((text) => document.querySelector('.graphiql-container').textContent.includes(text), 'Bearer');
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  await page.reload();
  await page.locator('.graphiql-execute-button').waitFor();

  check(!kept.includes(token), 'The page keeps the token in its storage.');
  check(sockets.length > 0, 'No WebSocket was opened.');
  const foreign = [...requests, ...sockets].filter((url) => !isLocal(url));
  check(foreign.length === 0, `Requests left this machine: ${foreign.join(', ')}`);
  check(faults.length === 0, `The page is at fault: ${faults.join('; ')}`);
  console.log(JSON.stringify({ tabs, requests: requests.length, sockets: sockets.length, foreign: foreign.length }));
} finally {
  await browser.close();
}

function check(holds, message) {
  if (!holds) {
    throw new Error(message);
  }
}

/** Addresses inside the page itself (data:, blob:) reach no machine at all. */
function isLocal(url) {
  const { protocol, host, hostname } = new URL(url);
  return host === '' || protocol === 'data:' || protocol === 'blob:' || LOCAL.has(hostname);
}

/** Run what the editor holds, and wait for a text in the answer. */
async function run(page, text) {
  await page.locator('.graphiql-execute-button').click();
  const answer = page.locator('.result-window');
  await answer.filter({ hasText: text }).waitFor({ timeout: ANSWER_TIMEOUT_MS });
}

/** Replace what an editor holds, as by Ctrl+A and Ctrl+V: typing would let it complete brackets. */
async function paste(page, selector, text) {
  const editor = page.locator(`${selector} .graphiql-editor:not(.hidden) .monaco-editor`).first();
  await editor.click();
  await page.keyboard.press('ControlOrMeta+A');
  await page.evaluate((pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', pasted);
    document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  }, text);
}
