"""Reports for those who decide: Markdown, HTML and plots."""
