/**
 * Files that values of the config name: read once to find what is wrong with them, and from then on whenever what they hold is needed (live-files.ts).
 */
import { unusable } from '../model/certificates.ts';
import type { Certificates, Tls } from '../model/certificates.ts';
import { Secret } from '../model/secret.ts';
import { LiveFiles } from './live-files.ts';
import { expand, fileReferredTo, refersToFile } from './references.ts';
import type { ReferenceWorld } from './references.ts';
import { partsSchema } from './schema.ts';
import type { ConfigShape } from './schema.ts';
import type { Path, Problem, YamlTree } from './yaml-tree.ts';

type TlsShape = Exclude<ConfigShape['kafka']['tls'], boolean>;

const NO_CERTIFICATES: Certificates = { ca: null, cert: null, key: null };

export class Files {
  readonly problems: Problem[] = [];
  readonly live = new LiveFiles();
  readonly #tree: YamlTree;
  readonly #world: ReferenceWorld;

  constructor(tree: YamlTree, world: ReferenceWorld) {
    this.#tree = tree;
    this.#world = world;
  }

  complain(path: Path, sentence: string): void {
    this.problems.push({ place: this.#tree.placeOf(path), sentence });
  }

  /** The secret at the path, which follows the file that it is read from. `problemOf` says what a text is wrong for, now and whenever it has changed. */
  secret(secret: Secret, path: Path, problemOf: (text: string) => string | null = () => null): Secret {
    const problem = problemOf(secret.reveal());
    if (problem !== null) this.complain(path, `\`${nameOf(path)}\` ${problem}.`);
    const written = this.#tree.writtenAt(path);
    if (written === null || !refersToFile(written)) return secret;
    const read = (): string => {
      const text = this.#expanded(written);
      const wrong = problemOf(text);
      if (wrong !== null) throw new Error(`it ${wrong}`);
      return text;
    };
    return new Secret(this.live.open({ name: nameOf(path), first: secret.reveal(), read, isSame: (one, other) => one === other }));
  }

  kafkaTls(tls: ConfigShape['kafka']['tls']): Tls | null {
    if (tls === false) return null;
    return tls === true ? () => NO_CERTIFICATES : this.tls(tls, ['kafka', 'tls']);
  }

  /** The certificates of a map at the path, which follow their files. */
  tls(shape: TlsShape, path: Path): Tls {
    const { ca, cert, key } = shape;
    const before = this.problems.length;
    if ((cert === undefined) !== (key === undefined))
      this.complain(path, `\`${nameOf(path)}\` has one of \`cert\` and \`key\`: a certificate of ours needs both.`);
    const texts = {
      ca: ca === undefined ? null : this.#pem(ca, [...path, 'ca']),
      cert: cert === undefined ? null : this.#pem(cert, [...path, 'cert']),
      key: key === undefined ? null : this.#pem(key.reveal(), [...path, 'key']),
    };
    const certificates = (): Certificates => ({
      ca: texts.ca?.() ?? null,
      cert: texts.cert?.() ?? null,
      key: texts.key === null ? null : new Secret(texts.key()),
    });
    const isWhole = this.problems.length === before && !['ca', 'cert', 'key'].some((name) => this.#tree.isBroken([...path, name]));
    const first = isWhole ? certificates() : NO_CERTIFICATES;
    const problem = unusable(first);
    if (problem !== null) this.complain(path, `\`${nameOf(path)}\`: ${problem}.`);
    return this.live.open({ name: nameOf(path), first, read: certificates, isSame, problemOf: unusable });
  }

  /** The profile's JSON, and the file that it was read from, where it is known. */
  profile(value: Secret, path: Path): { readonly profile: Secret; readonly profilePath: string | null } {
    const text = value.reveal().trim();
    if (text.startsWith('{')) return { profile: value, profilePath: fileReferredTo(this.#tree.writtenAt(path) ?? '') };
    return { profile: new Secret(this.#read(text, path)), profilePath: this.#tree.isReferred(path) ? null : text };
  }

  /** For a config whose shape is wrong somewhere: the files are looked at all the same. */
  readSoundParts(): void {
    const shape = partsSchema.safeParse(this.#tree.value);
    for (const [i, source] of (shape.data?.sources ?? []).entries()) {
      if (source === null) continue;
      this.profile(source.profile, ['sources', i, 'profile']);
      if (source.tls !== undefined) this.tls(source.tls, ['sources', i, 'tls']);
    }
    const tls = shape.data?.kafka?.tls;
    if (tls !== undefined) this.kafkaTls(tls);
    const registryTls = shape.data?.registry?.tls;
    if (registryTls !== undefined) this.tls(registryTls, ['registry', 'tls']);
  }

  /** How the PEM text at a path is had: from the config itself, from a file that it names, or by a reference. Throws, later, what is wrong with the file. */
  #pem(value: string, path: Path): () => string {
    const isText = value.includes('-----BEGIN');
    const text = isText ? value : this.#read(value, path);
    if (text !== '' && !text.includes('-----BEGIN'))
      this.complain(path, 'the file is not in PEM: it has no line that begins with -----BEGIN.');
    const written = this.#tree.writtenAt(path);
    if (!isText) return () => this.#again(value, path);
    return written === null || !refersToFile(written) ? () => value : () => this.#expanded(written);
  }

  #expanded(written: string): string {
    const { text, problems } = expand(written, this.#world);
    const [problem] = problems;
    if (problem !== undefined) throw new Error(problem);
    return text;
  }

  #again(name: string, path: Path): string {
    const shown = this.#shown(name, path);
    let text: string;
    try {
      text = this.#world.readFile(name);
    } catch (error) {
      throw new Error(`the file ${shown} cannot be read${this.#reason(error, path)}`, { cause: error });
    }
    if (text.trim() === '') throw new Error(`the file ${shown} is empty`);
    return text;
  }

  #read(name: string, path: Path): string {
    if (this.#tree.isBroken(path)) return '';
    const shown = this.#shown(name, path);
    try {
      const text = this.#world.readFile(name);
      if (text.trim() === '') this.complain(path, `the file ${shown} is empty.`);
      return text;
    } catch (error) {
      const reason = this.#reason(error, path);
      this.complain(path, `the file ${shown} cannot be read${reason}; relative paths begin at the folder of the config file.`);
      return '';
    }
  }

  #shown(name: string, path: Path): string {
    return this.#tree.isReferred(path) ? 'that the reference names' : name;
  }

  #reason(error: unknown, path: Path): string {
    return this.#tree.isReferred(path) || !(error instanceof Error) ? '' : ` (${error.message})`;
  }
}

function isSame(one: Certificates, other: Certificates): boolean {
  return one.ca === other.ca && one.cert === other.cert && one.key?.reveal() === other.key?.reveal();
}

/** `sources[0].tls`. */
function nameOf(path: Path): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}
