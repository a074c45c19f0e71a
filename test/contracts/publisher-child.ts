/**
 * A process that is killed inside a transaction: `publisher-child.ts <driver> <brokers> <data topic> <checkpoint topic>`. It says `sent` and waits for its end.
 */
import { setInterval } from 'node:timers';
import { CONNECTORS } from '../../connectors/index.ts';
import { quiet } from '../support/quiet-telemetry.ts';
import { leaveDangling } from './dangling-transaction.ts';

const [driver = '', brokers = '', data = '', checkpoints = ''] = process.argv.slice(2);
const known = Object.entries(CONNECTORS.kafka).find(([name]) => name === driver);
if (known === undefined) throw new Error(`no driver ${driver}`);
const [, { open, defaults }] = known;
const publisher = open({ ...defaults, brokers: brokers.split(','), clientId: 'killed', telemetry: quiet });
await leaveDangling(publisher, data, checkpoints);
process.stdout.write('sent\n');
setInterval(() => {}, 60_000);
