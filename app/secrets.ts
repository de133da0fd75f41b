import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CodedError, messageOf } from '../core/errors.ts';
import type { TokenKey } from '../core/token.ts';
import type { SaltPeriods } from '../engine/users/salt.ts';
import { tokenKeyPattern } from './config/faults.ts';
import type { Config } from './config/table.ts';

const secretsSchema = z.strictObject({
  tokenKeys: z.array(z.string().regex(tokenKeyPattern)).min(1),
  operatorKey: z.string().min(20),
  /** Salts the hash of user ids. */
  userSalt: z.string().min(16),
});
type SecretsFile = z.infer<typeof secretsSchema>;

/** What must not be in a repository or a log. */
export interface Secrets {
  readonly tokenKeys: readonly TokenKey[];
  readonly operatorKey: string;
  readonly userSalt: SaltPeriods;
}

/**
 * The secrets of this installation: those of the configuration, else generated once and kept in the data folder
 * (`secrets.json`, readable by its owner only).
 * @throws CodedError `secrets.unreadable`
 */
export function loadSecrets(config: Config): Secrets {
  const kept = readOrCreate(join(config.dataDir, 'secrets.json'), config.dataDir);
  const keys = config.tokenKeys.length > 0 ? config.tokenKeys : kept.tokenKeys;
  return {
    tokenKeys: keys.map(readTokenKey),
    operatorKey: config.operatorKey === '' ? kept.operatorKey : config.operatorKey,
    userSalt: { secret: config.userSalt || kept.userSalt, periodMs: config.userSaltPeriodMs },
  };
}

function readTokenKey(text: string): TokenKey {
  const [, id = '', secret = ''] = tokenKeyPattern.exec(text) ?? [];
  return { id: Number(id), secret: Buffer.from(secret, 'hex') };
}

function readOrCreate(path: string, folder: string): SecretsFile {
  if (!existsSync(path)) create(path, folder);
  try {
    return secretsSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new CodedError(
      'secrets.unreadable',
      `${path} can not be used: ${messageOf(error)}`,
      'Restore it from a backup; without it, notices of bids already made can not be believed.',
      error,
    );
  }
}

function create(path: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const secrets: SecretsFile = {
    tokenKeys: [`1:${randomBytes(32).toString('hex')}`],
    operatorKey: `ek_${randomBytes(32).toString('base64url')}`,
    userSalt: randomBytes(16).toString('hex'),
  };
  // Written aside and renamed, so that a crash leaves either no file or a whole one.
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}
