import { defineConfig } from 'vite';

const config = defineConfig({
  root: import.meta.dirname,
  base: '/',
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});

export { config as default };
