import { type Cube, cubeColumn, cubeMetrics, people, reachCubes, stepOf } from './cubes.ts';
import { planSums } from './eventsums.ts';

export const isReach = ({ name, from }: Cube): boolean =>
  reachCubes.some((cube) => cube.name === name || cube.name === from);

/** The columns of a cube's values. */
function valuesOf(cube: Cube): readonly string[] {
  return isReach(cube) ? ['impressions', 'users'] : cubeMetrics.map(cubeColumn);
}

/** The head of an insert of a cube's sums: what follows gives its time, its keys, its values. */
export function intoRollups(database: string, cube: Cube, day: string, build: string): string {
  return (
    `INSERT INTO ${database}.rollups (cube, block_day, build, time, ${[...cube.keys, ...valuesOf(cube)].join(', ')})\n` +
    `SELECT '${cube.name}', toDate('${day}'), toUInt64(${build}), *`
  );
}

/** A cube as a query of rows: its time, its keys, its values. */
export function sumsSql(database: string, cube: Cube, where: string): string {
  const plan = planSums(cubeMetrics);
  const told = plan.columns as readonly string[];
  const inner = [...cube.keys.filter((key) => !told.includes(key)), ...told].join(', ');
  const keys = cube.keys.map((key, i) => `${keySql[key] ?? key} AS k${i}`);
  const values = cubeMetrics.map((metric) => `${plan.sql(metric)} AS v_${cubeColumn(metric)}`);
  return (
    `FROM (SELECT ${['t', ...keys, ...values].join(', ')} FROM (\n` +
    `SELECT ${timeSql(cube, 'quarter')} AS t, ${inner}, toInt64(count()) AS n, sum(billed_nanos) AS billed, sum(value_micros) AS value, toInt64(sum(late)) AS late_n\n` +
    `FROM ${database}.events WHERE ${where} GROUP BY t, ${inner}\n) GROUP BY ${['t', ...cube.keys.map((_, i) => `k${i}`)].join(', ')})`
  );
}

const timeSql = (cube: Cube, column: string): string => stepOf(cube).sql.replace('TIME', column);

/** Columns that the table of sums keeps in another form. The detail is kept where it is a dimension: of conversions. */
const keySql: Readonly<Record<string, string>> = {
  status: 'toString(status)',
  detail: "if(type = 'conversion', detail, '')",
};

/** The same of a cube of people. */
export function reachSql(database: string, cube: Cube, where: string): string {
  const keys = cube.keys.join(', ');
  return (
    `FROM (SELECT ${timeSql(cube, 'quarter')} AS t, ${keys}, toInt64(count()) AS n, ${people.stateIf}(user, user != 0) AS u\n` +
    `FROM ${database}.events WHERE ${where} AND type = 'impression' AND status = 'accepted' GROUP BY t, ${keys})`
  );
}

/** A cube as a query of a finer one. @param time the cube's step of the finer one's time, unless told */
export function coarserSql(database: string, cube: Cube, where: string, time = timeSql(cube, 'time')): string {
  const values = valuesOf(cube).map((name) =>
    name === 'users' ? `${people.mergeState}(users) AS v_users` : `sum(${name}) AS v_${name}`,
  );
  return (
    `FROM (SELECT ${[`${time} AS t`, ...cube.keys, ...values].join(', ')}\n` +
    `FROM ${database}.rollups AS rollups WHERE ${where} GROUP BY ${['t', ...cube.keys].join(', ')})`
  );
}
