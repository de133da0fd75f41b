import type { LoadedConfig } from './load.ts';
import type { Setting } from './setting.ts';
import { settingNames, settings } from './table.ts';

const all = settingNames.map((name) => [name, settings[name] as Setting<unknown>] as const);
const groups = [...new Set(all.map(([, setting]) => setting.group))];

/** The settings as lines for `--help`. */
export function settingsHelp(): string {
  return groups
    .map((group) => {
      const lines = inGroup(group).map(([, setting]) => {
        const flag = `--${setting.type === 'switch' ? '[no-]' : ''}${setting.flag}`;
        return `  ${flag.padEnd(28)} ${setting.says} [${shown(setting.fallback, setting)}]`;
      });
      return `${group}:\n${lines.join('\n')}`;
    })
    .join('\n\n');
}

/** The settings as Markdown, for docs/configuration.md. */
export function settingsMarkdown(): string {
  const sections = groups.map((group) => {
    const rows = inGroup(group).map(([name, setting]) => {
      const bounds = boundsOf(setting);
      const fallback = shown(setting.fallback, setting);
      return `| \`${name}\` | \`${setting.env}\` | \`--${setting.flag}\` | ${fallback === '' ? '' : `\`${fallback}\``} | ${bounds} | ${setting.says}${setting.live === true ? ' *Live.*' : ''} |`;
    });
    return `## ${group}\n\n| name in the file | environment | flag | default | bounds | meaning |\n|---|---|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Configuration

Settings come from a YAML or JSON file (\`--config FILE\`, else \`evenkeel.yaml\` or \`evenkeel.json\` in the working
folder), the environment, and flags; later ones win. \`evenkeel config check\` checks them all and says what is wrong;
\`evenkeel config show\` prints what is in force and where it came from. A configuration that can not be used stops the
start with exit code 104 and a list of every problem.

A setting marked *Live* is taken over while the process runs: change the file, then send SIGHUP to \`evenkeel start\`, or
to each role; or \`POST /api/v1/reload\`, which does it for the processes of \`evenkeel start\` or for the API's own. A file that can not be used changes nothing, and the log lists every problem. The others need a restart.

This page is printed by \`evenkeel config docs\`; a test keeps it equal to the code.

${sections.join('\n')}`;
}

/** What is in force, one line a setting, secrets hidden. */
export function describeConfig(loaded: LoadedConfig): string {
  return all
    .map(([name, setting]) => {
      const value = loaded.config[name];
      return `${name.padEnd(24)} ${shown(value, setting).padEnd(28)} (${loaded.origins[name]})`;
    })
    .join('\n');
}

/** The settings that differ from their defaults, for the log at the start; secrets hidden. */
export function changedSettings(loaded: LoadedConfig): Readonly<Record<string, string>> {
  return Object.fromEntries(
    all
      .filter(([name]) => loaded.origins[name] !== 'default')
      .map(([name, setting]) => [name, `${shown(loaded.config[name], setting)} (${loaded.origins[name]})`]),
  );
}

function inGroup(group: string): typeof all {
  return all.filter(([, setting]) => setting.group === group);
}

function shown(value: unknown, setting: Setting<unknown>): string {
  const empty = value === '' || (Array.isArray(value) && value.length === 0);
  if (setting.secret === true) return empty ? '' : '(hidden)';
  if (setting.type === 'switch') return value === true ? 'on' : 'off';
  if (setting.type === 'json') return Object.keys(value as object).length === 0 ? '' : JSON.stringify(value);
  return String(value);
}

function boundsOf(setting: Setting<unknown>): string {
  if (setting.oneOf !== undefined) return setting.oneOf.map((one) => (one === '' ? '(empty)' : one)).join(', ');
  const unit = setting.unit === undefined ? '' : ` ${setting.unit}`;
  if (setting.min !== undefined && setting.max !== undefined) return `${setting.min} – ${setting.max}${unit}`;
  return setting.min === undefined ? unit.trim() : `≥ ${setting.min}${unit}`;
}
