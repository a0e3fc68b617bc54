"""An estate as a topology file describes it. Pure except `presets`."""
