// What the page asks of its server. A signature in the page's own address is carried on to every request.

const given = new URLSearchParams(location.search);
const carried = new URLSearchParams(
  ['expires', 'signature'].filter((name) => given.has(name)).map((name) => [name, given.get(name)]),
).toString();

/** What a viewer is told whom the server does not let watch. */
export const REFUSED = carried
  ? 'This link is not valid here, or no longer. Ask for a new one.'
  : 'This server asks for a signed link. Ask whoever runs it for one.';

/** Milliseconds between two tries while the server refuses the page. */
export const REFUSED_MS = 60_000;

/** Where something lies on the server. */
export function addressOf(path) {
  if (!carried) return path;
  return `${path}${path.includes('?') ? '&' : '?'}${carried}`;
}

/** Fetches JSON. Throws an error with the `status` of an answer that is none. */
export async function fetchJson(path) {
  const response = await fetch(addressOf(path), { signal: AbortSignal.timeout(8_000) });
  if (response.ok) return response.json();
  throw Object.assign(new Error(`${response.status} ${path}`), { status: response.status });
}
