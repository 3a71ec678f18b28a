import { describeMachine } from '../machine.ts';
import { median } from '../statistics.ts';
import type { Outcome } from './play.ts';

/** The outcomes as Markdown: a row for each scene, a column for each way; medians where one was played several times. */
export function renderOutcomes(outcomes: readonly Outcome[]): string {
  const ways = [...new Set(outcomes.map(({ way }) => way))];
  const head = ['registrations', 'story', 'agents', 'ideal', ...ways];
  const scenes = [...new Map(outcomes.map((outcome) => [keyOf(outcome), outcome])).values()];
  const rows = scenes.map((scene) => [
    scene.scene,
    scene.story,
    scene.agents.toLocaleString('en'),
    `${scene.idealSeconds.toFixed(1)} s`,
    ...ways.map((way) =>
      cell(outcomes.filter((other) => keyOf(other) === keyOf(scene) && other.way === way)),
    ),
  ]);
  const table = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  return [
    `\`npm run bench:registry\`: ${Object.values(describeMachine()).join(', ')}.`,
    'Time until the whole fleet is ready against the ideal, agents / capacity; starts that failed, as a share of the',
    'fleet; ± is how much the limit moved once it had found its way (standard deviation over mean).',
    '',
    table,
  ].join('\n');
}

function keyOf({ scene, story }: Outcome): string {
  return `${scene}, ${story}`;
}

function cell(outcomes: readonly Outcome[]): string {
  const [first] = outcomes;
  if (!first) return '–';
  const failed = `${((100 * median(outcomes.map((one) => one.failed))) / first.agents).toFixed(1)} % failed`;
  const times = outcomes.flatMap(({ seconds, idealSeconds }) =>
    seconds === null ? [] : [seconds / idealSeconds],
  );
  const variations = outcomes.flatMap(({ variation }) => variation ?? []);
  const steady = variations.length > 0 ? [`± ${(100 * median(variations)).toFixed(0)} %`] : [];
  const held = outcomes.some(({ holds }) => holds > 0) ? ['held'] : [];
  if (times.length < outcomes.length)
    return [`given up with ${first.ready.toLocaleString('en')} ready`, failed, ...held].join(', ');
  return [`${median(times).toFixed(2)} ×`, failed, ...steady, ...held].join(', ');
}
