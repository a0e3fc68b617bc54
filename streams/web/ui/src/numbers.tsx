/** The live numbers in one line, after the window that they describe. */

import type { Numbers as Values } from "./board";
import { bytes, count, day, percent, period, span } from "./format";

interface Figure {
  readonly name: string;
  readonly label: string;
  readonly text: string;
  readonly value: number | null | undefined;
  readonly title: string;
  readonly isNotable?: boolean;
}

export function Numbers({ values, now }: { values: Values | null; now: number }) {
  return (
    <dl class="numbers" aria-label="Live numbers">
      {figures(values, now).map((figure) => (
        <div key={figure.name} class={figure.name} title={figure.title}>
          <dt>{figure.label}</dt>
          <dd
            data-testid={`number-${figure.name}`}
            data-value={figure.value ?? ""}
            class={figure.isNotable ? "notable" : undefined}
          >
            {figure.text}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function figures(values: Values | null, now: number): Figure[] {
  const { window_start: start = null, window_end: end = null } = values ?? {};
  const of = start === null ? "" : " in the newest settled window";
  const perSecond = (value: number | null | undefined, text: (value: number) => string) =>
    value == null ? "–" : `${text(value)}/s`;
  return [
    {
      name: "window",
      label: start === null ? "window" : `window ${day(start, now)}`.trim(),
      text: start === null || end === null ? "–" : period(start, end),
      value: start,
      title:
        "The newest settled window: flows, traffic and rejects are its. Every source is read beyond it" +
        (values?.window_is_final ? ", and it is final." : ", and later lines are too few to matter."),
    },
    {
      name: "behind",
      label: "behind",
      text: span(values?.behind_s ?? null),
      value: values?.behind_s,
      title: "Now, less the end of the newest settled window.",
    },
    {
      name: "flows",
      label: "flows",
      text: perSecond(values?.flows_per_s, count),
      value: values?.flows_per_s,
      title: `Flows each second${of}.`,
    },
    {
      name: "bytes",
      label: "traffic",
      text: perSecond(values?.bytes_per_s, bytes),
      value: values?.bytes_per_s,
      title: `Bytes each second${of}.`,
    },
    {
      name: "rejects",
      label: "rejects",
      text: percent(values?.reject_percent ?? null),
      value: values?.reject_percent,
      title: `Rejected flows, as a share of the decided ones${of}.`,
    },
    {
      name: "late",
      label: "late",
      text: count(values?.late ?? null),
      value: values?.late,
      title:
        "Rows that came after their window's retention, from three hours before the server of this page started." +
        " They are in the topic of refused data.",
      isNotable: (values?.late ?? 0) > 0,
    },
    {
      name: "lag",
      label: "lag",
      text: span(values?.lag_s ?? null),
      value: values?.lag_s,
      title: "From the arrival in Kinesis until readable here, for the newest message.",
    },
  ];
}
