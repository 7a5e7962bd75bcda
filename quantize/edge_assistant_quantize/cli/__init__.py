"""The verbs of `edge-quantize`: one small file a verb."""
