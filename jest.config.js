/** Jest runs the TypeScript sources as native ES modules; worker threads and child processes use the build in dist/. */
export default {
  testMatch: ['<rootDir>/{libs,apps,test,bench}/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/dist/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.stryker-tmp/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^#([a-z-]+)$': '<rootDir>/libs/$1/index.ts',
    '^(\\.{1,2}/.*)(?<!\\.json)\\.js$': '$1',
  },
  // Ample: the machines are slow and shared, and what never comes to pass says so itself.
  testTimeout: 90_000,
  maxWorkers: 2,
  // Modules of a test file that has ended are never freed (Node's vm): a worker that has grown begins anew.
  workerIdleMemoryLimit: '1GB',
};
