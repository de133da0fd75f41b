import { describe, expect, it } from 'vitest';
import { kafkaError, unanswered } from './kafka.ts';

const config = { brokers: ['kafka-1:9093'], ssl: true };
const failure = (name: string, message: string, type?: string): Error =>
  Object.assign(new Error(message), { name, ...(type === undefined ? {} : { type }) });

describe('what Kafka’s failures are called', () => {
  const cases: readonly [string, Error, string][] = [
    ['a wrong password', failure('KafkaJSSASLAuthenticationError', 'failed'), 'kafka_denied'],
    [
      'no right to a topic',
      failure('KafkaJSProtocolError', 'Not authorized', 'TOPIC_AUTHORIZATION_FAILED'),
      'kafka_denied',
    ],
    [
      'no right to a group',
      failure('KafkaJSProtocolError', 'Not authorized', 'GROUP_AUTHORIZATION_FAILED'),
      'kafka_denied',
    ],
    [
      'a topic that is gone',
      failure('KafkaJSProtocolError', 'no', 'UNKNOWN_TOPIC_OR_PARTITION'),
      'kafka_topic_missing',
    ],
    [
      'a stranger’s certificate',
      failure('KafkaJSConnectionError', 'Connection error: self-signed certificate'),
      'kafka_tls_failed',
    ],
    ['nobody there', failure('KafkaJSConnectionError', 'connect ECONNREFUSED'), 'kafka_unreachable'],
  ];
  for (const [name, error, code] of cases) {
    it(`${name}: ${code}`, () => {
      expect(kafkaError(config, error).code).toBe(code);
      expect(kafkaError(config, new Error('outer', { cause: error })).code, 'as a cause').toBe(code);
    });
  }
});

describe('an answer to a send', () => {
  const sent = [
    { topic: 'events', messages: [0, 2].map((partition) => ({ key: 'k', value: 'v', partition })) },
    { topic: 'pacing', messages: [{ key: 'k', value: 'v', partition: 0 }] },
  ];
  const answer = (...places: readonly string[]) =>
    places.map((place) => ({ topicName: place.split('/')[0]!, partition: Number(place.split('/')[1]) }));

  it('is believed only when it names every partition that was sent to', () => {
    expect(unanswered(sent, answer('events/0', 'events/2', 'pacing/0'))).toBeNull();
    expect(unanswered(sent, answer('events/0', 'pacing/0'))).toBe('events/2');
    expect(unanswered(sent, answer('events/0', 'events/2', 'pacing/1'))).toBe('pacing/0');
    expect(unanswered(sent, [])).toBe('events/0');
  });
});
