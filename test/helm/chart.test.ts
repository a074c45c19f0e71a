/**
 * What the chart makes of its values. objects.test.ts holds the objects against their schemas; dockerfile.test.ts and values.test.ts need no Helm.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseConfig } from '../../src/config/config.ts';
import { describeWith } from '../registry/part-tests.ts';
import { VALUES_FILES, chartBy, valuesOf } from './chart.ts';
import type { Given, Rendered } from './chart.ts';
import { findHelm } from './tools.ts';

const anyMap = z.record(z.string(), z.unknown());
const texts = z.record(z.string(), z.string());
const containerSchema = z.looseObject({
  image: z.string(),
  env: z.array(anyMap).optional(),
  ports: z.array(anyMap).optional(),
  resources: anyMap.optional(),
  securityContext: anyMap.optional(),
  volumeMounts: z.array(anyMap),
});
const podSchema = z.looseObject({ containers: z.tuple([containerSchema], anyMap), volumes: z.array(anyMap) });
const ruleSchema = z.looseObject({ alert: z.string().optional(), labels: texts.optional() });
const groupsSchema = z.object({ groups: z.array(z.looseObject({ rules: z.array(ruleSchema) })) });
const deploymentSchema = z.looseObject({
  replicas: z.number(),
  strategy: anyMap,
  selector: z.object({ matchLabels: texts }),
  template: z.object({ metadata: z.object({ labels: texts, annotations: texts }), spec: podSchema }),
});

const three = valuesOf('three-values');
const production = valuesOf('production');
const everything = valuesOf('everything');

await describeWith('the chart', findHelm, (helm) => {
  const chart = chartBy(helm);
  const names = (given: Given): readonly string[] =>
    chart
      .render(given)
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
      .toSorted();
  const object = (kind: string, given: Given): Rendered => {
    const found = chart.render(given).find((each) => each.kind === kind);
    if (found === undefined) throw new Error(`no ${kind} is rendered`);
    return found;
  };
  const spec = (kind: string, given: Given): unknown => object(kind, given)['spec'];
  const deployment = (given: Given): z.infer<typeof deploymentSchema> => deploymentSchema.parse(spec('Deployment', given));
  const pod = (given: Given): z.infer<typeof podSchema> => deployment(given).template.spec;
  const container = (given: Given): z.infer<typeof containerSchema> => pod(given).containers[0];
  const configText = (given: Given): string =>
    z.object({ data: z.object({ 'relay.yaml': z.string() }) }).parse(object('ConfigMap', given)).data['relay.yaml'];

  describe('with three values', () => {
    it('is whole, and nothing in it needs more of the cluster than Kubernetes has', () => {
      expect(names(three)).toEqual([
        'ConfigMap r-cdf-relay',
        'Deployment r-cdf-relay',
        'NetworkPolicy r-cdf-relay',
        'Service r-cdf-relay',
        'ServiceAccount r-cdf-relay',
      ]);
      const { selector, template } = deployment(three);
      expect(template.metadata.labels).toMatchObject(selector.matchLabels);
      expect(spec('Service', three)).toMatchObject({ selector: selector.matchLabels, ports: [{ port: 9464, targetPort: 'http' }] });
      expect(spec('NetworkPolicy', three)).toMatchObject({ podSelector: { matchLabels: selector.matchLabels } });
    });

    it('names the relay after the release, unless the config names it', () => {
      expect(parse(configText(three))).toMatchObject({ relay: { name: 'r-cdf-relay' } });
      expect(parse(configText(production))).toEqual(production['config']);
    });

    it('mounts the Secret whose file the config names', () => {
      expect(pod(three).volumes).toContainEqual({
        name: 'secret-acme-profile',
        secret: { secretName: 'acme-profile', defaultMode: 0o440 },
      });
      expect(container(three).volumeMounts).toContainEqual({
        name: 'secret-acme-profile',
        mountPath: '/secrets/acme-profile',
        readOnly: true,
      });
    });

    it('says what to look at, and what to mind', () => {
      expect(mindedIn(chart.notes(three))).toEqual([
        'replicaCount is 1: when its node is lost, feeds stand still until Kubernetes has started another pod.',
        'config.kafka.brokers names one address: unless several brokers answer there, the relay cannot start while that one is down.',
        'config.http.adminToken is not set: feeds can be watched, but not paused, resumed or restarted.',
        'serviceMonitor, podMonitor and metrics.annotations are off: unless something else scrapes its metrics, nobody is told of a parked feed.',
      ]);
      expect(chart.notes(three)).toContain('kubectl --namespace relays rollout status deployment/r-cdf-relay');
    });
  });

  it.each(['three-values', 'production'])('%s: the relay accepts the config as it arrives, numbers and references too', (name) => {
    const profile = '{"shareCredentialsVersion":1,"endpoint":"https://acme.example/","bearerToken":"t"}';
    const readFile = (path: string): string => (path.endsWith('.share') ? profile : 'p');
    const world = { path: '/etc/cdf-relay/relay.yaml', env: { REGISTRY_PASSWORD: 'p' }, cores: 2, readFile };
    // The files of a client's certificate would have to hold one.
    const text = configText(valuesOf(name)).replace(/^ {2}tls:\n(?: {4}.*\n)+/m, '  tls: true\n');
    expect(parseConfig(text, world).relay.name).toMatch(/relay$/);
  });

  it('is hardened: not root, nothing written but /tmp, no rights, no token of Kubernetes', () => {
    const identity = { runAsNonRoot: true, runAsUser: 65_532, runAsGroup: 65_532, seccompProfile: { type: 'RuntimeDefault' } };
    expect(pod(three)).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false, securityContext: identity });
    expect(container(three).securityContext).toEqual({
      ...identity,
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(object('ServiceAccount', three)['automountServiceAccountToken']).toBe(false);
    expect(container(three).volumeMounts.filter((mount) => mount['readOnly'] !== true)).toEqual([{ name: 'tmp', mountPath: '/tmp' }]);
  });

  it('asks other questions for start, life and readiness', () => {
    expect(container(three)).toMatchObject({
      startupProbe: { httpGet: { path: '/startupz', port: 'http' } },
      livenessProbe: { httpGet: { path: '/livez', port: 'http' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
    });
    expect(Object.keys(container(everything))).not.toContain('startupProbe');
  });

  it('replaces one relay when the next is ready, and several one after the other', () => {
    expect(deployment(three)).toMatchObject({
      replicas: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    });
    expect(deployment(production)).toMatchObject({
      replicas: 3,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    });
    expect(deployment(everything).strategy).toEqual({ type: 'Recreate' });
  });

  it('gives the relay its time to end', () => {
    expect(pod(three)).toMatchObject({ terminationGracePeriodSeconds: 40 });
    expect(pod(everything)).toMatchObject({ terminationGracePeriodSeconds: 60 });
  });

  it('rolls the pods when the config changes, and only then', () => {
    const checksum = (given: Given): unknown => deployment(given).template.metadata.annotations['checksum/config'];
    expect(checksum({ ...three, config: { ...asMap(three['config']), log: { level: 'debug' } } })).not.toBe(checksum(three));
    expect(checksum({ ...three, replicaCount: 2 })).toBe(checksum(three));
  });

  it('keeps a budget for disruptions where there are several replicas', () => {
    expect(spec('PodDisruptionBudget', production)).toMatchObject({ maxUnavailable: 1 });
    expect(spec('PodDisruptionBudget', everything)).toMatchObject({ minAvailable: '50%' });
    expect(names({ ...production, podDisruptionBudget: { enabled: false } })).not.toContain('PodDisruptionBudget r-cdf-relay');
  });

  it('derives memory from limits.memory, unless it is given', () => {
    const storage = { request: '64Mi', limit: '256Mi' };
    expect(container(production).resources).toEqual({
      requests: { cpu: '500m', memory: '1024Mi', 'ephemeral-storage': storage.request },
      limits: { cpu: '2', memory: '1536Mi', 'ephemeral-storage': storage.limit },
    });
    expect(container({ ...three, resources: { limits: { memory: '2Gi' } } }).resources).toMatchObject({
      requests: { memory: '512Mi' },
      limits: { memory: '2Gi' },
    });
  });

  it('takes secrets as variables, by name and key', () => {
    expect(container(production).env).toEqual([
      { name: 'REGISTRY_PASSWORD', valueFrom: { secretKeyRef: { name: 'relay-registry', key: 'password' } } },
    ]);
  });

  it('names its image by registry, digest or tag', () => {
    expect(container(three).image).toBe('cdf-relay:0.1.0');
    expect(container(everything).image).toBe('cdf-relay:1.2.3');
    expect(container(production).image).toBe(`registry.example.com/data/cdf-relay@sha256:${'0'.repeat(64)}`);
    expect(pod(production)).toMatchObject({ imagePullSecrets: [{ name: 'registry-login' }] });
  });

  it('is scraped by one of two monitors, on the port that the config opens', () => {
    const { selector } = deployment(production);
    expect(spec('ServiceMonitor', production)).toEqual({
      selector,
      namespaceSelector: { matchNames: ['relays'] },
      endpoints: [{ port: 'http', path: '/metrics', interval: '30s', scrapeTimeout: '10s' }],
    });
    expect(object('ServiceMonitor', production).metadata.labels).toMatchObject({ release: 'prometheus' });
    expect(object('PodMonitor', everything)).toMatchObject({
      metadata: { namespace: 'monitoring' },
      spec: { podMetricsEndpoints: [{ port: 'http' }] },
    });
    expect(container(production).ports).toEqual([{ name: 'http', containerPort: 9500, protocol: 'TCP' }]);
    expect(deployment(everything).template.metadata.annotations).toMatchObject({
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': '9500',
    });
  });

  it('has the alerts of files/rules.yaml as they are there, with the labels of a user, and without those that are switched off', () => {
    const rulesOf = (given: Given): z.infer<typeof groupsSchema>['groups'] => groupsSchema.parse(spec('PrometheusRule', given)).groups;
    const own = groupsSchema.parse(parse(readFileSync(new URL('../../helm/files/rules.yaml', import.meta.url), 'utf8'))).groups;
    const labelled = own.map((group) => ({
      ...group,
      rules: group.rules.map((rule) => (rule.alert === undefined ? rule : { ...rule, labels: { ...rule.labels, team: 'data-platform' } })),
    }));
    expect(rulesOf(production)).toEqual(labelled);
    const alerts = own.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? []));
    const [first = '', ...others] = alerts;
    const without = rulesOf({ ...three, prometheusRule: { enabled: true, disabled: [first] } });
    expect(without.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? []))).toEqual(others);
    const none = rulesOf({ ...three, prometheusRule: { enabled: true, disabled: alerts } });
    expect(none.every(({ rules }) => rules.length > 0 && rules.every(({ alert }) => alert === undefined))).toBe(true);
  });

  it('brings the dashboard as it is in files/, where the sidecar of Grafana finds it', () => {
    const dashboard = chart.render(production).find(({ metadata }) => metadata.name === 'r-cdf-relay-dashboard');
    expect(dashboard?.metadata).toMatchObject({ labels: { grafana_dashboard: '1' }, annotations: { grafana_folder: 'Data' } });
    const { data } = z.object({ data: z.object({ 'cdf-relay.json': z.string() }) }).parse(dashboard);
    expect(JSON.parse(data['cdf-relay.json'])).toEqual(
      JSON.parse(readFileSync(new URL('../../helm/files/dashboard.json', import.meta.url), 'utf8')),
    );
  });

  it('lets in the port alone, from whom it is told, and out where it is told', () => {
    expect(spec('NetworkPolicy', production)).toMatchObject({
      policyTypes: ['Ingress', 'Egress'],
      // The relay's own pods in any case: replicas ask each other.
      ingress: [{ ports: [{ port: 'http' }], from: [{ namespaceSelector: {} }, { podSelector: {} }] }],
      egress: [{}],
    });
    const { egress } = z.object({ egress: z.array(z.unknown()) }).parse(everything['networkPolicy']);
    expect(spec('NetworkPolicy', everything)).toMatchObject({
      egress: [...egress, { to: [{ podSelector: {} }], ports: [{ port: 9500 }] }],
    });
  });

  it('publishes the status page where it is told to', () => {
    expect(spec('Ingress', production)).toMatchObject({
      ingressClassName: 'nginx',
      rules: [
        {
          host: 'relay.example.com',
          http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'r-cdf-relay', port: { name: 'http' } } } }] },
        },
      ],
    });
    expect(spec('Service', everything)).toMatchObject({ type: 'LoadBalancer', ports: [{ port: 80, targetPort: 'http' }] });
  });

  it('takes everything extra, and the names that it is given', () => {
    expect(names(everything)).toEqual([
      'ConfigMap partner-relay-more',
      'Deployment partner-relay',
      'NetworkPolicy partner-relay',
      'PodDisruptionBudget partner-relay',
      'PodMonitor partner-relay',
      'Service partner-relay',
    ]);
    expect(object('ConfigMap', everything)['data']).toEqual({ release: 'r' });
    expect(pod(everything)).toMatchObject({
      serviceAccountName: 'relay',
      runtimeClassName: 'gvisor',
      initContainers: everything['initContainers'],
      nodeSelector: everything['nodeSelector'],
      tolerations: everything['tolerations'],
      affinity: everything['affinity'],
      topologySpreadConstraints: [
        { topologyKey: 'topology.kubernetes.io/zone', labelSelector: { matchLabels: { 'app.kubernetes.io/name': 'relay' } } },
      ],
    });
    expect(pod(everything).containers.slice(1)).toEqual(everything['sidecars']);
    expect(container(everything)).toMatchObject({ envFrom: everything['extraEnvFrom'], lifecycle: everything['lifecycle'] });
    expect(container(everything).env).toHaveLength(3);
    expect(container(everything).volumeMounts).toContainEqual({ name: 'more', mountPath: '/more' });
    expect(pod(everything).volumes).toContainEqual({ name: 'config', configMap: { name: 'relay-config' } });
    for (const { metadata } of chart.render(everything).filter(({ metadata: { name } }) => !name.endsWith('-more'))) {
      expect(metadata.labels).toMatchObject({ 'cost-center': '42' });
      expect(metadata.annotations).toMatchObject({ owner: 'data-platform' });
    }
    expect(deployment(everything).template.metadata).toMatchObject({
      labels: { 'cost-center': '42', 'sidecar.istio.io/inject': 'false' },
      annotations: { owner: 'data-platform', 'example.com/note': 'two words' },
    });
  });

  it('minds only what is so', () => {
    const careful = {
      ...production,
      prometheusRule: { enabled: true },
      ingress: { enabled: false },
      secrets: {},
      config: { ...asMap(production['config']), http: { adminToken: '${file:/secrets/relay/token}' } },
    };
    expect(mindedIn(chart.notes({ ...careful, prometheusRule: { enabled: false } }))).toHaveLength(1);
    expect(mindedIn(chart.notes({ ...everything, replicaCount: 40 }))).toEqual([
      'replicaCount is 40, and config.relay.checkpointPartitions is 32: the others stand by.',
      'prometheusRule is off: unless the alerts of files/rules.yaml are set elsewhere, nobody is told of a parked feed.',
      'secrets.env is used: a changed Secret arrives with the next start of the pod; files under /secrets are read again.',
      'existingConfigMap is used: after a change of it, `kubectl --namespace relays rollout restart deployment/partner-relay`.',
      'the status page can be reached from outside of the cluster, and asks nobody who they are.',
    ]);
  });

  const withKafka = (kafka: Given): Given => ({
    ...three,
    config: { ...asMap(three['config']), kafka: { brokers: ['b:9092'], ...kafka } },
  });
  const withConfig = (more: Given): Given => ({ ...three, config: { ...asMap(three['config']), ...more } });
  it.each<[string, Given, string]>([
    ['no config', {}, 'config is empty: put what belongs into relay.yaml there'],
    ['a memory limit that is no size', withConfig({ limits: { memory: '${MEMORY}' } }), 'config.limits.memory is ${MEMORY}: '],
    ['a value that does not exist', { ...three, replicas: 2 }, "additional properties 'replicas' not allowed"],
    ['a misspelt value further down', { ...three, serviceMonitor: { enable: true } }, "additional properties 'enable' not allowed"],
    ['no replica', { ...three, replicaCount: 0 }, '/replicaCount'],
    ['less time to end than the relay may take', { ...three, terminationGracePeriodSeconds: 10 }, '/terminationGracePeriodSeconds'],
    ['a digest that is none', { ...three, image: { digest: 'latest' } }, '/image/digest'],
    ['both monitors', { ...three, serviceMonitor: { enabled: true }, podMonitor: { enabled: true } }, 'every pod would be scraped twice'],
    [
      'an alert that does not exist',
      { ...three, prometheusRule: { enabled: true, disabled: ['Parked'] } },
      'prometheusRule.disabled names Parked',
    ],
    ['an ingress without a host', { ...three, ingress: { enabled: true } }, '/ingress/hosts'],
    ['a port that only the pod itself can reach', withConfig({ http: { host: '127.0.0.1' } }), '/config/http/host'],
    ['a port that nobody knows', withConfig({ http: { port: 0 } }), '/config/http/port'],
    ['a field of the pod that has a value of its own', { ...three, extraPodSpec: { containers: [] } }, "invalid propertyName 'containers'"],
    [
      'a file of a Secret with an impossible name',
      withConfig({ sources: [{ name: 'acme', profile: '/secrets/Acme/p.share' }] }),
      'config names the file /secrets/Acme/…',
    ],
    ['a password by value', withKafka({ sasl: { mechanism: 'plain', username: 'u', password: 'hunter2' } }), '/config/kafka/sasl/password'],
    ['a password that is the default of a variable', withKafka({ sasl: { password: '${P:-hunter2}' } }), '/config/kafka/sasl/password'],
    ['a private key by value', withKafka({ tls: { key: '-----BEGIN PRIVATE KEY-----' } }), '/config/kafka/tls/key'],
    ['a token by value', withConfig({ registry: { url: 'http://r', auth: { bearer: 't0ken' } } }), '/config/registry/auth/bearer'],
    ['an admin token by value', withConfig({ http: { adminToken: 't0ken' } }), '/config/http/adminToken'],
    ['a profile by value', withConfig({ sources: [{ name: 'acme', profile: '{"bearerToken": "t"}' }] }), '/config/sources/0/profile'],
    ['a password within an address', withConfig({ registry: { url: 'http://u:p@registry' } }), '/config/registry/url'],
    ['a secret by value for a variable', { ...three, secrets: { env: { KAFKA_PASSWORD: 'p' } } }, '/secrets/env/KAFKA_PASSWORD'],
    ['a secret by value in extraEnv', { ...three, extraEnv: [{ name: 'KAFKA_PASSWORD', value: 'p' }] }, '/extraEnv/0'],
    [
      'a Secret in extraObjects',
      { ...three, extraObjects: [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } }] },
      '/extraObjects/0/kind',
    ],
  ])('refuses %s', (_, given, sentence) => {
    expect(() => chart.render(given)).toThrow(sentence);
  });

  it('refuses none of the files of values', () => {
    for (const name of VALUES_FILES) expect(chart.render(valuesOf(name)).length).toBeGreaterThan(4);
  });
});

function asMap(value: unknown): Given {
  return anyMap.parse(value);
}

function mindedIn(notes: string): readonly string[] {
  return notes.split('\n').flatMap((line) => (line.startsWith('  - ') ? [line.slice(4)] : []));
}
