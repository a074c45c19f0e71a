import { encoderExam } from '../contracts/encoder.ts';
import { encoderHere } from './encoder-here.ts';

encoderExam(encoderHere);
