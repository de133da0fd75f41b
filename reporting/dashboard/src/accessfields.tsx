import type { Advertiser } from './data.ts';
import { AdvertiserField, SelectField } from './fields.tsx';
import { roleNames } from './labels.ts';

/** What somebody may do, and for whose data. */
export interface AccessText {
  readonly role: string;
  readonly advertiserId: string;
}

export const newAccess: AccessText = { role: 'advertiser', advertiserId: '' };

/** The role and the advertiser as the API wants them: operators have none. */
export function accessBody({ role, advertiserId }: AccessText) {
  return { role, advertiserId: role === 'operator' || advertiserId === '' ? null : Number(advertiserId) };
}

interface AccessFieldsProps {
  /** Before the ids of the fields. */
  readonly prefix: string;
  /** Before the labels, where two such forms stand on one page. */
  readonly whose?: string;
  readonly advertisers: readonly Advertiser[];
  readonly value: AccessText;
  readonly onChange: (value: AccessText) => void;
}

export function AccessFields({ prefix, whose = '', advertisers, value, onChange }: AccessFieldsProps) {
  const label = (word: string): string => (whose === '' ? word : `${whose} ${word.toLowerCase()}`);
  const must = value.role === 'advertiser';
  return (
    <>
      <SelectField
        id={`${prefix}-role`}
        label={label('Role')}
        value={value.role}
        onChange={(role) => onChange({ ...value, role })}
        options={roleNames}
      />
      {value.role !== 'operator' && (
        <AdvertiserField
          id={`${prefix}-advertiser`}
          label={label('Advertiser')}
          advertisers={advertisers}
          required={must}
          none={must ? 'choose …' : 'all'}
          value={value.advertiserId}
          onChange={(advertiserId) => onChange({ ...value, advertiserId })}
        />
      )}
    </>
  );
}
