// Exits 0 when a server of this container is ready. The image has no curl, and one container runs one role: the bid
// server listens on the bid port, every other role on the API port.
const ports = [process.env.EVENKEEL_BID_PORT ?? '8080', process.env.EVENKEEL_API_PORT ?? '8090'];

async function ready(port) {
  const answer = await fetch(`http://127.0.0.1:${port}/healthz/ready`, { signal: AbortSignal.timeout(2000) });
  if (answer.status !== 200) throw new Error(`port ${port}: ${answer.status} ${(await answer.text()).slice(0, 300)}`);
}

const results = await Promise.allSettled(ports.map(ready));
if (results.some((result) => result.status === 'fulfilled')) process.exit(0);
for (const { reason } of results) console.error(`not ready: ${reason.message}`);
process.exit(1);
