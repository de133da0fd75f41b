/** Gives every line item a small number that all threads index their tables by. */
export interface LineSlots {
  /** The slot of a line item, allocated on first use; -1 when there is none left (counted). */
  of(lineItemId: number): number;
  release(lineItemId: number): void;
  readonly refused: number;
}

export function createLineSlots(maxLineItems: number): LineSlots {
  const slots = new Map<number, number>();
  const free: number[] = [];
  let next = 0;
  let refused = 0;
  return {
    of(lineItemId) {
      const known = slots.get(lineItemId);
      if (known !== undefined) return known;
      const slot = free.pop() ?? (next < maxLineItems ? next++ : -1);
      if (slot < 0) refused++;
      else slots.set(lineItemId, slot);
      return slot;
    },
    release(lineItemId) {
      const slot = slots.get(lineItemId);
      if (slot === undefined) return;
      slots.delete(lineItemId);
      free.push(slot);
    },
    get refused() {
      return refused;
    },
  };
}
