import { join } from 'node:path';
import { openStore } from '../reporting/store/clickhouse.ts';
import type { Store } from '../reporting/store/store.ts';
import type { Context } from './context.ts';

/** The store this process uses: a ClickHouse server when one is configured, else the embedded engine. */
export function openConfiguredStore({ config }: Context): Promise<Store> {
  return openStore({
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
}
