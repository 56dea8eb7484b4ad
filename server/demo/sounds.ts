// The sound of the demo channels: a soft chime on every second, as a function of `t` alone.

/** A chime of two partials on every second, higher on every fourth, over a quiet drone; pitch in Hz. */
export function chime(pitch: number): string {
  const high = Math.round(pitch * 1.5);
  const strike = 'exp(-6*mod(t,1))*min(1,mod(t,1)*150)';
  const partials = (hz: number) => `(sin(2*PI*${hz}*t)+0.3*sin(2*PI*${hz * 2}*t))`;
  const note = `if(mod(floor(t),4),${partials(pitch)},${partials(high)})`;
  const drone = `0.02*sin(2*PI*${Math.round(pitch / 4)}*t)*(0.6+0.4*sin(2*PI*t/8))`;
  return `aeval='0.12*${strike}*${note}+${drone}':c=same`;
}

/** A beep of a tenth of a second on every second, for checking sound against picture. */
export function beep(pitch: number): string {
  return `aeval='0.2*sin(2*PI*${pitch}*t)*lt(mod(t,1),0.1)*min(1,mod(t,1)*500)':c=same`;
}
