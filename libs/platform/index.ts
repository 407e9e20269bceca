export * from './clock.js';
export type { DatabaseConfig } from './config-servers.js';
export type { Role } from './config-values.js';
export { type Config, ConfigError, isLoopback, type Limits, readConfig } from './config.js';
export type { KafkaConfig } from './config-kafka.js';
export { describeConfig } from './config-doc.js';
export * from './errors.js';
export { collectGarbage } from './garbage.js';
export { fieldPath, WHOLE_BODY } from './field-path.js';
export { MOST_JSON_FAULTS } from './json-faults.js';
export { notJson, readJson, type ReadJson, readStrictJson } from './json-body.js';
export { createLog, type Log, type LogFields, type LogLevel, NestLog } from './log.js';
export { instanceOf, invalid, PROBLEM_TYPE, type ProblemAnswer, toProblem } from './http-problem.js';
export { answerProblems, ProblemFilter, problemServerOptions, sendProblem } from './problem-filter.js';
export { type JsonSchema, type Rule, satisfies } from './decorators.js';
export { IsBusinessId, IsClaimedTime, IsCleanText, IsFlatScalars, IsFlatStrings } from './dto-rules.js';
export { validated, ValidationPipe } from './validation.js';
export { createMetrics, type Gauges, Metrics } from './metrics.js';
export { type MetricsServer, startMetricsServer } from './metrics-server.js';
export {
  type ApiInfo,
  buildOpenApi,
  type DtoClass,
  type OpenApiDocument,
  type ResponseDoc,
  type RouteDoc,
} from './openapi.js';
export { type StaticFile, swaggerUi, SWAGGER_UI_CSP } from './swagger-ui.js';
