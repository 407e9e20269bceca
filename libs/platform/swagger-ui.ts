import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface StaticFile {
  readonly contentType: string;
  readonly body: Buffer;
}

/** For the pages of `swaggerUi()`: nothing from elsewhere, no inline script. The page styles its own elements inline. */
export const SWAGGER_UI_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/**
 * The page that shows the OpenAPI document, by path: `/docs` and the files it loads. Files are read once, at start,
 * from the package `swagger-ui-dist`.
 */
export function swaggerUi(base = '/docs', documentUrl = '/openapi.json'): ReadonlyMap<string, StaticFile> {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const shipped = (name: string, contentType: string): [string, StaticFile] => [
    `${base}/${name}`,
    { contentType, body: readFileSync(join(folder, name)) },
  ];
  const own = (path: string, contentType: string, text: string): [string, StaticFile] => [
    path,
    { contentType, body: Buffer.from(text) },
  ];
  return new Map([
    own(base, 'text/html; charset=utf-8', page(base)),
    own(`${base}/start.js`, SCRIPT_TYPE, startScript(documentUrl)),
    shipped('swagger-ui-bundle.js', SCRIPT_TYPE),
    shipped('swagger-ui.css', 'text/css; charset=utf-8'),
    shipped('favicon-32x32.png', 'image/png'),
  ]);
}

const SCRIPT_TYPE = 'text/javascript; charset=utf-8';

function page(base: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Consent Ledger API</title>
    <link rel="stylesheet" href="${base}/swagger-ui.css" />
    <link rel="icon" type="image/png" href="${base}/favicon-32x32.png" />
  </head>
  <body>
    <div id="api"></div>
    <script src="${base}/swagger-ui-bundle.js"></script>
    <script src="${base}/start.js"></script>
  </body>
</html>
`;
}

function startScript(documentUrl: string): string {
  return `SwaggerUIBundle({ url: ${JSON.stringify(documentUrl)}, dom_id: '#api', validatorUrl: null, persistAuthorization: false });\n`;
}
