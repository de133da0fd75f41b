import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

/** The API's documentation at /docs: Swagger UI's own files, from this server, with a start script that fits the strict CSP. */
function apiDocs(): Plugin {
  const folder = join(import.meta.dirname, '..', '..', 'node_modules', 'swagger-ui-dist');
  const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Evenkeel API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;
  const start = `SwaggerUIBundle({
  url: '/api/v1/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  validatorUrl: null,
  docExpansion: 'list',
  requestInterceptor: (request) => {
    request.headers['x-evenkeel-client'] = 'docs';
    return request;
  },
});
`;
  return {
    name: 'api-docs',
    generateBundle() {
      for (const name of ['swagger-ui.css', 'swagger-ui-bundle.js']) {
        const source = readFileSync(join(folder, name), 'utf8').replace(/\n?\/[/*]# sourceMappingURL=.*$/m, '');
        this.emitFile({ type: 'asset', fileName: `docs/${name}`, source });
      }
      this.emitFile({ type: 'asset', fileName: 'docs/index.html', source: page });
      this.emitFile({ type: 'asset', fileName: 'docs/start.js', source: start });
    },
  };
}

const config = defineConfig({
  root: import.meta.dirname,
  base: '/',
  plugins: [apiDocs()],
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});

export { config as default };
