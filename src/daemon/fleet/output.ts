import { FleetError } from '../../errors/fleet-error.ts';
import { runOf } from '../../fleet/agent.ts';
import { chooseSample, weighOutput } from '../../fleet/output/sample.ts';
import { Timeline } from '../../fleet/output/timeline.ts';
import type { LogFiles, Output as OutputTarget, Owner } from '../../host/host.ts';
import type { OutputRecord } from '../../store/runs.ts';
import type { FleetContext, FleetWatch } from './context.ts';
import { LogKeeper } from './log-keeper.ts';

/** How much of the end of a start's output a sample is chosen from. */
const SAMPLE_BYTES = 64 * 1024;

/** How often the two logs of a slot are looked at to see both at one moment. */
const LOOKS_MAX = 4;

/** Positions in a slot's logs; a slot with one log has 0 for stderr. */
type Positions = readonly [stdout: number, stderr: number];

/** The output of one start; `to` is null while nothing has been started after it. */
interface StartOutput {
  from: Positions;
  to: Positions | null;
  release: string;
}

/** What is known of a slot's output. */
interface SlotOutput {
  readonly timeline: Timeline;
  /** Where the output of the latest start begins; null if nobody knows. */
  begins: Positions | null;
  /** The latest start that failed. */
  failed: StartOutput | null;
}

/** A log of a slot. `stream` is null if both streams go to it. */
export interface SlotLog {
  path: string;
  stream: 'stdout' | 'stderr' | null;
}

/** The output of a fleet's agents: where it goes, when it was written, and samples of it; LogKeeper bounds it. */
export class Output implements FleetWatch {
  readonly #context: FleetContext;
  readonly #files: LogFiles;
  readonly #keeper: LogKeeper;
  readonly #slots = new Map<number, SlotOutput>();

  constructor(context: FleetContext) {
    this.#context = context;
    this.#files = context.services.host.files.logs;
    this.#keeper = new LogKeeper(context, (slot) => this.#note(slot));
  }

  start(): void {
    const { name, services } = this.#context;
    for (const [slot, { begins, marks }] of services.runs.outputs(name)) this.#restore(slot, begins, marks);
    this.#keeper.start();
  }

  stop(why: 'removed' | 'shutdown'): void {
    const { name, services } = this.#context;
    if (why === 'removed') this.#files.forget(services.paths.logDir(name));
  }

  /** The agent of a slot has ended: if nobody asked it to, a sample is of this start. */
  exited(slot: number): void {
    const { agent } = this.#context.fleet.slot(slot);
    const release = runOf(agent)?.release;
    const its = this.#slots.get(slot);
    if (!its || release === undefined) return;
    const isFailure =
      agent.state !== 'stopping' || agent.cause === 'not-ready' || agent.cause === 'unhealthy';
    its.failed = isFailure && its.begins ? { from: its.begins, to: null, release } : null;
  }

  /** The paths of a slot's two logs; the one of stderr exists only if the spec says so. */
  paths(slot: number): [stdout: string, stderr: string] {
    const { name, services } = this.#context;
    return [services.paths.log(name, slot), services.paths.errorLog(name, slot)];
  }

  /** The logs of a slot that exist, stdout first. */
  logs(slot: number): SlotLog[] {
    const [stdout, stderr] = this.paths(slot);
    if (this.#files.look(stderr) === null) {
      return this.#files.look(stdout) === null ? [] : [{ path: stdout, stream: null }];
    }
    return [
      { path: stdout, stream: 'stdout' },
      { path: stderr, stream: 'stderr' },
    ];
  }

  /** When a slot's output was written, as far as that was seen. */
  timeline(slot: number): Timeline {
    this.#note(slot);
    return this.#of(slot).timeline;
  }

  /**
   * Where the logs of a slot end at one moment: what follows there was written after what precedes it in either.
   * @returns null if its agent writes faster than can be looked
   */
  endsAtOnce(slot: number): [stdout: number, stderr: number] | null {
    const [out, err] = this.paths(slot);
    const endOf = (path: string) => this.#files.look(path)?.end ?? this.#files.lastEnd(path);
    let stdout = endOf(out);
    for (let tries = 0; tries < LOOKS_MAX; tries++) {
      const stderr = endOf(err);
      if (stderr === 0) return [stdout, 0];
      const again = endOf(out);
      if (again === stdout) return [stdout, stderr];
      stdout = again;
    }
    return null;
  }

  /** Where the output of a slot's latest start begins; if nobody knows, its end. */
  beginsOf(slot: number): [stdout: number, stderr: number] {
    const begins = this.#slots.get(slot)?.begins;
    return begins ? [...begins] : (this.endsAtOnce(slot) ?? [0, 0]);
  }

  /** @throws FleetError USAGE if the agents of this fleet write elsewhere */
  checkHasLogs(): void {
    const { name, fleet } = this.#context;
    const { to } = fleet.spec.logs;
    if (to === 'journal')
      throw new FleetError('USAGE', `fleet ${name} writes to the journal; run journalctl -t ${name}/SLOT`);
    if (to === 'null')
      throw new FleetError('USAGE', `fleet ${name} has logs: { to: null }, so there is no output`);
  }

