import { openapiDocument } from '../api/openapi.ts';
import { VERSION } from '../daemon/shared/version.ts';
import { sysctlExample } from '../doctor/sysctl-example.ts';
import { SCHEMA } from '../specification/schema.ts';
import { apiPage } from './api.ts';
import { commandsPage } from './commands.ts';
import { errorsPage } from './errors.ts';
import { eventsPage } from './events.ts';
import { limitsPage } from './limits.ts';
import { fleetctlMan, fleetdMan, fleetYamlMan } from './man.ts';
import { metricsPage } from './metrics.ts';
import { routesModule } from './routes.ts';
import { specPage } from './spec.ts';

/** Every file of the repository that is derived from the tables of the code, and its text. */
export const DERIVED: Readonly<Record<string, () => string | Promise<string>>> = {
  'schema/fleet.schema.json': () => `${JSON.stringify(SCHEMA)}\n`,
  'schema/openapi.json': () => `${JSON.stringify(openapiDocument(VERSION))}\n`,
  'src/api/routes.ts': routesModule,
  'sysctl/60-fleetd.conf': sysctlExample,
  'docs/reference/spec.md': specPage,
  'docs/reference/commands.md': commandsPage,
  'docs/reference/api.md': apiPage,
  'docs/reference/errors.md': errorsPage,
  'docs/reference/events.md': eventsPage,
  'docs/reference/metrics.md': metricsPage,
  'docs/reference/limits.md': limitsPage,
  'man/fleetctl.1': fleetctlMan,
  'man/fleetd.8': fleetdMan,
  'man/fleet.yaml.5': fleetYamlMan,
};
