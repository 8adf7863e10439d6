"""How well orders were executed: a fold over the journal's records, and the formulas."""
