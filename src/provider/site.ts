/**
 * One running provider: requests in, answers out.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sleep } from '../lib/abort.ts';
import { unreachable } from '../lib/assert.ts';
import { tableText } from '../model/version.ts';
import type { EpochMs, TableName } from '../model/version.ts';
import { broken, faultAnswer, json, plain, refusalAnswer } from './answers.ts';
import { parseCapabilities } from './capabilities.ts';
import { findTables, keyOf } from './catalog.ts';
import type { CatalogTable } from './catalog.ts';
import { answerChanges } from './changes.ts';
import { ActiveFaults, FaultInjector } from './faults.ts';
import type { FaultPlan } from './faults.ts';
import { answerFile, filePath } from './file-store.ts';
import { describeShare, listSchemas, listShares, listTables } from './listings.ts';
import { rulesOf } from './likenesses.ts';
import { LogError } from './log-actions.ts';
import type { ProviderOptions } from './provider-options.ts';
import { header, readBody, receive } from './received.ts';
import type { Received } from './received.ts';
import { filesMissing, malformed, missing, Refusal } from './refusal.ts';
import type { RequestRecord } from './request-record.ts';
import { ENDPOINT } from './routes.ts';
import type { Routed, TableAction } from './routes.ts';
import { send, statusOf } from './send.ts';
import { signedUrl } from './signed-urls.ts';
import { answerMetadata, answerQuery, answerVersion, UnreadableBody } from './snapshots.ts';
import { seenUpTo } from './log-state.ts';
import type { LogState } from './log-state.ts';
import { EmptyLogError, TableLog } from './table-log.ts';
import type { Answer, TableRequest } from './table-request.ts';

const REQUESTS_MAX = 10_000;

export class Site {
  readonly endpoint: string;
  readonly #options: ProviderOptions;
  readonly #origin: string;
  readonly #signal: AbortSignal;
  readonly #key = randomBytes(32);
  #faults: FaultInjector;
  readonly #startedAt: EpochMs;
  readonly #logs = new Map<string, TableLog>();
  readonly #requests: RequestRecord[] = [];
  #tables: readonly CatalogTable[];

  constructor(options: ProviderOptions, origin: string, tables: readonly CatalogTable[], signal: AbortSignal) {
    this.#options = options;
    this.#origin = origin;
    this.endpoint = `${origin}${ENDPOINT}`;
    this.#tables = tables;
    this.#signal = signal;
    this.#faults = new FaultInjector(rulesOf(options.faults));
    this.#startedAt = options.now();
  }

  get requests(): readonly RequestRecord[] {
    return this.#requests;
  }

  /** From the next request on; counting begins anew. */
  goWrong(plan: FaultPlan | null): void {
    this.#faults = new FaultInjector(rulesOf(plan));
  }

  /** Looks again: tables may have come. */
  async tables(): Promise<readonly CatalogTable[]> {
    this.#tables = await findTables(this.#options.folder, this.#options.log);
    return this.#tables;
  }

  async handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const received = receive(message);
    const authorization = this.#authorization(message.headers.authorization);
    const isAllowed = received.routed === 'file' || authorization === 'token';
    const path = received.routed === 'file' ? received.path : (message.url ?? '');
    const { route, table, method } = received;
    const faults = isAllowed && route !== null ? this.#faults.next({ route, table, path }) : new ActiveFaults([]);
    const latency = faults.find('latency');
    if (latency !== null) await sleep(latency.ms, this.#signal);
    const answer = isAllowed ? (faultAnswer(faults, received.routed === 'file') ?? (await this.#answer(received, faults))) : plain(401);
    this.#record({
      at: this.#options.now(),
      method,
      route,
      table,
      path,
      authorization,
      capabilities: header(message, 'delta-sharing-capabilities'),
      range: header(message, 'range'),
      userAgent: header(message, 'user-agent'),
      status: statusOf(answer),
      faults: faults.actions.map((action) => action.kind),
    });
    await send(response, answer, faults);
  }

  async #answer(received: Received, faults: ActiveFaults): Promise<Answer> {
    try {
      if (received.routed === 'file') return await this.#answerFile(received);
      return await this.#answerCall(received, received.routed, faults);
    } catch (error) {
      if (error instanceof Refusal) return refusalAnswer(error, faults);
      if (error instanceof LogError || error instanceof UnreadableBody) {
        this.#options.log(`${received.table ?? received.path}: ${error.message}`);
        return broken();
      }
      throw error;
    }
  }

  async #answerCall(received: Received, routed: Routed, faults: ActiveFaults): Promise<Answer> {
    const { query } = received;
    switch (routed.kind) {
      case 'shares':
        return json(200, listShares(await this.tables(), query));
      case 'share':
        return json(200, describeShare(await this.tables(), routed.share));
      case 'schemas':
        return json(200, listSchemas(await this.tables(), routed.share, query));
      case 'tables':
        return json(200, listTables(await this.tables(), routed.share, routed.schema, query));
      case 'table': {
        const request = await this.#tableRequest(received, routed.name, faults).catch((error: unknown) => {
          throw error instanceof EmptyLogError ? notThere(routed.action, routed.name, error) : error;
        });
        switch (routed.action) {
          case 'version':
            return answerVersion(request);
          case 'metadata':
            return answerMetadata(request);
          case 'query':
            return answerQuery(request);
          case 'changes':
            return answerChanges(request);
          default:
            return unreachable(routed.action);
        }
      }
      case 'method':
        return plain(405);
      case 'unknown':
        return plain(404);
      default:
        return unreachable(routed);
    }
  }

  async #tableRequest(received: Received, name: TableName, faults: ActiveFaults): Promise<TableRequest> {
    const { table, log, state } = await this.#open(name);
    const life = faults.find('url-life');
    const lifetimeMs = life?.ms ?? this.#options.urlLifetimeMs;
    const expires = this.#options.now() + lifetimeMs;
    // Signed as of a lifetime ago: dead on arrival.
    const signedUntil = expires - (faults.has('expired-url') ? lifetimeMs : (life?.earlyMs ?? 0));
    return {
      name: table.name,
      id: table.id,
      log,
      isReplaced: log.isReplaced,
      state: this.#seen(state, faults),
      query: received.query,
      body: await readBody(received.message),
      // An old server has never heard of the header.
      capabilities: parseCapabilities(faults.has('no-capabilities') ? null : header(received.message, 'delta-sharing-capabilities')),
      fileIdHash: header(received.message, 'fileidhash'),
      sign: (logPath) => signedUrl(this.#origin, filePath(table, logPath), signedUntil, this.#key),
      expires: faults.has('untold-expiry') ? null : expires,
      faults,
    };
  }

  /** Throws a `Refusal` where there is no such table, or no longer. */
  async #open(name: TableName): Promise<{ readonly table: CatalogTable; readonly log: TableLog; readonly state: LogState }> {
    const table = this.#find(name) ?? (await this.tables().then(() => this.#find(name)));
    if (table === null) throw unknownTable(name);
    const log = this.#logs.get(table.folder) ?? new TableLog(table.folder, this.#options.decoder);
    this.#logs.set(table.folder, log);
    try {
      return { table, log, state: await log.refresh() };
    } catch (error) {
      await this.tables();
      if (this.#find(name) === null) throw unknownTable(name);
      throw error;
    }
  }

  #answerFile(received: Received): Promise<Answer> {
    const { message, method, path, query } = received;
    const isAuthorized = message.headers.authorization !== undefined;
    const store = { tables: this.#tables, key: this.#key, now: this.#options.now() };
    return answerFile(store, { method, path, query, range: header(message, 'range'), isAuthorized });
  }

  /** The log as far as it is revealed, and less where the answer is to be stale. */
  #seen(state: LogState, faults: ActiveFaults): LogState {
    const { revealMs, now } = this.#options;
    const revealed = revealMs === null ? state.latest : state.first + Math.floor((now() - this.#startedAt) / revealMs);
    const latest = Math.min(state.latest, revealed) - (faults.find('stale')?.versions ?? 0);
    return seenUpTo(state, latest);
  }

  #find(name: TableName): CatalogTable | null {
    return this.#tables.find((table) => keyOf(table.name) === keyOf(name)) ?? null;
  }

  #authorization(value: string | undefined): RequestRecord['authorization'] {
    if (value === undefined) return 'none';
    const given = /^Bearer (.*)$/i.exec(value)?.[1];
    return given !== undefined && timingSafeEqual(digest(given), digest(this.#options.token)) ? 'token' : 'other';
  }

  #record(record: RequestRecord): void {
    this.#requests.push(record);
    if (this.#requests.length > REQUESTS_MAX) this.#requests.shift();
  }
}

function unknownTable(name: TableName): Refusal {
  const path = `${name.share}/${name.schema}/${name.table}`;
  return missing(`[Share/Schema/Table] '${path}' does not exist, please contact your share provider for further information.`);
}

/** Of a place without a table the reference server says something else on every route. */
function notThere(action: TableAction, name: TableName, error: EmptyLogError): Error {
  if (action === 'changes') return error;
  return action === 'version' ? malformed(`Delta table at path \`${tableText(name)}\` is not found.`) : filesMissing();
}

function digest(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}
