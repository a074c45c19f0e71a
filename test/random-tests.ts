/**
 * Set up in every test file: `npm test` draws the same cases each time, so that it fails for what was changed and for nothing else. The long runs, which name their
 * number of runs by `CODEC_RUNS`, draw new ones, and fast-check prints the seed of a case that fails.
 */
import fc from 'fast-check';

fc.configureGlobal(process.env['CODEC_RUNS'] === undefined ? { seed: 20_261_121 } : {});
