/** What a server process says about itself when asked: its own accounting, in microseconds since its start. */
export interface Usage {
  readonly userUs: number;
  readonly systemUs: number;
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
}

/** Answers `usage` messages of the parent; `stop` is called when the parent is gone. */
export function answerUsage(stop: () => void): void {
  process.on('message', (message) => {
    if (message !== 'usage') return;
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    const usage: Usage = { userUs: user, systemUs: system, rssBytes: rss, heapUsedBytes: heapUsed };
    process.send?.({ kind: 'usage', usage });
  });
  process.on('disconnect', stop);
}
