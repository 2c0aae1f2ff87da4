#!/usr/bin/env node
// adit-policy: writing, checking, testing and playing policy scripts on a PC.

import { main } from "../tools/cli.mjs";

process.exitCode = await main(process.argv.slice(2));
