import { type Finding, type LimitVerdict, remark } from '../../doctor/finding.ts';
import { diagnose } from '../../doctor/table.ts';
import { describeDiagnosis } from '../../doctor/text.ts';
import { type CloudAnswer, readCloudStartups } from '../../host/facts/metadata.ts';
import { programOf } from '../../host/facts/startups.ts';
import { readSurvey } from '../../host/facts/survey.ts';
import { accountOf } from '../../host/process/users.ts';
import { slotsIn } from '../../specification/addresses.ts';
import { addressesOf } from '../../specification/places.ts';
import type { Context } from '../context.ts';
import { print, printJson } from '../output.ts';
import { type Colour, paintFor } from '../style.ts';
import { type Subject, settleSubject } from '../subject.ts';

const EXIT_LIMIT = 5;
const COLOURS: Record<LimitVerdict, Colour | null> = { ok: null, warn: 'yellow', fail: 'red' };

/** fleetctl doctor: compares every limit of the host with what the agents need. It changes nothing. */
export async function run(context: Context): Promise<number> {
  const subject = await settleSubject(context);
  const executable = subject.source && programOf(subject.source.spec, subject.source.baseDir);
  const survey = surveyFor(subject, executable);
  const cloud = context.options.cloud === true ? await readCloudStartups(executable) : { startups: [] };
  const startups = [...survey.startups, ...('startups' in cloud ? cloud.startups : [])];
  const found = diagnose(subject.demand, { ...subject.facts, survey: { ...survey, startups } });
  const diagnosis = { ...found, findings: [...found.findings, ...unanswered(cloud)] };
  if (context.json) printJson({ ...diagnosis, findings: diagnosis.findings.map(toDocument) });
  else {
    const paint = paintFor(process.stdout);
    print(describeDiagnosis(diagnosis, (verdict, text) => paint(COLOURS[verdict], text)));
  }
  return diagnosis.findings.some(({ verdict }) => verdict === 'fail') ? EXIT_LIMIT : 0;
}

function surveyFor({ demand, facts: { uid }, agents }: Subject, executable: string | null) {
  const { addresses } = demand;
  const slots = addresses ? Math.min(demand.agents, slotsIn(addresses)) : 0;
  return readSurvey({
    uid,
    userName: accountOf(uid, uid).name,
    executable,
    agents,
    addresses: addressesOf(demand, Array(slots).keys()),
  });
}

function unanswered(cloud: CloudAnswer): Finding[] {
  if (!('problem' in cloud)) return [];
  return [
    remark('warn', {
      limit: 'metadata service',
      source: cloud.problem,
      why: 'It does not answer, so a start-up script of the cloud that also starts the fleet would go unnoticed.',
      fix: 'omit --cloud if the host is not a VM of that cloud',
    }),
  ];
}

/** A finding without its unit, which the name of the limit implies. */
function toDocument({ unit: _unit, ...finding }: Finding): Omit<Finding, 'unit'> {
  return finding;
}
