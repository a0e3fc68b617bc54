/** The view in the address of the page, with a pure parser and a pure writer. */

export const ORDERS = ["bytes", "packets", "flows", "rejects"] as const;
export const RANGES = ["15m", "1h", "3h"] as const;
export type Order = (typeof ORDERS)[number];
export type Range = (typeof RANGES)[number];

export interface View {
  readonly by: Order;
  readonly range: Range;
}

export const DEFAULT: View = { by: "bytes", range: "1h" };

/** Parse a query string; a missing or unknown value becomes the default. */
export function parse(search: string): View {
  const query = new URLSearchParams(search);
  return {
    by: one(ORDERS, query.get("by"), DEFAULT.by),
    range: one(RANGES, query.get("range"), DEFAULT.range),
  };
}

/** Write a view as a query string; `parse` reads it back. */
export function format(view: View): string {
  return `?${new URLSearchParams({ by: view.by, range: view.range })}`;
}

function one<T extends string>(allowed: readonly T[], text: string | null, otherwise: T): T {
  return allowed.find((value) => value === text) ?? otherwise;
}
