/** Jars from wherever the user's Maven takes them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

/** The artefacts (`group:artifact:version`) and all that they need, into the folder `lib` of `folder`. */
export async function fetchArtifacts(artifacts: readonly string[], folder: string): Promise<void> {
  await writeFile(join(folder, 'pom.xml'), pomOf(artifacts));
  const goal = ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib', '-DincludeScope=runtime'];
  // What it had before it failed it does not fetch again.
  await run('mvn', goal, folder).catch(async () => run('mvn', goal, folder));
}

function pomOf(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((name) => {
    const [group = '', artifact = '', version = ''] = name.split(':');
    return `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>cdf-relay</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
${dependencies.join('\n')}
  </dependencies>
</project>
`;
}
