"""What is measured: one module a part, as `edge_assistant.bench.speed.part.Part` describes it."""
