/** The six live numbers, in one line. */

import type { Numbers as Values } from "./board";
import { bytes, clock, count, percent, span } from "./format";

interface Figure {
  readonly name: string;
  readonly label: string;
  readonly text: string;
  readonly value: number | null | undefined;
  readonly title: string;
  readonly isNotable?: boolean;
}

export function Numbers({ values }: { values: Values | null }) {
  return (
    <dl class="numbers" aria-label="Live numbers">
      {figures(values).map((figure) => (
        <div key={figure.name} title={figure.title}>
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

function figures(values: Values | null): Figure[] {
  const window = values?.window_start == null ? "" : ` in the window of ${clock(values.window_start, true)}`;
  const perSecond = (text: string) => (values === null ? "–" : `${text}/s`);
  return [
    {
      name: "behind",
      label: values?.behind_is_final ? "behind, final" : "behind",
      text: span(values?.behind_s ?? null),
      value: values?.behind_s,
      title: `Now, less the end of the newest ${values?.behind_is_final ? "final " : ""}window.`,
    },
    {
      name: "flows",
      label: "flows",
      text: perSecond(count(values?.flows_per_s ?? null)),
      value: values?.flows_per_s,
      title: `Flows each second${window}.`,
    },
    {
      name: "bytes",
      label: "traffic",
      text: perSecond(bytes(values?.bytes_per_s ?? null)),
      value: values?.bytes_per_s,
      title: `Bytes each second${window}.`,
    },
    {
      name: "rejects",
      label: "rejects",
      text: percent(values?.reject_percent ?? null),
      value: values?.reject_percent,
      title: `Rejected flows, as a share of the decided ones${window}.`,
    },
    {
      name: "late",
      label: "late",
      text: count(values?.late ?? null),
      value: values?.late,
      title: "Rows that came after their window's retention; they are in the topic of refused data.",
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
