import { resolve } from 'node:path';
import { CodedError } from '../../core/errors.ts';
import { exitCodes } from '../../core/exitcodes.ts';
import { createContext } from '../context.ts';
import { backUp, type Manifest, restore } from '../ops/backup.ts';
import { version } from '../version.ts';

/** `evenkeel backup DIR`: copies the data folder while everything runs. */
export async function backupCommand(args: readonly string[]): Promise<number> {
  const { words, config, clock } = createContext('backup', args, ['config']);
  const target = oneFolder(words, 'backup');
  const manifest = await backUp(resolve(config.dataDir), target, version, clock.nowMs());
  console.log(`Backed up ${config.dataDir} to ${target}: ${summary(manifest)}.`);
  console.log('It holds the secrets of this installation: keep it as safe as the data folder itself.');
  return exitCodes.ok.code;
}

/** `evenkeel restore DIR`: puts a backup back as a new data folder. Nothing may run on it yet. */
export async function restoreCommand(args: readonly string[]): Promise<number> {
  const { words, config } = createContext('restore', args, ['config']);
  const manifest = await restore(oneFolder(words, 'restore'), resolve(config.dataDir));
  console.log(`Restored ${config.dataDir} as of ${new Date(manifest.takenMs).toISOString()}: ${summary(manifest)}.`);
  if (manifest.version !== version) console.log(`It was made by version ${manifest.version}; this is ${version}.`);
  return exitCodes.ok.code;
}

function oneFolder(words: readonly string[], command: string): string {
  const [folder] = words;
  if (words.length !== 1 || folder === undefined) {
    throw new CodedError('arguments.invalid', 'one folder is needed.', `evenkeel ${command} DIR [--data-dir=FOLDER]`);
  }
  return resolve(folder);
}

function summary(manifest: Manifest): string {
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  return `${manifest.files.length} files, ${(bytes / 2 ** 20).toFixed(1)} MiB, every one with its checksum`;
}