  /**
   * The file that a slot's agent writes to.
   * @throws FleetError USAGE if agents write elsewhere, SLOT_UNKNOWN if nothing was ever written
   */
  written(slot: number): string {
    this.checkHasLogs();
    const [path] = this.paths(slot);
    if (Number.isInteger(slot) && this.#files.look(path) !== null) return path;
    throw new FleetError('SLOT_UNKNOWN', `slot ${slot} of fleet ${this.#context.name} has no output`);
  }

  /** The output of an errand in a slot: it is added to the agent's. */
  ofErrand(slot: number): OutputTarget {
    const [log, errors] = this.paths(slot);
    return this.#isApart ? { log, errors } : { log };
  }

  /** Opens the output of an agent that starts. A journal's descriptor is the caller's to close. */
  open(slot: number, owner: Owner): OutputTarget {
    switch (this.#context.fleet.spec.logs.to) {
      case 'file':
        this.#begin(slot, owner);
        return this.ofErrand(slot);
      case 'null':
        return { path: '/dev/null' };
      case 'journal':
        return { fd: this.#context.services.host.sockets.openJournal(this.#context.key(slot)) };
    }
  }

  /**
   * The lines that say why the agent of a slot has failed, from the output of that start and no other: of the latest that
   * has failed, or of the one that is still running because it failed to become ready.
   * @returns null if it wrote nothing, if nobody knows where its output begins, or if it cannot be read: whatever fails
   * because of that would be up to the agent, which may hold a lease on its log
   */
  sample(slot: number): string | null {
    const its = this.#slots.get(slot);
    // A rollout may judge the failure of a slot that has been vacated since.
    const known = this.#context.fleet.slots.get(slot);
    if (!its?.begins || !known) return null;
    const { agent, release } = known;
    const isStopping = agent.state === 'stopping';
    const failed = !isStopping && its.failed?.release === release ? its.failed : null;
    const { from, to } = failed ?? { from: its.begins, to: null };
    const [stdout, stderr] = this.paths(slot).map((path, i) => {
      try {
        return this.#files.readEnd(path, { from: from[i]!, to: to?.[i] ?? null, bytes: SAMPLE_BYTES });
      } catch {
        return '';
      }
    }) as [string, string];
    const chosen = stderr !== '' && weighOutput(stderr) >= weighOutput(stdout) ? stderr : stdout;
    return chooseSample(chosen);
  }

  get #isApart(): boolean {
    return this.#context.fleet.spec.logs.stderr === 'separate';
  }

  #of(slot: number): SlotOutput {
    const known = this.#slots.get(slot);
    if (known) return known;
    const made: SlotOutput = { timeline: new Timeline(), begins: null, failed: null };
    this.#slots.set(slot, made);
    return made;
  }

  #begin(slot: number, owner: Owner): void {
    const { keep = 1 } = this.#context.fleet.spec.logs;
    const its = this.#of(slot);
    const begins = this.paths(slot).map((path) => this.#files.begin(path, owner, keep)) as [number, number];
    if (its.failed && its.failed.to === null) its.failed = { ...its.failed, to: begins };
    its.begins = begins;
    its.timeline.note({ at: this.#context.services.host.date().getTime(), ends: begins });
    this.#keeper.lookSoon(slot);
    this.#persist(slot);
  }

  /** Notes how long the logs of a slot are now. */
  #note(slot: number): void {
    const { fleet, services } = this.#context;
    if (!fleet.slots.has(slot)) {
      this.#slots.delete(slot);
      return;
    }
    const [out, err] = this.paths(slot);
    // It was looked at after the other one, so both were so long at one moment.
    const hasOne = this.#files.lastEnd(err) === 0;
    const ends = hasOne ? ([this.#files.lastEnd(out), 0] as const) : this.endsAtOnce(slot);
    if (!ends || !this.#of(slot).timeline.note({ at: services.host.date().getTime(), ends })) return;
    this.#persist(slot);
    // What is noted is written at the end of a turn.
    this.#context.wake();
  }

  #persist(slot: number): void {
    const { name, services } = this.#context;
    services.runs.setOutput(name, slot, () => this.#record(slot));
  }

  /** What the next supervisor needs to know: its positions begin where the files of the logs begin now. */
  #record(slot: number): OutputRecord {
    const { begins, timeline } = this.#of(slot);
    const [stdout, stderr] = this.paths(slot).map((path) => this.#files.fileBegin(path)) as [number, number];
    const [out, err] = begins ?? [stdout, stderr];
    return { begins: [out - stdout, err - stderr], marks: timeline.toText([stdout, stderr]) };
  }

  /** A log that is shorter than what was noted has been emptied since: all in it is later. */
  #restore(slot: number, begins: Positions, marks: string): void {
    const looks = this.paths(slot).map((path) => this.#files.look(path));
    if (looks[1]) this.#keeper.keepErrors(slot);
    const ends = looks.map((look) => look?.end ?? 0) as [number, number];
    const timeline = Timeline.fromText(marks);
    const isStale = timeline.marks.some((mark) => mark.ends.some((end, i) => end > ends[i]!));
    this.#slots.set(slot, {
      timeline: isStale ? new Timeline() : timeline,
      begins: [0, 1].map((i) => (begins[i]! > ends[i]! ? 0 : begins[i]!)) as [number, number],
      failed: null,
    });
  }
}
