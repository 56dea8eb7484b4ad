// The process of one trial: node child.ts NAME (VARIANT | --prepare). Prints the figures as its last line.
import { loadBench } from './load.js';

const [name = '', variant = ''] = process.argv.slice(2);
const bench = await loadBench(name);
if (variant === '--prepare') await bench.prepare?.();
else console.log(JSON.stringify(await bench.trial(variant)));
