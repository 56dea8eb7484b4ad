// Where systems keep the certificates of the authorities they trust; the TLS library that is linked in knows no such place.

import { existsSync } from 'node:fs';

const PLACES = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Arch, Alpine
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // Fedora, RHEL
  '/etc/pki/tls/certs/ca-bundle.crt', // older RHEL
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/ssl/cert.pem', // BSD, macOS
];

/** The system's file of trusted authorities; without one no https server is trusted. */
export function systemCaFile(): string | undefined {
  return PLACES.find((place) => existsSync(place));
}
