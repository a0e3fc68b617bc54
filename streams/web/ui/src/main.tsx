/** The page: the numbers, the chart, the table, the alerts and the data health. */

import "uplot/dist/uPlot.min.css";
import "./main.css";
import { render } from "preact";
import { Alerts } from "./alerts";
import { Conversations } from "./conversations";
import { Filters } from "./filters";
import { Health } from "./health";
import { Numbers } from "./numbers";
import { board, isLost, standing, start } from "./state";
import { startSelection } from "./selection";
import { Switch } from "./switch";
import { theme, THEMES } from "./theme";
import { Top } from "./top";
import { Traffic } from "./traffic";
import { Watermark } from "./watermark";

function Page() {
  const state = standing(board.value, isLost.value);
  return (
    <>
      <header class="bar">
        <h1>vpcflow</h1>
        <span class={`state ${state.name}`} role="status" data-testid="state" data-state={state.name} title={state.text}>
          {state.text}
        </span>
        <Numbers values={board.value?.numbers ?? null} now={board.value?.now ?? 0} />
        <Switch name="theme" values={THEMES} value={theme.value} pick={(name) => (theme.value = name)} />
      </header>
      <main>
        <Watermark />
        <Filters />
        <Traffic />
        <Top />
        <div class="side">
          <Alerts />
          <Health />
        </div>
        <Conversations />
      </main>
    </>
  );
}

const root = document.getElementById("page");
if (root === null) throw new Error("the server's HTML has no element with the id `page`");
start();
startSelection();
render(<Page />, root);
