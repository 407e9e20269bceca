/** The arrows of docs/architecture.md, each with its reason. `npm run check:boundaries` enforces them. */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'A cycle cannot be understood, tested or replaced in parts.',
      from: {},
      to: { circular: true, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      comment: 'A module nobody reaches is dead.',
      from: {
        orphan: true,
        pathNot: [
          '\\.test\\.ts$',
          '(^|/)main\\.ts$',
          '^apps/ledger/(demo|view-rebuild|relay-republish)\\.ts$',
          '^libs/.*/(writer|fold-thread|checkpoint-thread)\\.ts$',
        ],
      },
      to: {},
    },
    {
      name: 'consent-is-pure',
      severity: 'error',
      comment:
        'The rules must be provable without a clock, a disk or a framework: consent imports nothing, not even npm or node.',
      from: { path: '^libs/consent/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^libs/consent/' },
    },
    {
      name: 'libs-through-their-index',
      severity: 'error',
      comment: 'A lib promises what its index.ts exports and nothing else.',
      from: { path: '^(apps|libs|bench|test)/([^/]+)' },
      to: { path: '^libs/([^/]+)/.+', pathNot: ['^libs/[^/]+/(index|contract)\\.ts$', '^libs/$2/'] },
    },
    {
      name: 'contracts-are-for-tests',
      severity: 'error',
      comment: 'Contract suites are test code.',
      from: { pathNot: ['\\.test\\.ts$', '[-/]contract\\.ts$', '^test/'] },
      to: { path: '[-/]contract\\.ts$' },
    },
    {
      name: 'libs-do-not-know-apps',
      severity: 'error',
      comment: 'Arrows go from apps to libs. Their tests may start a real broker or database server.',
      from: { path: '^libs/', pathNot: '^libs/(relay|sender-guard|postgres|view|vault)/.*\\.test\\.ts$' },
      to: { path: '^(apps|test|bench)/' },
    },
    {
      name: 'no-app-imports-another',
      severity: 'error',
      comment: 'What two apps share belongs in a lib.',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'audit-reads-the-ledger-itself',
      severity: 'error',
      comment: 'What auditors are told must not come from what the service made of the ledger, nor by its network.',
      from: { path: '^apps/audit/' },
      to: { path: '^libs/', pathNot: '^libs/(consent|event-store|platform|vault|view)/' },
    },
    {
      name: 'eventstore-is-a-store-and-its-protocol',
      severity: 'error',
      comment: 'A server for development: it knows no rule of consent and no secret.',
      from: { path: '^apps/eventstore/' },
      to: { path: '^libs/', pathNot: '^libs/(esdb-server|event-store)/' },
    },
    {
      name: 'nest-is-the-socket',
      severity: 'error',
      comment: 'Frameworks come and go; the cores of the libs stay.',
      from: { path: '^libs/', pathNot: ['^libs/platform/', '\\.(module|handler)\\.ts$'] },
      to: { path: '^node_modules/@nestjs/' },
    },
    {
      name: 'event-store-stands-alone',
      severity: 'error',
      comment: 'The ledger stores bytes; it knows no rule of consent.',
      from: { path: '^libs/event-store/' },
      to: { path: '^libs/', pathNot: '^libs/(event-store|sqlite)/' },
    },
    {
      name: 'sqlite-stands-below',
      severity: 'error',
      comment: 'How to write a SQLite file safely is the same for ledger, vault and view, and knows none of them.',
      from: { path: '^libs/sqlite/' },
      to: { path: '^libs/', pathNot: '^libs/sqlite/' },
    },
    {
      name: 'postgres-stands-below',
      severity: 'error',
      comment: 'How to use a database server safely is the same for vault and view, and knows none of them.',
      from: { path: '^libs/postgres/', pathNot: '\\.test\\.ts$' },
      to: { path: '^libs/', pathNot: '^libs/postgres/' },
    },
    {
      name: 'one-lib-speaks-postgresql',
      severity: 'error',
      comment:
        'Sessions, their time-outs and their errors are one idea. Tests start servers and look at what they hold, and a benchmark is its floor.',
      from: { pathNot: ['^libs/postgres/', '^test/', '^bench/floors/'] },
      to: { path: '^node_modules/pg' },
    },
    {
      name: 'protobuf-stands-below',
      severity: 'error',
      comment: 'How bytes become numbers and texts; it knows no message of anybody.',
      from: { path: '^libs/protobuf/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^(libs/protobuf/|node:|buffer$)' },
    },
    {
      name: 'grpc-messages-are-bytes',
      severity: 'error',
      comment: 'The messages of the .proto files: service and client are both made on them, and they know neither.',
      from: { path: '^libs/grpc-messages/', pathNot: '(\\.test|-contract)\\.ts$' },
      to: { pathNot: '^(libs/(grpc-messages|protobuf)/|node:|buffer$)' },
    },
    {
      name: 'client-is-a-package-of-its-own',
      severity: 'error',
      comment: 'Programs that ask the ledger install it: the messages, grpc-js and node, nothing else.',
      from: { path: '^libs/client/', pathNot: ['\\.test\\.ts$', '^libs/client/package/'] },
      to: {
        pathNot: ['^libs/(client|grpc-messages)/', '^node_modules/@grpc/grpc-js/', '^node:', '^[a-z_]+(/promises)?$'],
      },
    },
    {
      name: 'esdb-server-serves-any-store',
      severity: 'error',
      comment: "EventStoreDB's protocol over the port of the ledger; it knows no rule of consent.",
      from: { path: '^libs/esdb-server/' },
      to: { path: '^libs/', pathNot: '^libs/(esdb-server|protobuf|event-store|sqlite)/' },
    },
    {
      name: 'vault-stands-on-consent',
      severity: 'error',
      comment:
        'The vault needs the key forms of addresses and the spelling of ids, and of ours only the helpers of SQLite and PostgreSQL besides.',
      from: { path: '^libs/vault/' },
      to: { path: '^libs/', pathNot: '^libs/(vault|consent|packed|sqlite|postgres)/' },
    },
    {
      name: 'view-follows-the-ledger',
      severity: 'error',
      comment: 'The view is made from the ledger by the rules, and can be dropped.',
      from: { path: '^libs/view/' },
      to: { path: '^libs/', pathNot: '^libs/(view|consent|event-store|sqlite|postgres|packed)/' },
    },
    {
      name: 'kafkajs-mends-stand-alone',
      severity: 'error',
      comment: 'What kafkajs gets wrong in every process that uses it, mended once.',
      from: { path: '^libs/kafkajs-mends/' },
      to: { path: '^libs/', pathNot: '^libs/kafkajs-mends/' },
    },
    {
      name: 'packaging-is-a-tool',
      severity: 'error',
      comment: 'How a lib becomes a package of npm; it knows none, and nothing that runs in the service knows it.',
      from: { path: '^libs/packaging/' },
      to: { path: '^libs/', pathNot: '^libs/packaging/' },
    },
    {
      name: 'packed-stands-alone',
      severity: 'error',
      comment:
        'Bytes outside the heap by recipient id: the view and the guard keep very many in them, each in its form.',
      from: { path: '^libs/packed/' },
      to: { path: '^libs/', pathNot: '^libs/packed/' },
    },
    {
      name: 'providers-know-words-only',
      severity: 'error',
      comment: 'A provider parser turns bytes into facts in words of the domain; it stores nothing.',
      from: { path: '^libs/providers/' },
      to: { path: '^libs/', pathNot: '^libs/(providers|consent)/' },
    },
    {
      name: 'platform-stands-below',
      severity: 'error',
      comment: 'Configuration, errors and logs serve every lib and know none.',
      from: { path: '^libs/platform/' },
      to: { path: '^libs/', pathNot: '^libs/platform/' },
    },
    {
      name: 'one-file-speaks-eventstoredb',
      severity: 'error',
      comment:
        'The client has defects and an end of life: one file wraps it. Tests drive it as it is, and a benchmark is its floor.',
      from: {
        pathNot: [
          '^libs/event-store/eventstoredb/client\\.ts$',
          '^libs/(esdb-server|event-store/eventstoredb)/.*(\\.test|-contract)\\.ts$',
          '^test/eventstore/',
          '^bench/floors/client/main\\.ts$',
        ],
      },
      to: { path: '^node_modules/@eventstore/db-client' },
    },
    {
      name: 'one-folder-speaks-kafkajs',
      severity: 'error',
      comment:
        'kafkajs is unmaintained: one folder wraps it, and one of the guard, which is a package of its own; what both mend in it is a lib. Tests read the topics as any consumer would, and a benchmark is its floor.',
      from: {
        pathNot: [
          '^libs/(relay|sender-guard)/kafkajs/',
          '^libs/kafkajs-mends/',
          '^test/kafka/',
          '^bench/floors/kafka/',
        ],
      },
      to: { path: '^node_modules/kafkajs' },
    },
    {
      name: 'contracts-stand-on-consent',
      severity: 'error',
      comment:
        'What leaves the process is made of the words of the rules, and is read by packages that have nothing else.',
      from: { path: '^libs/contracts/' },
      to: { path: '^libs/', pathNot: '^libs/(contracts|consent)/' },
    },
    {
      name: 'relay-follows-the-ledger',
      severity: 'error',
      comment:
        'The relay reads the ledger and the view, and nothing reads it. What a recipient id looks like it is told where the guard is.',
      from: { path: '^libs/relay/' },
      to: {
        path: '^libs/',
        pathNot: '^libs/(relay|contracts|consent|event-store|view|sqlite|postgres|packed|kafkajs-mends)/',
      },
    },
    {
      name: 'feed-follows-the-ledger',
      severity: 'error',
      comment: 'The feed tells what the ledger says in the records of the contracts; who may listen it does not judge.',
      from: { path: '^libs/feed/' },
      to: { path: '^libs/', pathNot: '^libs/(feed|contracts|consent|event-store|view)/' },
    },
    {
      name: 'guard-is-a-package-of-its-own',
      severity: 'error',
      comment: 'A sender embeds it: the rules, the records, packed storage, kafkajs and node, nothing else.',
      from: { path: '^libs/sender-guard/', pathNot: ['\\.test\\.ts$', '^libs/sender-guard/package/'] },
      to: {
        pathNot: [
          '^libs/(sender-guard|contracts|consent|packed|kafkajs-mends)/',
          '^node_modules/kafkajs',
          '^node:',
          '^[a-z_]+(/promises)?$',
        ],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-dev-dependency-in-production',
      severity: 'error',
      comment: 'The image is built without development packages.',
      from: { path: '^(apps|libs)/', pathNot: ['\\.test\\.ts$', '[-/]contract\\.ts$'] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'An import that resolves to nothing fails at run time.',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'node', 'default', 'types'],
    },
  },
};
