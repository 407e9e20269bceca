export * from './clock.js';
export { type Config, ConfigError, type Limits, readConfig, readValues } from './config.js';
export type { KafkaConfig } from './config-kafka.js';
export type { DatabaseConfig } from './config-servers.js';
export type { Role } from './config-values.js';
export { type JsonSchema, type Rule, satisfies } from './decorators.js';
export { IsBusinessId, IsClaimedTime, IsCleanText, IsFlatScalars, IsFlatStrings } from './dto-rules.js';
export * from './errors.js';
export { fieldPath } from './field-path.js';
export { collectGarbage } from './garbage.js';
export { instanceOf, invalid, type ProblemAnswer, toProblem } from './http-problem.js';
export { notJson, readJson, type ReadJson, readStrictJson } from './json-body.js';
export { MOST_JSON_FAULTS } from './json-faults.js';
export { createLog, type Log, type LogFields, type LogLevel, NestLog } from './log.js';
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
export { ProblemFilter, problemServerOptions } from './problem-filter.js';
export { type StaticFile, swaggerUi, SWAGGER_UI_CSP } from './swagger-ui.js';
export { keepTickShape } from './tick-shape.js';
export { validated, ValidationPipe } from './validation.js';
