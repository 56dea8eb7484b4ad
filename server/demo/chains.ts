// Building blocks for generated pictures as FFmpeg filter chains. What costs time is drawn once, on a
// single small frame that `overlay` then repeats; what moves is an overlay position that depends on `t` alone.

/** Three expressions over X and Y, 0 to 255. */
export type Rgb = readonly [r: string, g: string, b: string];

/** The size of the demo channels' pictures, in pixels. */
export const WIDTH = 1280;
export const HEIGHT = 720;

/** An opaque still of the whole picture, drawn at `width` x `height` and enlarged. */
export function gradient(width: number, height: number, [r, g, b]: Rgb): string {
  return (
    `trim=end_frame=1,crop=${width}:${height},format=gbrp,geq=r='${r}':g='${g}':b='${b}',` +
    `scale=${WIDTH}:${HEIGHT}:flags=bicubic,format=yuv420p`
  );
}

/** A still with transparency, drawn in its own size; `alpha` is 0 to 255. */
export function sprite(width: number, height: number, [r, g, b]: Rgb, alpha: string): string {
  return (
    `trim=end_frame=1,crop=${width}:${height},format=gbrap,` +
    `geq=r='${r}':g='${g}':b='${b}':a='${alpha}',format=yuva420p`
  );
}

/** A disc with a soft glow around it, in a square of twice the glow's radius. */
export function disc(radius: number, glow: number, color: Rgb): string {
  const distance = `hypot(X-${glow},Y-${glow})`;
  const core = `255*clip(${radius}-${distance},0,1)`;
  const halo = `lt(${radius},${distance})*130*pow(clip(1-(${distance}-${radius})/${glow - radius},0,1),2)`;
  return sprite(2 * glow, 2 * glow, color, `${core}+${halo}`);
}

/** Line of text; `x` and `y` are expressions. The content is in drawtext's own syntax. */
export function text(content: string, x: string, y: string, size: number, color = 'white'): string {
  return `drawtext=fontfile={font}:text='${content}':fontsize=${size}:fontcolor=${color}:x=${x}:y=${y}`;
}

/** The time of day, from the programme's time, as HH:MM:SS. */
export const CLOCK = '%{pts\\:gmtime\\:0\\:%H\\\\\\:%M\\\\\\:%S}';

/** Joins the layers over the incoming frames: each is a chain that makes a still, and where it is laid. */
export function compose(
  layers: readonly { readonly still: string; readonly at: string }[],
  finish: string,
): string {
  const names = layers.map((_, index) => `s${index}`);
  const split = `split=${layers.length + 1}[v0]${names.map((name) => `[${name}]`).join('')}`;
  const stills = layers.map(({ still }, index) => `[s${index}]${still}[p${index}]`);
  const overlays = layers.map(
    ({ at }, index) => `[v${index}][p${index}]overlay=${at}[v${index + 1}]`,
  );
  return [split, ...stills, ...overlays, `[v${layers.length}]${finish}`].join(';');
}
