#!/usr/bin/env node
// The program behind the `headend` command: listens to signals, and loads the rest.

import { listenWhileLoading } from './loading.js';

if (process.argv[2] === 'serve') listenWhileLoading();
await import('./command.js');
