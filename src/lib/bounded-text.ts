/** As `boundedText`, of an answer. Rejects with an error that says how long it may be. */
export async function answerText(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<string> {
  const text = await boundedText(body, bytesMax);
  if (text === null) throw new Error(`its answer is larger than ${bytesMax} bytes`);
  return text;
}

/** The text of a body that somebody else sends; null where it is longer than `bytesMax`. The rest is not read then. Rejects as the body does. */
export async function boundedText(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
