// The value syntaxes of HLS tags (RFC 8216 4.2) that both playlist writers use.

/** A quoted-string: what it may not contain (quotes, line breaks, control characters) is left out. */
export function quoted(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to leave out
  return `"${value.replace(/["\u0000-\u001f\u007f]/g, '')}"`;
}

/** An attribute list, in the order given; attributes that are undefined are left out. */
export function attributes(list: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(list)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

/** A date-time with milliseconds in UTC. */
export function dateTime(instantMs: number): string {
  return new Date(instantMs).toISOString();
}
