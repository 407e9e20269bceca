import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { ProblemFilter } from '#platform';
import { asRefusal } from '../failures.js';

/** Gives the failures of stores and vault their public code; everything else passes as it is. */
@Catch()
export class LedgerFilter implements ExceptionFilter {
  constructor(private readonly problems: ProblemFilter) {}

  catch(error: unknown, host: ArgumentsHost): void {
    this.problems.catch(asRefusal(error), host);
  }
}
