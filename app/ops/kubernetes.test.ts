import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { Job } from 'kubernetes-models/batch/v1';
import { Ingress, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Secret, Service } from 'kubernetes-models/v1';
import { describe, expect, it } from 'vitest';
import { settings } from '../config/table.ts';
import { knownVariables, PINNED, readYaml, readYamlDocuments, root, secretVariables } from './deployfiles.case.ts';

const folder = 'deploy/kubernetes';
const models = {
  Deployment,
  StatefulSet,
  HorizontalPodAutoscaler,
  Job,
  Ingress,
  NetworkPolicy,
  PodDisruptionBudget,
  ConfigMap,
  Secret,
  Service,
};
type Kind = keyof typeof models;

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
  readonly periodSeconds?: number;
  readonly failureThreshold?: number;
}
interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly lifecycle?: { readonly preStop?: object };
  readonly securityContext?: object;
  readonly resources?: { readonly requests?: object; readonly limits?: { readonly cpu?: string } };
}
interface Manifest {
  readonly kind: Kind;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec: {
    readonly replicas?: number;
    readonly selector?: { readonly matchLabels?: object };
    readonly scaleTargetRef?: { readonly kind: string; readonly name: string };
    readonly minReplicas?: number;
    readonly rules?: { http: { paths: { path: string }[] } }[];
    readonly template?: {
      readonly metadata: { readonly labels: object };
      readonly spec: {
        readonly terminationGracePeriodSeconds?: number;
        readonly securityContext?: object;
        readonly containers: readonly Container[];
      };
    };
  };
}

const { resources } = readYaml(`${folder}/kustomization.yaml`) as { resources: string[] };
const manifests = [...resources, 'secret.example.yaml'].flatMap(
  (file) => readYamlDocuments(join(folder, file)) as Manifest[],
);
const workloads = manifests.filter(({ spec }) => spec?.template !== undefined);
const servers = workloads.filter(({ kind }) => kind !== 'Job');
const containerOf = (workload: Manifest): Container => workload.spec.template!.spec.containers[0]!;
const named = (kind: Kind, name: string): Manifest =>
  manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name)!;

describe('deploy/kubernetes', () => {
  it('lists every file of the folder', () => {
    const files = readdirSync(join(root, folder)).filter((file) => file !== 'kustomization.yaml');
    expect(files.sort()).toEqual([...resources, 'secret.example.yaml'].sort());
  });

  it('fits the schemas of Kubernetes', () => {
    expect(manifests.length).toBeGreaterThan(12);
    for (const manifest of manifests) {
      const Model = models[manifest.kind] as unknown as new (data: unknown) => { validate(): void };
      expect(Model, manifest.kind).toBeDefined();
      expect(() => new Model(manifest).validate(), `${manifest.kind} ${manifest.metadata.name}`).not.toThrow();
    }
    expect(() => new Service({ spec: { ports: [{ port: 'x' }] } } as never).validate()).toThrow();
  });

  it('runs every role from a pinned image', () => {
    expect(servers.map((workload) => containerOf(workload).args.join(' ')).sort()).toEqual(
      ['api', 'bidder', 'ingest', 'pacer'].map((role) => `run --role=${role}`),
    );
    for (const workload of workloads) {
      expect(containerOf(workload).image).toMatch(PINNED);
    }
  });

  it('sets only variables that exist, and secrets only in the secret', () => {
    const config = Object.keys(named('ConfigMap', 'evenkeel').data ?? {});
    const secret = Object.keys(named('Secret', 'evenkeel').stringData ?? {});
    expect(config.length).toBeGreaterThan(4);
    for (const name of [...config, ...secret]) expect(knownVariables).toContain(name);
    for (const name of config) expect(secretVariables).not.toContain(name);
    for (const name of secret) expect(secretVariables).toContain(name);
  });

  it('probes what the servers serve: alive apart from ready', () => {
    for (const workload of servers) {
      const { startupProbe, livenessProbe, readinessProbe, ports, name } = containerOf(workload);
      expect(startupProbe?.httpGet?.path, name).toBe('/healthz/live');
      expect(livenessProbe?.httpGet?.path, name).toBe('/healthz/live');
      expect(readinessProbe?.httpGet?.path, name).toBe('/healthz/ready');
      for (const probe of [startupProbe, livenessProbe, readinessProbe])
        expect(ports?.map((port) => port.name)).toContain(probe?.httpGet?.port);
      const port = name === 'bidder' ? settings.bidPort.fallback : settings.apiPort.fallback;
      expect(ports?.map((one) => one.containerPort)).toEqual([port]);
    }
  });

  it('leaves time to drain: 5 s before the signal, then 15 s and a reserve', () => {
    for (const workload of servers) {
      expect(containerOf(workload).lifecycle?.preStop, workload.metadata.name).toBeDefined();
      expect(workload.spec.template?.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(25);
    }
    const drainMs = Number(named('ConfigMap', 'evenkeel').data?.EVENKEEL_DRAIN_MS);
    const { periodSeconds = 10, failureThreshold = 3 } =
      containerOf(named('StatefulSet', 'evenkeel-bidder')).readinessProbe ?? {};
    expect(5000 + drainMs, 'until the probes say so').toBeGreaterThan(periodSeconds * failureThreshold * 1000);
  });

  it('locks every pod down', () => {
    for (const workload of workloads) {
      const container = containerOf(workload);
      expect(workload.spec.template?.spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.resources?.requests).toHaveProperty('memory');
      expect(container.resources?.limits).toHaveProperty('memory');
      expect(container.resources?.limits?.cpu, 'throttling is latency').toBeUndefined();
    }
  });

  it('scales bidders, never the API, and keeps one of each through a disruption', () => {
    const scaler = named('HorizontalPodAutoscaler', 'evenkeel-bidder');
    const target = scaler.spec.scaleTargetRef;
    expect(named(target?.kind as Kind, target?.name ?? '')).toBeDefined();
    expect(scaler.spec.minReplicas).toBeGreaterThanOrEqual(2);
    expect(named('StatefulSet', 'evenkeel-bidder').spec.replicas, 'the autoscaler owns the number').toBeUndefined();
    expect(named('StatefulSet', 'evenkeel-api').spec.replicas).toBe(1);
    for (const role of ['bidder', 'ingest', 'pacer'])
      expect(named('PodDisruptionBudget', `evenkeel-${role}`).spec.selector?.matchLabels).toMatchObject({
        'app.kubernetes.io/component': role,
      });
  });

  it('selects the pods it makes, and opens only the public paths', () => {
    for (const workload of servers)
      expect(workload.spec.template?.metadata.labels).toMatchObject(workload.spec.selector?.matchLabels ?? { none: 1 });
    const paths = named('Ingress', 'evenkeel-bidder').spec.rules?.flatMap(({ http }) =>
      http.paths.map((one) => one.path),
    );
    expect(paths).toEqual(['/openrtb2/bid', '/notice', '/event']);
  });
});
