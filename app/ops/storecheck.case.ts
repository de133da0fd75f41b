import { reportQuerySchema } from '../../core/report.ts';
import { openStore } from '../../reporting/store/clickhouse.ts';

// A process of its own, because one process can open only one embedded ClickHouse: prints what a store holds.
const store = await openStore({ at: { dir: process.argv[2] ?? '' } });
const range = { fromMs: 0, toMs: 4_102_444_800_000 };
const query = reportQuerySchema.parse({ ...range, metrics: ['received', 'accepted', 'spendNanos'] });
const positions = await store.positions('events');
const { rows } = await store.query(query);
await store.close();
console.log(JSON.stringify({ positions: Object.fromEntries(positions), metrics: rows[0]?.metrics ?? {} }));
