import { openDecoder } from '../../../connectors/decoders/parquet.ts';
import { nestedColumnsExam } from '../../contracts/file-decoder-nested.ts';

nestedColumnsExam(openDecoder);
