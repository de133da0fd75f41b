import { join } from 'node:path';
import { openStore } from '../reporting/store/clickhouse.ts';
import type { Store } from '../reporting/store/store.ts';
import type { Context } from './context.ts';
import { beforeExit } from './lifecycle.ts';

/** The store this process uses: a ClickHouse server when one is configured, else the embedded engine. */
export async function openConfiguredStore({ config }: Context): Promise<Store> {
  const store = await openStore({
    at:
      config.clickhouseUrl === ''
        ? { dir: join(config.dataDir, 'clickhouse') }
        : {
            server: {
              url: config.clickhouseUrl,
              username: config.clickhouseUser,
              password: config.clickhousePassword,
            },
          },
    database: config.clickhouseDatabase,
    cluster: config.clickhouseCluster === '' ? null : config.clickhouseCluster,
  });
  // With a server there is nothing in this process that could be in the middle of something.
  if (config.clickhouseUrl !== '') return store;
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closing ??= store.close();
    return closing;
  };
  beforeExit(close);
  return { ...store, close };
}
