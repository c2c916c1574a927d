// node evaluate.mjs SUITE RESULTS KNOWN_FAILURES
//
// Prints how many tests pass by kind, beside the results that the suite ships for other caches and that are
// counted the same way, and compares the failures with the list of known ones. Ends with
// `N passed, N failed`, where only what the list does not foresee counts as failed; fails if any does.
//
// Whether a test passes is the suite's own judgement: it does, and so does all that it depends on. The tests
// about Surrogate-Control are counted apart, as on the suite's site, and those for browsers left out.

import fs from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const [suiteDir, resultsFile, knownFile] = process.argv.slice(2)
const load = file => import(pathToFileURL(path.resolve(suiteDir, file)))
const readJson = file => JSON.parse(fs.readFileSync(file, 'utf8'))

const { determineTestResult } = await load('lib/display.mjs')
const { default: mainSuites } = await load('tests/index.mjs')
const { default: surrogateSuite } = await load('tests/surrogate-control.mjs')
const { default: published } = await load('results/index.mjs')

const allSuites = [...mainSuites, surrogateSuite]
const kindOf = test => test.kind ?? 'required'
const testsOf = suites => suites.flatMap(suite => suite.tests).filter(test => test.browser_only !== true)

const passes = (id, results) => ['✅', 'Y'].includes(determineTestResult(allSuites, id, results)[2])

function count (suites, kind, results) {
  const tests = testsOf(suites).filter(test => kindOf(test) === kind)
  return { passed: tests.filter(test => passes(test.id, results)).length, of: tests.length }
}

function printTable (results) {
  const row = (name, cells) => console.log(name.padEnd(28) + cells.map(cell => cell.padEnd(26)).join('').trimEnd())
  const cells = (suites, results) => ['required', 'optimal'].map(kind => {
    const { passed, of } = count(suites, kind, results)
    return `${passed} of ${of} (${of - passed} failed)`
  }).concat(`${count(suites, 'check', results).passed} yes`)

  row('', ['required', 'optimal', 'check'])
  row('this proxy', cells(mainSuites, results))
  for (const file of ['squid', 'trafficserver', 'apache', 'varnish', 'nginx'].map(name => `${name}.json`)) {
    const { name, version } = published.find(entry => entry.file === file)
    row(`${name} ${version}`, cells(mainSuites, readJson(path.join(suiteDir, 'results', file))))
  }
  console.log('apart, Surrogate-Control:')
  row('this proxy', cells([surrogateSuite], results))
}

function printChecks (results) {
  const checks = testsOf(allSuites).filter(test => kindOf(test) === 'check')
  for (const answer of [true, false]) {
    const ids = checks.filter(test => passes(test.id, results) === answer).map(test => test.id)
    console.log(`\nchecks answered ${answer ? 'yes' : 'no'}: ${ids.join(' ')}`)
  }
}

/** Why a test does not pass, in one line. */
function reason (test, results) {
  const result = results[test.id]
  if (result === undefined) return 'it did not run'
  if (result !== true) {
    const [kind, message] = result
    return kind === 'Assertion' ? message : `${kind === 'Setup' ? 'set-up' : `harness error, ${kind}`}: ${message}`
  }
  const unmet = test.depends_on.filter(id => !passes(id, results))
  return `it depends on ${unmet.join(', ')}`
}

/** The ids of the list, and what is wrong with its lines: `test-id  reason`, `#` begins a comment. */
function readKnown (file, ids) {
  const known = new Set()
  const problems = []
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [id, ...why] = line.trim().split(/\s+/)
    if (!ids.has(id)) problems.push(`${id}: listed, but there is no such required or optimal test`)
    else if (known.has(id)) problems.push(`${id}: listed twice`)
    else if (why.length === 0) problems.push(`${id}: listed without a reason`)
    known.add(id)
  }
  return { known, problems }
}

const results = readJson(resultsFile)
const gated = testsOf(allSuites).filter(test => kindOf(test) !== 'check')
const { known, problems } = readKnown(knownFile, new Set(gated.map(test => test.id)))

printTable(results)
printChecks(results)

const passed = gated.filter(test => passes(test.id, results))
const failed = gated.filter(test => !passes(test.id, results))
console.log(`\nknown failures: ${failed.filter(test => known.has(test.id)).length} (${path.basename(knownFile)})`)
for (const test of failed.filter(test => !known.has(test.id))) {
  problems.push(`${test.id} (${kindOf(test)}): ${reason(test, results)}`)
}
for (const test of passed.filter(test => known.has(test.id))) {
  problems.push(`${test.id}: passes now, remove it from the list`)
}
problems.forEach(problem => console.log(`FAILED ${problem}`))
console.log(`${passed.filter(test => !known.has(test.id)).length} passed, ${problems.length} failed`)
process.exitCode = problems.length === 0 ? 0 : 1
