// node check.mjs BROWSER URL PROFILE: what somebody does with examples/sessions at URL, in two browsers. A line
// `-- ok: ..` or `-- FAILED: ..` for each check.
import assert from 'node:assert/strict';
import { Chromium } from './chromium.mjs';

const [path, url, profile] = process.argv.slice(2);
const browser = new Chromium(path, profile);

/** A check. The next ones rest on it: after a failure there are none. Whatever can fail is in one. */
async function check(what, test) {
  try {
    await test();
    console.log(`-- ok: ${what}`);
  } catch (error) {
    console.log(`-- FAILED: ${what}\n${error.stack}`);
    throw error;
  }
}

const submit = (window, action) =>
  window.leave(() => window.evaluate(`document.querySelector('form[action="${action}"]').requestSubmit()`));

async function login(window, device) {
  await window.open(`${url}/login`);
  await window.evaluate(`{
    const fields = document.querySelector('form').elements;
    fields.user.value = 'ada';
    fields.password.value = 'open sesame';
    fields.device.value = '${device}';
  }`);
  await submit(window, '/login');
}

async function id(window) {
  const cookies = await window.cookies();
  assert.equal(cookies.length, 1, JSON.stringify(cookies));
  return cookies[0].value;
}

const clicks = (window) => window.evaluate('document.getElementById("clicks").value');

async function checks() {
  let one, other, visitors, users;

  await check('the browser opens two windows that know nothing of each other', async () => {
    one = await browser.window();
    other = await browser.window();
  });

  await check('a visitor who only looks gets no cookie', async () => {
    await one.open(url);
    assert.match(await one.text(), /Nobody is logged in/);
    assert.deepEqual(await one.cookies(), []);
  });

  await check('the browser guards the cookie in every way', async () => {
    await one.open(`${url}/login`);
    visitors = await id(one);
    const [cookie] = await one.cookies();
    const { name, path, httpOnly, secure, sameSite, session, domain } = cookie;
    const found = { name, path, httpOnly, secure, sameSite, session, domain };
    // A domain without a dot in front: this host alone.
    const domainOfUrl = new URL(url).hostname;
    assert.deepEqual(found, {
      name: '__Host-id', path: '/', httpOnly: true, secure: true, sameSite: 'Lax', session: true, domain: domainOfUrl,
    });
    assert.equal(await one.evaluate('document.cookie'), '', 'scripts do not see it');
  });

  await check('a login says so once, and gives the session another id', async () => {
    await login(one, 'desk');
    assert.match(await one.text(), /Welcome, ada/);
    users = await id(one);
    assert.notEqual(users, visitors);
    await one.open(url);
    assert.match(await one.text(), /Logged in as ada/);
    assert.doesNotMatch(await one.text(), /Welcome/);
  });

  await check('of twenty clicks at once none is lost', async () => {
    await one.evaluate('document.getElementById("many").click()');
    await one.until('document.getElementById("clicks").value !== "0"');
    assert.equal(await clicks(one), '20');
    await one.open(url);
    assert.equal(await clicks(one), '20');
    assert.equal(await id(one), users, 'the cookie is still the same');
  });

  await check('another site can do nothing in its name', async () => {
    // The same server by its other name is another site.
    const foreign = new URL(url);
    foreign.hostname = 'localhost';
    await one.open(`${foreign}login`);
    await one.evaluate(`document.querySelector('form').action = '${url}/logout'`);
    await one.leave(() => one.evaluate('document.querySelector("form").submit()'));
    assert.equal(await one.evaluate('performance.getEntriesByType("navigation")[0].responseStatus'), 403);
    await one.open(url);
    assert.match(await one.text(), /Logged in as ada/);
  });

  await check('both browsers are in the list of devices', async () => {
    await login(other, 'phone');
    await one.open(`${url}/devices`);
    const devices = await one.evaluate('[...document.querySelectorAll("#devices tr")].slice(1).map((row) => row.innerText)');
    assert.equal(devices.length, 2, devices.join('\n'));
    assert.match(devices.find((row) => row.includes('this one')), /desk.*127\.0\.0\.1.*Mozilla/);
    assert.match(devices.find((row) => !row.includes('this one')), /phone.*127\.0\.0\.1.*Mozilla/);
  });

  await check('a logout everywhere in one of them ends both', async () => {
    await other.open(url);
    await submit(other, '/logout-everywhere');
    assert.match(await other.text(), /Nobody is logged in/);
    assert.deepEqual(await other.cookies(), []);
    await one.open(`${url}/devices`);
    assert.match(await one.text(), /\/login: Log in/);
    await one.open(url);
    assert.match(await one.text(), /Nobody is logged in/);
  });
}

try {
  await checks();
} catch {
  // The check has said it.
} finally {
  await browser.close();
}
