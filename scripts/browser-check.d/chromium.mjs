// Chromium, spoken to by the DevTools protocol. It goes over two pipes, file descriptors 3 and 4, each message with a zero
// byte behind it: nothing listens on a port, and nothing has to be installed for it.
import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';

const LONGEST_WAIT = 60_000; // milliseconds, for a machine that has other things to do

export class Chromium {
  #process;
  #pending = new Map();
  #last = 0;
  #received = [];
  #said = '';
  #ended;

  constructor(path, profile) {
    const options = [
      '--headless=new', '--remote-debugging-pipe', `--user-data-dir=${profile}`, '--no-first-run',
      '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update',
      // Its sandbox refuses to run as root, which is who runs things in containers. It opens nothing but the example.
      '--no-sandbox',
    ];
    this.#process = spawn(path, options, { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
    const [, , errors, requests, answers] = this.#process.stdio;
    errors.on('data', (text) => { this.#said += text; });
    requests.on('error', (error) => this.#fail(error));
    answers.on('data', (bytes) => this.#receive(bytes));
    this.#process.on('error', (error) => this.#fail(error));
    this.#ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.#ended.then(() => this.#fail(new Error(`the browser has ended:\n${this.#said}`)));
  }

  /** What the browser answers to a command; to one of a page if its session is given. */
  async send(method, params = {}, sessionId = undefined) {
    const id = ++this.#last;
    const answer = new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result, error } = await inTime(answer, () => `${method} was not answered:\n${this.#said}`);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /** A browser window with cookies of its own. */
  async window() {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    return new Window(this, browserContextId, sessionId);
  }

  /** Ends it, and all of its processes. */
  async close() {
    // It has no time to answer that; what counts is that it ends.
    this.send('Browser.close').catch(() => {});
    await inTime(this.#ended, () => 'the browser does not end').catch(() => this.#process.kill('SIGKILL'));
  }

  #receive(bytes) {
    this.#received.push(bytes);
    if (!bytes.includes(0)) return;
    const messages = Buffer.concat(this.#received).toString().split('\0');
    this.#received = [Buffer.from(messages.pop())];
    for (const message of messages.map((text) => JSON.parse(text))) {
      // The others are events, which nobody waits for.
      this.#pending.get(message.id)?.resolve(message);
      this.#pending.delete(message.id);
    }
  }

  #fail(error) {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

class Window {
  #browser;
  #context;
  #session;

  constructor(browser, context, session) {
    this.#browser = browser;
    this.#context = context;
    this.#session = session;
  }

  /** The cookies of this window, as the browser sees them. */
  async cookies() {
    const { cookies } = await this.#browser.send('Storage.getCookies', { browserContextId: this.#context });
    return cookies;
  }

  /** What an expression is on the page. */
  async evaluate(expression) {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.#browser.send('Runtime.evaluate', params, this.#session);
    if (exceptionDetails) {
      throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    }
    return result.value;
  }

  /** Opens a page. */
  async open(url) {
    await this.leave(async () => {
      const { errorText } = await this.#browser.send('Page.navigate', { url }, this.#session);
      if (errorText) throw new Error(`${url}: ${errorText}`);
    });
  }

  /** Does what leads to another page, and waits until that is there. */
  async leave(how) {
    await this.evaluate('window.isTheOldPage = true');
    await how();
    await this.until('!window.isTheOldPage && document.readyState === "complete"');
  }

  /** Waits until an expression is true on the page. */
  async until(expression) {
    const deadline = Date.now() + LONGEST_WAIT;
    // While one page follows another there is none to ask.
    while (!(await this.evaluate(expression).catch(() => false))) {
      if (Date.now() > deadline) throw new Error(`never true: ${expression}\non ${await this.text()}`);
      await wait(20);
    }
  }

  /** What there is to read. */
  text() {
    return this.evaluate('`${location}: ${document.body.innerText}`');
  }
}

async function inTime(promise, why) {
  const timer = new AbortController();
  const late = wait(LONGEST_WAIT, undefined, { signal: timer.signal }).then(() => { throw new Error(why()); });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => {}); // that it was called off is no news
    timer.abort();
  }
}
