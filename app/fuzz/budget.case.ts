/** Inputs of one unit of work, and where they begin: `npm run fuzz` gives a million in all and a new seed. */
export const budget = Number(process.env.EVENKEEL_FUZZ_INPUTS ?? 1500);
export const seed = Number(process.env.EVENKEEL_FUZZ_SEED ?? 20_261_122);
