import { z } from 'zod';
import { CodedError, messageOf } from '../../core/errors.ts';
import { exitCodes } from '../../core/exitcodes.ts';
import { createContext } from '../context.ts';
import { loadSecrets } from '../secrets.ts';

const keyListSchema = z.object({
  items: z.array(
    z.looseObject({ id: z.string(), name: z.string(), role: z.string(), advertiserId: z.int().nullable() }),
  ),
});
const problemSchema = z.object({ code: z.string(), detail: z.string().default('') });

/** `evenkeel keys list|create|revoke`: API keys of the running API server, as the operator. */
export async function keysCommand(args: readonly string[]): Promise<number> {
  const { words, own, config } = createContext('keys', args, ['config', 'api-url', 'name', 'role', 'advertiser']);
  const api = own['api-url'] ?? `http://${config.host}:${config.apiPort}`;
  const operatorKey = loadSecrets(config).operatorKey;
  const call = (path: string, method: string, body?: unknown) => callApi(api, operatorKey, path, method, body);
  const [what = 'list', id] = words;
  switch (what) {
    case 'list':
      for (const key of keyListSchema.parse(await call('/api/v1/keys', 'GET')).items) {
        console.log(`${key.id}  ${key.role.padEnd(10)}  ${String(key.advertiserId ?? '').padEnd(6)}  ${key.name}`);
      }
      return exitCodes.ok.code;
    case 'create': {
      const advertiserId = own.advertiser === undefined ? null : Number(own.advertiser);
      const body = { name: own.name ?? 'from the command line', role: own.role ?? 'operator', advertiserId };
      const created = z.looseObject({ key: z.string() }).parse(await call('/api/v1/keys', 'POST', body));
      console.log(created.key);
      console.error('Keep it now: only its hash is stored, it can not be shown again.');
      return exitCodes.ok.code;
    }
    case 'revoke':
      await call(`/api/v1/keys/${encodeURIComponent(id ?? '')}`, 'DELETE');
      console.log(`revoked ${id}`);
      return exitCodes.ok.code;
    default:
      throw new CodedError(
        'arguments.invalid',
        `"${what}" is not something keys can do.`,
        'Use: evenkeel keys list | create --name=… --role=operator|advertiser|read-only --advertiser=ID | revoke ID.',
      );
  }
}

async function callApi(api: string, key: string, path: string, method: string, body?: unknown): Promise<unknown> {
  const init: RequestInit = {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  const response = await fetch(`${api}${path}`, init).catch((error: unknown) => {
    throw new CodedError(
      'api.unreachable',
      `${api}: ${messageOf(error)}.`,
      'Start it, or name it with --api-url.',
      error,
    );
  });
  const answer: unknown = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const problem = problemSchema.safeParse(answer);
  throw new CodedError(
    problem.success ? problem.data.code : 'api.refused',
    `the API answered ${response.status}: ${problem.success ? problem.data.detail : ''}`,
    'Correct the request; see /api/v1/openapi.json.',
  );
}
