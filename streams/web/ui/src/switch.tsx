/** A row of buttons with one selected. */

interface Properties<T extends string> {
  readonly name: string;
  readonly values: readonly T[];
  readonly value: T;
  pick(value: T): void;
}

export function Switch<T extends string>({ name, values, value, pick }: Properties<T>) {
  return (
    <div class="switch" role="group" aria-label={name}>
      {values.map((each) => (
        <button
          key={each}
          type="button"
          data-testid={`${name}-${each}`}
          aria-pressed={each === value}
          onClick={() => pick(each)}
        >
          {each}
        </button>
      ))}
    </div>
  );
}
