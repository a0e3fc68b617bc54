/** The theme: light, dark, or that of the system; stored in the browser. */

import { effect, signal } from "@preact/signals";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
const KEY = "vpcflow-theme";

const kept = localStorage.getItem(KEY);
export const theme = signal<Theme>(THEMES.find((name) => name === kept) ?? "auto");

/** A counter of colour changes, because a canvas does not follow the style sheet. */
export const palette = signal(0);

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
  localStorage.setItem(KEY, theme.value);
  palette.value = palette.peek() + 1;
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  palette.value += 1;
});

/** Resolve colours of the style sheet; a canvas cannot read `light-dark()`, an element's style can. */
export function colours<T extends string>(names: readonly T[]): Record<T, string> {
  const probe = document.body.appendChild(document.createElement("i"));
  const found = names.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(found) as Record<T, string>;
}
