"""What is measured: one module a part, as `evals.speed.part.Part` describes it."""
