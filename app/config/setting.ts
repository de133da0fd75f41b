export interface Setting<T> {
  /** Environment variable. */
  readonly env: string;
  /** Command-line flag without the dashes. */
  readonly flag: string;
  readonly type: SettingType;
  readonly fallback: T;
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  readonly oneOf?: readonly string[];
  /** What is wrong with a value of the right type and within its bounds; nothing when it can be used. */
  faults?(value: T): readonly string[];
  /** Taken over by SIGHUP; all others need a restart. */
  readonly live?: boolean;
  /** Never printed. */
  readonly secret?: boolean;
  readonly group: string;
  readonly says: string;
}

/** `list` is comma-separated text; `json` an object, given in the file or as JSON text. */
export type SettingType = 'text' | 'integer' | 'number' | 'switch' | 'list' | 'json';

export const text = (fallback: string, rest: Omit<Setting<string>, 'type' | 'fallback'>): Setting<string> => ({
  type: 'text',
  fallback,
  ...rest,
});
export const integer = (fallback: number, rest: Omit<Setting<number>, 'type' | 'fallback'>): Setting<number> => ({
  type: 'integer',
  fallback,
  ...rest,
});
export const onOff = (fallback: boolean, rest: Omit<Setting<boolean>, 'type' | 'fallback'>): Setting<boolean> => ({
  type: 'switch',
  fallback,
  ...rest,
});
export const list = (rest: Omit<Setting<readonly string[]>, 'type' | 'fallback'>): Setting<readonly string[]> => ({
  type: 'list',
  fallback: [],
  ...rest,
});

export const minute = 60_000;
export const day = 24 * 60 * minute;
