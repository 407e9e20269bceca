import { describe, expect, it } from '@jest/globals';
import { swaggerUi, SWAGGER_UI_CSP } from './swagger-ui.js';

describe('swaggerUi', () => {
  const files = swaggerUi();
  const page = files.get('/docs')?.body.toString() ?? '';

  it('serves every file that its page loads, from its own origin', () => {
    const loaded = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '');
    expect(loaded.length).toBe(4);
    for (const path of loaded) expect(files.get(path)?.body.length).toBeGreaterThan(10);
  });

  it('has no script in the page, so that the policy can forbid them', () => {
    expect(page).not.toMatch(/<script>|<script [^>]*>[^<]|\son\w+=/);
    expect(SWAGGER_UI_CSP).toContain("script-src 'self';");
    expect(files.get('/docs/start.js')?.body.toString()).toContain('"/openapi.json"');
  });
});
