/**
 * Real servers, as the lasting faults that make ours behave as they do. The reference server is the open-source one, observed (notes: sharing-server); of
 * Databricks there is only what its users report. What is not listed here ours does as the reference server does in any case.
 */
import type { Likeness } from './fault-kinds.ts';
import type { FaultPlan, FaultRule } from './faults.ts';

const REFERENCE: readonly FaultRule[] = [
  { match: { route: 'changes' }, do: { kind: 'page-bug' } },
  { match: {}, do: { kind: 'dropped-features' } },
  { match: {}, do: { kind: 'gap' } },
  { match: {}, do: { kind: 'recreated-500' } },
  { match: {}, do: { kind: 'no-vector-id' } },
];

const RULES: Readonly<Record<Likeness, readonly FaultRule[]>> = {
  'reference-1.4': [
    ...REFERENCE,
    { match: {}, do: { kind: 'features-by-property' } },
    { match: { route: 'version' }, do: { kind: 'exact-instant' } },
    { match: { route: 'changes' }, do: { kind: 'plain-only' } },
    { match: { route: 'metadata' }, do: { kind: 'unknown-format' } },
  ],
  'reference-1.1': [...REFERENCE, { match: {}, do: { kind: 'plain-only' } }, { match: {}, do: { kind: 'md5-ids' } }],
  databricks: [{ match: {}, do: { kind: 'error-spelling' } }],
};

/** The plan's own rules, and after them those of the server that it is to be like. */
export function rulesOf(plan: FaultPlan | null): readonly FaultRule[] {
  if (plan === null) return [];
  return plan.like === undefined ? plan.rules : [...plan.rules, ...RULES[plan.like]];
}
