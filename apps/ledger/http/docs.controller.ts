import { Controller, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Refusal, SWAGGER_UI_CSP, buildOpenApi, swaggerUi } from '#platform';
import { Parts } from '../parts.js';
import { docOf, Route } from './route.js';
import { docsFileRoute, docsRoute, openApiRoute } from './routes/docs.routes.js';
import { ALL_ROUTES } from './routes/all.js';
import { VERSION } from '../version.js';

/** The document of the API, made from the declarations that the routes run on, and a page that shows it. */
@Controller()
export class DocsController {
  private readonly document: string;
  private readonly files = swaggerUi();

  constructor(parts: Parts) {
    const { publicUrl } = parts.config;
    const info = { version: VERSION, ...(publicUrl === undefined ? {} : { publicUrl }) };
    this.document = JSON.stringify(buildOpenApi(ALL_ROUTES.map(docOf), info));
  }

  @Route(openApiRoute)
  openApi(@Res({ passthrough: true }) reply: FastifyReply): string {
    reply.type('application/json; charset=utf-8');
    return this.document;
  }

  @Route(docsRoute)
  page(@Res({ passthrough: true }) reply: FastifyReply): Buffer {
    return this.send('/docs', reply);
  }

  @Route(docsFileRoute)
  file(@Param('file') name: string, @Res({ passthrough: true }) reply: FastifyReply): Buffer {
    return this.send(`/docs/${name}`, reply);
  }

  private send(path: string, reply: FastifyReply): Buffer {
    const file = this.files.get(path);
    if (!file) throw new Refusal('NOT_FOUND', 'The page has no such file.');
    reply.type(file.contentType);
    reply.headers({ 'content-security-policy': SWAGGER_UI_CSP, 'x-content-type-options': 'nosniff' });
    return file.body;
  }
}
