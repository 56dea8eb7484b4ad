// What the page's address says after the `#`: `#/guide` and `#/engine` are views, anything else names a channel
// to watch.

/** The view that the address names; `watch` when it names none of `views`. */
export function viewInAddress(views) {
  const [, view] = /^#\/(\w+)$/.exec(location.hash) ?? [];
  return views.includes(view) ? view : 'watch';
}

/** The channel that the address names, if it does. */
export function channelInAddress() {
  // An id needs no escapes, but people and other programs write them.
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
}

/** Opens a view. */
export function openView(view) {
  location.hash = `/${view}`;
}

/** Tunes to a channel and shows it large. */
export function watch(id) {
  location.hash = id;
}

/** Puts a channel into the address without an entry in the browser's history. */
export function nameChannel(id) {
  history.replaceState(null, '', `#${id}`);
}
