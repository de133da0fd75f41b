import type { Tracer } from '../../core/trace.ts';
import type { Block, Store } from '../../reporting/store/store.ts';

/** The same store; every block that is inserted is a span when it is drawn. */
export function withTracedInserts(store: Store, tracer: Tracer | null): Store {
  if (tracer === null) return store;
  async function traced<Row>(table: string, block: Block<Row>, insert: () => Promise<void>): Promise<void> {
    const span = tracer?.start('ingest.block', 'internal') ?? null;
    if (span === null) return insert();
    span.set('evenkeel.table', table);
    span.set('evenkeel.rows', block.rows.length);
    span.set('evenkeel.block', block.token);
    try {
      await insert();
      span.end();
    } catch (error) {
      span.end(true);
      throw error;
    }
  }
  return {
    ...store,
    insertEvents: (block) => traced('events', block, () => store.insertEvents(block)),
    insertBidStats: (block) => traced('bid_stats', block, () => store.insertBidStats(block)),
  };
}
