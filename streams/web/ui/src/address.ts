/** The view in the address of the page, with a pure parser and a pure writer. */

export const ORDERS = ["bytes", "packets", "flows", "rejects"] as const;
export const RANGES = ["15m", "1h", "3h"] as const;
export const GROUPS = ["interface", "resource", "peer", "port", "pair", "subnet", "zone"] as const;
export const FILTERS = ["eni", "resource", "peer", "port", "pair", "subnet", "zone", "action"] as const;
export type Order = (typeof ORDERS)[number];
export type Range = (typeof RANGES)[number];
export type Group = (typeof GROUPS)[number];
export type Filter = (typeof FILTERS)[number];
export type Filters = Readonly<Partial<Record<Filter, string>>>;

export interface View {
  readonly by: Order;
  readonly range: Range;
  readonly group: Group;
  readonly filters: Filters;
  /** A selected time, epoch seconds; null: the newest windows of the range. */
  readonly from: number | null;
  readonly to: number | null;
}

export const DEFAULT: View = { by: "bytes", range: "1h", group: "interface", filters: {}, from: null, to: null };
const VALUE_MAX = 200;

/** Parse a query string; a missing or unknown value becomes the default. */
export function parse(search: string): View {
  const query = new URLSearchParams(search);
  const from = epoch(query.get("from"));
  const to = epoch(query.get("to"));
  const isOrdered = from === null || to === null || from < to;
  return {
    by: one(ORDERS, query.get("by"), DEFAULT.by),
    range: one(RANGES, query.get("range"), DEFAULT.range),
    group: one(GROUPS, query.get("group"), DEFAULT.group),
    filters: Object.fromEntries(
      FILTERS.flatMap((name) => {
        const value = query.get(name);
        return value && value.length <= VALUE_MAX ? [[name, value]] : [];
      }),
    ),
    from: isOrdered ? from : null,
    to: isOrdered ? to : null,
  };
}

/** Write a view as a query string; `parse` reads it back. Defaults other than order and range are left out. */
export function format(view: View): string {
  const query = new URLSearchParams({ by: view.by, range: view.range });
  if (view.group !== DEFAULT.group) query.set("group", view.group);
  for (const name of FILTERS) {
    const value = view.filters[name];
    if (value) query.set(name, value);
  }
  if (view.from !== null) query.set("from", String(view.from));
  if (view.to !== null) query.set("to", String(view.to));
  return `?${query}`;
}

/** The query string of the live stream, which has no filters. */
export function formatLive(view: View): string {
  return `?${new URLSearchParams({ by: view.by, range: view.range })}`;
}

/** The query string of `/api/conversations` for a view. */
export function formatConversations(view: View, group: string, more: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(format(view).slice(1));
  query.set("group", group);
  for (const [name, value] of Object.entries(more)) query.set(name, value);
  return `?${query}`;
}

/** True if the view needs conversations: a filter, a time, or rows other than interfaces. */
export function isSelective(view: View): boolean {
  return view.group !== "interface" || hasFilter(view);
}

/** True if the view shows a part of the traffic only. */
export function hasFilter(view: View): boolean {
  return Object.keys(view.filters).length > 0 || view.from !== null || view.to !== null;
}

/** The filter that a row of a group sets. */
export function filterOf(group: Group): Filter {
  return group === "interface" ? "eni" : group;
}

function epoch(text: string | null): number | null {
  return text !== null && /^[1-9]\d{0,11}$/.test(text) ? Number(text) : null;
}

function one<T extends string>(allowed: readonly T[], text: string | null, otherwise: T): T {
  return allowed.find((value) => value === text) ?? otherwise;
}
