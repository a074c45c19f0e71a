/**
 * The chart as Helm renders it. Without `helm` on the PATH these tests are skipped; dockerfile.test.ts and values.test.ts need none.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { parseConfig } from '../../src/config/config.ts';

const chart = fileURLToPath(new URL('../../helm', import.meta.url));
const hasHelm = spawnSync('helm', ['version', '--short']).status === 0;

const values = {
  config: {
    relay: { name: 'acme-relay' },
    kafka: { brokers: ['kafka:9092'], sasl: { mechanism: 'plain', username: 'relay', password: '${KAFKA_PASSWORD}' } },
    sources: [{ name: 'acme', profile: '${file:/secrets/acme-profile/acme.share}' }],
    recipients: [{ name: 'analytics', tables: [{ table: 'sales.public.orders', start: { version: 12_345_678 }, key: ['id'] }] }],
    limits: { memory: '1GiB', chunkRecords: 1_000_000 },
    http: { port: 9500 },
  },
  secrets: { env: { KAFKA_PASSWORD: { name: 'relay-kafka', key: 'password' } }, files: ['acme-profile'] },
};

describe('the chart', () => {
  beforeEach((context) => context.skip(!hasHelm, 'helm is not on the PATH'));

  it('passes `helm lint --strict`, with the values it has and with values of a user', () => {
    expect(lint({})).toContain('1 chart(s) linted, 0 chart(s) failed');
    expect(lint(values)).toContain('1 chart(s) linted, 0 chart(s) failed');
  });

  it('renders four documents that belong together', () => {
    const documents = render(values);
    expect(documents.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted()).toEqual([
      'ConfigMap r-cdf-relay',
      'Deployment r-cdf-relay',
      'Service r-cdf-relay',
      'ServiceAccount r-cdf-relay',
    ]);
    const { selector, template } = deployment(values);
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    expect(specOf('Service', values)).toEqual({
      type: 'ClusterIP',
      selector: selector.matchLabels,
      ports: [{ name: 'http', port: 9500, targetPort: 'http', protocol: 'TCP' }],
    });
  });

  it('hands the config to the relay as it was given, numbers and references too, and the relay accepts it', () => {
    const text = z.object({ data: z.object({ 'relay.yaml': z.string() }) }).parse(document('ConfigMap', values)).data['relay.yaml'];
    expect(parse(text)).toEqual(values.config);
    const profile = '{"shareCredentialsVersion":1,"endpoint":"https://acme.example/","bearerToken":"t"}';
    const config = parseConfig(text, { path: 'relay.yaml', env: { KAFKA_PASSWORD: 'p' }, cores: 2, readFile: () => profile });
    expect(config.relay.name).toBe('acme-relay');
  });

  it('runs as many replicas as it is told, and replaces one after the other', () => {
    const { replicas, strategy } = deployment({ ...values, replicas: 3 });
    expect({ replicas, strategy }).toEqual({
      replicas: 3,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    });
  });

  it('runs one hardened relay that can end in peace, and replaces it only when it is gone', () => {
    const { replicas, strategy, template } = deployment(values);
    expect({ replicas, strategy }).toEqual({ replicas: 1, strategy: { type: 'Recreate' } });
    expect(template.spec).toMatchObject({
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 40,
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, runAsGroup: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(container(values)).toMatchObject({
      image: `cdf-relay:0.1.0`,
      args: ['run', '-c', '/etc/cdf-relay/relay.yaml'],
      ports: [{ name: 'http', containerPort: 9500, protocol: 'TCP' }],
      startupProbe: { httpGet: { path: '/livez', port: 'http' } },
      livenessProbe: { httpGet: { path: '/livez', port: 'http' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
      securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    });
  });

  it('takes secrets by reference, as variables and as read-only folders', () => {
    expect(container(values)).toMatchObject({
      env: [{ name: 'KAFKA_PASSWORD', valueFrom: { secretKeyRef: { name: 'relay-kafka', key: 'password' } } }],
      volumeMounts: [
        { name: 'config', mountPath: '/etc/cdf-relay', readOnly: true },
        { name: 'secret-acme-profile', mountPath: '/secrets/acme-profile', readOnly: true },
      ],
    });
    expect(deployment(values).template.spec.volumes).toEqual([
      { name: 'config', configMap: { name: 'r-cdf-relay' } },
      { name: 'secret-acme-profile', secret: { secretName: 'acme-profile', defaultMode: 0o440 } },
    ]);
  });

  it('derives memory from limits.memory, unless it is given', () => {
    expect(container(values)['resources']).toEqual({ requests: { cpu: '500m', memory: '1024Mi' }, limits: { memory: '1536Mi' } });
    expect(container({ ...values, config: { relay: {} } })['resources']).toEqual({
      requests: { cpu: '500m', memory: '512Mi' },
      limits: { memory: '768Mi' },
    });
    expect(container({ ...values, resources: { limits: { memory: '2Gi', cpu: '2' } } })['resources']).toEqual({
      requests: { cpu: '500m', memory: '1024Mi' },
      limits: { memory: '2Gi', cpu: '2' },
    });
  });

  it('annotates for Prometheus only when asked, and restarts the pod when the config changes', () => {
    const { 'checksum/config': checksum, ...rest } = deployment(values).template.metadata.annotations;
    expect(rest).toEqual({});
    expect(deployment({ ...values, metrics: { annotations: true } }).template.metadata.annotations).toEqual({
      'checksum/config': checksum,
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': '9500',
      'prometheus.io/path': '/metrics',
    });
    expect(deployment({ ...values, config: { relay: { name: 'other' } } }).template.metadata.annotations['checksum/config']).not.toBe(
      checksum,
    );
  });

  it.each([
    ['no config', {}, 'config is empty: put what belongs into relay.yaml there'],
    ['a memory limit that is no size', { config: { limits: { memory: '${MEMORY}' } } }, 'config.limits.memory is ${MEMORY}: '],
    ['a value that does not exist', { ...values, replicaCount: 2 }, "additional properties 'replicaCount' not allowed"],
    ['no replica', { ...values, replicas: 0 }, '/replicas'],
    ['a secret by value', { ...values, secrets: { env: { KAFKA_PASSWORD: 'p' } } }, '/secrets/env/KAFKA_PASSWORD'],
    ['less time to end than the relay may take', { ...values, terminationGracePeriodSeconds: 10 }, '/terminationGracePeriodSeconds'],
  ])('refuses %s', (_, given, sentence) => {
    const { status, stderr } = helm(['template', 'r', chart], given);
    expect(stderr).toContain(sentence);
    expect(status).toBe(1);
  });
});

const documentSchema = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) });
const anyObject = z.record(z.string(), z.unknown());
const names = z.record(z.string(), z.string());
const deploymentSchema = z.looseObject({
  replicas: z.number(),
  strategy: anyObject,
  selector: z.object({ matchLabels: names }),
  template: z.object({
    metadata: z.object({ labels: names, annotations: names }),
    spec: z.looseObject({ containers: z.tuple([anyObject]), volumes: z.array(anyObject) }),
  }),
});

type Given = Readonly<Record<string, unknown>>;

function helm(args: readonly string[], given: Given): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync('helm', [...args, '--values', '-'], { input: JSON.stringify(given), encoding: 'utf8' });
}

function lint(given: Given): string {
  return helm(['lint', '--strict', chart], given).stdout;
}

function render(given: Given): readonly z.infer<typeof documentSchema>[] {
  const { status, stdout, stderr } = helm(['template', 'r', chart], given);
  if (status !== 0) throw new Error(`helm template: ${stderr}`);
  return parseAllDocuments(stdout).map((each) => documentSchema.parse(each.toJS()));
}

function document(kind: string, given: Given): z.infer<typeof documentSchema> {
  const found = render(given).find((each) => each.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} is rendered`);
  return found;
}

function specOf(kind: string, given: Given): unknown {
  return document(kind, given)['spec'];
}

function deployment(given: Given): z.infer<typeof deploymentSchema> {
  return deploymentSchema.parse(specOf('Deployment', given));
}

function container(given: Given): Given {
  return deployment(given).template.spec.containers[0];
}
