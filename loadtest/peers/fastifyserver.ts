import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { answerUsage } from '../../core/benchusage.ts';
import { systemClock } from '../../core/clock.ts';
import type { CampaignChange } from '../../core/topics.ts';
import { createLinearBidder } from './linearbidder.ts';
import type { BidRequest } from './requestshape.ts';

// The peer of the bid bench: `node fastifyserver.js CHANGES.json`, a list of campaign changes.
const changes = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as CampaignChange[];
const key = { id: 1, secret: Buffer.from('benchmark benchmark benchmark 32') };
const bidder = createLinearBidder(changes, { key, exchange: 'demo', baseUrl: 'https://bid.example' });
const app = fastify({ keepAliveTimeout: 150_000 });
app.post('/openrtb2/bid/demo', (request, reply) => {
  const response = bidder.bid(request.body as BidRequest, systemClock.nowMs());
  if (response === null) reply.code(204).send();
  else reply.send(response);
});
await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.({
  kind: 'ready',
  port: (app.server.address() as AddressInfo).port,
  note: `Fastify ${app.version}, ${bidder.lineItems} line items`,
});
answerUsage(() => process.exit(0));
