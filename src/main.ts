/**
 * The process: arguments → command, signals → abort, whatever happens → exit code (DESIGN §5).
 *
 * The first SIGTERM or SIGINT asks the command to end, the second ends the process at once. Nothing but this file ends the process.
 */
import { setMaxListeners } from 'node:events';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArguments } from './cli/arguments.ts';
import { exitCode, failureText } from './cli/exit.ts';
import { tell } from './cli/output.ts';
import { restartWithMemorySettings } from './cli/start-settings.ts';
import { COMMAND_NAMES, commandHelp, isCommandName, mainHelp } from './cli/usage.ts';
import type { CommandName } from './cli/usage.ts';
import { nearest } from './lib/nearest.ts';
import { Failure } from './model/failure.ts';

interface CommandModule {
  readonly run: (argv: readonly string[], signal: AbortSignal) => Promise<number>;
}

/** Loaded when they are asked for: `--help` needs none of them. */
const COMMANDS: Readonly<Record<CommandName, () => Promise<CommandModule>>> = {
  run: () => import('./cli/run.ts'),
  validate: () => import('./cli/validate.ts'),
  doctor: () => import('./cli/doctor.ts'),
  plan: () => import('./cli/plan.ts'),
  status: () => import('./cli/status.ts'),
  tables: () => import('./cli/tables.ts'),
  peek: () => import('./cli/peek.ts'),
  tail: () => import('./cli/tail.ts'),
  offsets: () => import('./cli/offsets.ts'),
  verify: () => import('./cli/verify.ts'),
  checkpoint: () => import('./cli/checkpoint.ts'),
  serve: () => import('./cli/serve.ts'),
};

const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

const stopping = new AbortController();
// Every feed, request and wait listens to it.
setMaxListeners(0, stopping.signal);
let stoppedBy: keyof typeof SIGNAL_CODES | null = null;

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    if (stoppedBy !== null) process.exit(SIGNAL_CODES[name]);
    stoppedBy = name;
    stopping.abort(new Error(`stopped by ${name}`));
  });
}
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    tell(failureText(error));
    process.exit(1);
  });
}
// kafkajs sets a timer into the past at every connection (tulios/kafkajs#1751); Node sets it right, and would tell people about it.
process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (warning.name !== 'TimeoutNegativeWarning') tell(`${warning.name}: ${warning.message}`);
});
// Whoever reads the output, say `head`, has enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

if (process.argv[2] === 'run') restartWithMemorySettings();
keepCompiled();
process.exit(await main(process.argv.slice(2)));

async function main(argv: readonly string[]): Promise<number> {
  try {
    return await dispatch(argv);
  } catch (error) {
    if (stoppedBy !== null && isStop(error)) return isDaemon(argv) ? 0 : SIGNAL_CODES[stoppedBy];
    tell(failureText(error));
    return exitCode(error);
  }
}

/** What was stripped of types and compiled once is kept beside the packages, for worker threads too: it halves the start and spares them the stripper's memory. */
function keepCompiled(): void {
  process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('../node_modules/.cache/cdf-relay', import.meta.url));
  enableCompileCache(process.env['NODE_COMPILE_CACHE']);
}

async function dispatch(argv: readonly string[]): Promise<number> {
  const [first, ...rest] = argv;
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') return help(rest[0]);
  if (first === '--version') return version();
  if (!isCommandName(first)) throw unknownCommand(first);
  if (rest.includes('--help') || rest.includes('-h')) return help(first);
  parseArguments(first, rest);
  const { run } = await COMMANDS[first]();
  return run(rest, stopping.signal);
}

function isStop(error: unknown): boolean {
  return error === stopping.signal.reason || (error instanceof Error && error.name === 'AbortError');
}

/** For a command that has no end of its own, being stopped is success. */
function isDaemon(argv: readonly string[]): boolean {
  return argv[0] === 'serve' || (argv[0] === 'run' && !argv.includes('--until-current'));
}

function help(command: string | undefined): number {
  if (command !== undefined && !isCommandName(command)) throw unknownCommand(command);
  process.stdout.write(`${command === undefined ? mainHelp() : commandHelp(command)}\n`);
  return 0;
}

async function version(): Promise<number> {
  const { VERSION } = await import('./cli/product.ts');
  process.stdout.write(`${VERSION}\n`);
  return 0;
}

function unknownCommand(given: string): Failure {
  const meant = nearest(given, COMMAND_NAMES);
  const hint = meant === null ? `the commands are ${COMMAND_NAMES.join(', ')}` : `did you mean \`${meant}\`?`;
  return new Failure('arguments.invalid', `\`${given}\` is no command: ${hint}`);
}
