import { systemClock } from '../../core/clock.ts';
import { measureStages } from './stages.ts';

// Prints what each stage costs as JSON: `node stagechild.js 10000`.
const lineItems = Number(process.argv[2] ?? 10_000);
process.stdout.write(JSON.stringify(measureStages({ lineItems, quick: true, clock: systemClock })));
