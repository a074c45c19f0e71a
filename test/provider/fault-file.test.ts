import { expect, test } from 'vitest';
import { FAULT_TEXTS } from '../../src/provider/fault-kinds.ts';
import { parseFaultPlan } from '../../src/provider/fault-file.ts';

const LASTING = [
  'untold-expiry',
  'unfiltered',
  'other-ids',
  'no-history',
  'no-historical-metadata',
  'plain-only',
  'features-by-property',
  'page-bug',
  'exact-instant',
  'recreated-500',
  'unknown-format',
  'no-vector-id',
  'md5-ids',
  'error-spelling',
];

test('a plan with every fault is read as it stands', () => {
  const rules = [
    { match: { route: 'changes', table: 'a.b.c', path: 'x', nth: 2 }, do: { kind: 'latency', ms: 200 } },
    {
      match: { every: 3, times: 1 },
      do: { kind: 'status', status: 429, errorCode: 'E', message: 'm', retryAfter: '5', body: 'error_code' },
    },
    { match: { probability: 0.5, seed: 7 }, do: { kind: 'redirect', status: 302, location: 'http://elsewhere' } },
    { match: {}, do: { kind: 'cut', bytes: 10 } },
    { match: {}, do: { kind: 'short', fraction: 0.5 } },
    { match: {}, do: { kind: 'wrong-bytes', at: -4, count: 1 } },
    { match: {}, do: { kind: 'no-end' } },
    { match: {}, do: { kind: 'error-line', lines: 2, message: 'm', status: 503 } },
    { match: {}, do: { kind: 'expired-url' } },
    { match: {}, do: { kind: 'stale', versions: 1 } },
    { match: {}, do: { kind: 'pages', files: 2 } },
    { match: {}, do: { kind: 'dropped-features' } },
    { match: {}, do: { kind: 'no-capabilities' } },
    { match: { route: 'changes', versionsOver: 3 }, do: { kind: 'hang', bytes: 4 } },
    { match: {}, do: { kind: 'other-files', files: 1 } },
    { match: {}, do: { kind: 'url-life', ms: 3000, earlyMs: 1900 } },
    { match: {}, do: { kind: 'shuffled', seed: 4 } },
    { match: {}, do: { kind: 'gap', version: 2, status: 400 } },
    { match: {}, do: { kind: 'start-version', version: 2 } },
    ...LASTING.map((kind) => ({ match: {}, do: { kind } })),
  ];
  expect(parseFaultPlan({ rules })).toEqual({ rules });
  expect(new Set(rules.map((rule) => rule.do.kind))).toEqual(new Set(Object.keys(FAULT_TEXTS)));
});

test('a plan may ask to be like a server, with rules or without', () => {
  expect(parseFaultPlan({ like: 'reference-1.1' })).toEqual({ like: 'reference-1.1', rules: [] });
  expect(parseFaultPlan({ like: 'databricks', rules: [{ do: 'gap' }] })).toEqual({
    like: 'databricks',
    rules: [{ match: {}, do: { kind: 'gap' } }],
  });
  expect(() => parseFaultPlan({ like: 'reference' })).toThrow('the file.like is none of reference-1.4, reference-1.1, databricks');
});

test('a fault without settings may stand as its name, a rule without match meets everything, and numbers are texts where a text is meant', () => {
  expect(parseFaultPlan({ rules: [{ do: 'no-end' }, { do: { kind: 'status', status: 429, retryAfter: 5 } }] })).toEqual({
    rules: [
      { match: {}, do: { kind: 'no-end' } },
      { match: {}, do: { kind: 'status', status: 429, retryAfter: '5' } },
    ],
  });
});

test('every mistake is named with its place', () => {
  const rules = [
    { match: { rout: 'changes', nth: 0, route: 'change' }, do: { kind: 'status' } },
    { do: 'cutt' },
    { do: { kind: 'cut', bytes: 1, fraction: 0.5, byte: 2 } },
    'nothing',
  ];
  let message = '';
  try {
    parseFaultPlan({ rules, rule: [] });
  } catch (error) {
    message = String(error);
  }
  expect(
    message
      .replace(/^Failure: the fault plan is wrong: /, '')
      .split('; ')
      .toSorted(),
  ).toEqual(
    [
      "the file.rule is not known, did you mean 'rules'?",
      "rules[0].match.rout is not known, did you mean 'route'?",
      'rules[0].match.nth is not a whole number from 1 on',
      'rules[0].match.route is none of list, version, metadata, query, changes, file',
      'rules[0].do.status is not a whole number from 200 on',
      "rules[1].do: no fault is called 'cutt', did you mean 'cut'?",
      'rules[2].do.fraction stands beside bytes: give one of them',
      "rules[2].do.byte is not known, did you mean 'bytes'?",
      'rules[3] is not an object',
      'rules[3].do is not an object',
    ].toSorted(),
  );
  expect(() => parseFaultPlan(null)).toThrow('the file is not an object');
});
