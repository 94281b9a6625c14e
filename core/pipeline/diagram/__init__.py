"""The picture of a pipeline: from evaluations to boxes and edges (`flow`), to places (`layout`), to SVG (`svg`). Pure."""
