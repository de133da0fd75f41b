/** The targeting a form edits: lists as people type them, separated by commas. */
export interface TargetingText {
  countries: string;
  devices: readonly string[];
  domains: string;
  blockedDomains: string;
  categories: string;
}
export type Terms = Readonly<
  Record<string, { readonly include: readonly string[]; readonly exclude: readonly string[] }>
>;

const deviceChoices = [
  { value: '4', label: 'Phones' },
  { value: '5', label: 'Tablets' },
  { value: '2', label: 'Computers' },
  { value: '3', label: 'Connected TV' },
] as const;

export function toText(terms: Terms): TargetingText {
  return {
    countries: (terms.country?.include ?? []).join(', '),
    devices: terms.deviceType?.include ?? [],
    domains: (terms.domain?.include ?? []).join(', '),
    blockedDomains: (terms.domain?.exclude ?? []).join(', '),
    categories: (terms.category?.include ?? []).join(', '),
  };
}

/** The terms of the form, on top of those it does not show. */
export function toTerms(text: TargetingText, before: Terms = {}): Record<string, unknown> {
  const devices = text.devices.includes('4') && !text.devices.includes('1') ? [...text.devices, '1'] : text.devices;
  const shown: Record<string, { include: readonly string[]; exclude: readonly string[] }> = {
    country: {
      include: list(text.countries).map((word) => word.toUpperCase()),
      exclude: before.country?.exclude ?? [],
    },
    deviceType: { include: text.devices.length === 0 ? [] : devices, exclude: before.deviceType?.exclude ?? [] },
    domain: {
      include: list(text.domains).map((word) => word.toLowerCase()),
      exclude: list(text.blockedDomains).map((word) => word.toLowerCase()),
    },
    category: { include: list(text.categories), exclude: before.category?.exclude ?? [] },
  };
  const merged: Record<string, unknown> = { ...before };
  for (const [name, rule] of Object.entries(shown)) {
    // null removes the rule (merge patch): an empty one would only say nothing.
    if (rule.include.length + rule.exclude.length > 0) merged[name] = rule;
    else if (before[name] !== undefined) merged[name] = null;
  }
  return merged;
}

function list(text: string): readonly string[] {
  return text
    .split(/[\s,;]+/)
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

interface TargetingFieldsProps {
  readonly value: TargetingText;
  readonly onChange: (value: TargetingText) => void;
}

/** Where a line item bids. Everything empty: everywhere. */
export function TargetingFields({ value, onChange }: TargetingFieldsProps) {
  const toggle = (device: string): void => {
    const devices = value.devices.includes(device)
      ? value.devices.filter((other) => other !== device && !(device === '4' && other === '1'))
      : [...value.devices, device];
    onChange({ ...value, devices });
  };
  const text = (field: 'countries' | 'domains' | 'blockedDomains' | 'categories', label: string, hint: string) => (
    <div class="field">
      <label for={`targeting-${field}`}>{label}</label>
      <input
        id={`targeting-${field}`}
        value={value[field]}
        onInput={(event) => onChange({ ...value, [field]: event.currentTarget.value })}
        aria-describedby={`targeting-${field}-note`}
      />
      <small id={`targeting-${field}-note`}>{hint}</small>
    </div>
  );
  return (
    <>
      {text('countries', 'Countries', 'Three letters each: DEU, FRA, USA. Empty: all.')}
      <fieldset class="field">
        <legend>Devices</legend>
        <div class="choices">
          {deviceChoices.map(({ value: device, label }) => (
            <label key={device}>
              <input type="checkbox" checked={value.devices.includes(device)} onChange={() => toggle(device)} /> {label}
            </label>
          ))}
        </div>
        <small>None ticked: all.</small>
      </fieldset>
      {text('domains', 'Only on these sites', 'example.com also means its subdomains. Empty: all.')}
      {text('blockedDomains', 'Never on these sites', 'One list for sites you do not want to be seen on.')}
      {text('categories', 'Content categories', 'IAB codes such as IAB17 or IAB1-2. Empty: all.')}
    </>
  );
}
