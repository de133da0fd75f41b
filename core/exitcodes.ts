/** Exit codes of the command line; 99 and 104 are those of k6, which many pipelines know. docs/operating/exit-codes.md is kept equal to this table by a test. */
export const exitCodes = {
  ok: { code: 0, says: 'Done, or stopped cleanly.' },
  failed: { code: 1, says: 'Something went wrong; the last line on standard error says what and what to do.' },
  usage: { code: 2, says: 'The command line can not be understood.' },
  slaFailed: { code: 99, says: 'A load test ran and one of its gates failed.' },
  badConfig: { code: 104, says: 'The configuration or the options can not be used; every problem is listed.' },
} as const;
