/** Until when alarms are silenced (ISO 8601); null: until they are turned on again. */
export interface MaintenanceState {
  until: string | null;
}
