import { readUserHex } from '../privacy/userhash.ts';
import { eachDefinition, openAudienceFiles, readDefinition, writeDefinition } from './audiencefiles.ts';

/**
 * Takes users (16 hex digits each) out of every audience of this machine; the API and bidders may have them open.
 * @returns how many memberships there were
 */
export async function forgetUsers(path: string, users: readonly string[], mapBytes?: number): Promise<number> {
  const files = openAudienceFiles(path, mapBytes);
  const halves = new Uint32Array(2);
  let memberships = 0;
  await files.root.transaction(() => {
    const generations = new Map([...eachDefinition(files)].map(([id, { generation }]) => [id, generation]));
    for (const user of users) {
      if (!readUserHex(user, halves)) continue;
      const key = Buffer.alloc(8);
      key.writeUInt32BE(halves[0]!, 0);
      key.writeUInt32BE(halves[1]!, 4);
      const pairs = files.members.getBinary(key);
      if (pairs === undefined) continue;
      for (let at = 0; at + 8 <= pairs.length; at += 8) {
        const id = pairs.readUInt32LE(at);
        const definition = readDefinition(files, id);
        if (definition === null || generations.get(id) !== pairs.readUInt32LE(at + 4)) continue;
        memberships++;
        writeDefinition(files, id, { ...definition, users: Math.max(0, definition.users - 1) });
      }
      files.members.remove(key);
    }
  });
  await files.root.flushed;
  await files.root.close();
  return memberships;
}
