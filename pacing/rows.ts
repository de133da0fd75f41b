/** Numbers by name that live in a row of a shared typed array. */
export type Row<Name extends string> = Record<Name, number> & {
  /** The array with the row, which begins at `at` with the named numbers; what else it holds follows. */
  readonly values: Float64Array;
  readonly at: number;
};

/** The array of an object that has no row yet. */
export const NOWHERE = new Float64Array(0);

/** Rows that share an array: it is given back when none of them is in use any more. */
const ROWS = 64;

/**
 * Makes objects whose numbers are kept in rows of typed arrays. There are tens of thousands of them that live long: as
 * fields, each number would be an object of its own for the garbage collector to go through.
 * @param names what is read and written as a property
 * @param more numbers without a name that follow those with one
 * @returns gives an object, whose array is NOWHERE as yet, a row of its own with zeros
 */
export function createRows<const Name extends string>(
  names: readonly Name[],
  more = 0,
): <Other extends Pick<Row<never>, 'values' | 'at'>>(object: Other) => Row<Name> & Other {
  const prototype = {};
  names.forEach((name, place) => {
    Object.defineProperty(prototype, name, {
      get(this: Row<Name>) {
        return this.values[this.at + place];
      },
      set(this: Row<Name>, value: number) {
        this.values[this.at + place] = value;
      },
    });
  });
  const width = names.length + more;
  let values = new Float64Array(0);
  let at = 0;
  return (object) => {
    if (at + width > values.length) {
      values = new Float64Array(ROWS * width);
      at = 0;
    }
    const row = Object.assign(Object.setPrototypeOf(object, prototype), { values, at });
    at += width;
    return row;
  };
}
