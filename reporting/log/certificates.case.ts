import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** PEM texts: a private key, its certificate for 127.0.0.1, and the authority that signed it. */
export interface Certificates {
  readonly key: string;
  readonly certificate: string;
  readonly ca: string;
}

/** Makes an authority and a certificate by openssl, valid for a day. @param dir where their files go */
export function makeCertificates(dir: string): Certificates {
  const path = (name: string): string => join(dir, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...ec,
    '-days',
    '1',
    '-subj',
    '/CN=test authority',
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
  );
  openssl('req', ...ec, '-subj', '/CN=broker', '-keyout', path('broker.key'), '-out', path('broker.csr'));
  writeFileSync(path('broker.ext'), 'subjectAltName=IP:127.0.0.1\n');
  const signer = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial'];
  const signed = ['-days', '1', '-extfile', path('broker.ext'), '-out', path('broker.pem')];
  openssl('x509', '-req', '-in', path('broker.csr'), ...signer, ...signed);
  const text = (name: string): string => readFileSync(path(name), 'utf8');
  return { key: text('broker.key'), certificate: text('broker.pem'), ca: text('ca.pem') };
}
